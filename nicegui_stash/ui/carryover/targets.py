"""The elements of a page that are bound both ways to stored fields, or parts of them, by a lasting address."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

from nicegui.element import Element

from ...model.observed import KINDS
from ...model.places import Place, find_places
from .. import nicegui_private
from ..contracts.page_object import TakesEntries

WHOLE: Final = Place()


@dataclass(frozen=True, slots=True)
class Bound:
    """One element and the field, or the part of a field, that it is bound to.

    `owner` and `names` say to what: the page, or a dict or object in the field's value. `place` is within the value.
    """

    entry: nicegui_private.TwoWay
    page_object: TakesEntries
    field: str
    owner: object
    names: tuple[str, ...]
    place: Place = WHOLE

    @property
    def element(self) -> Element:
        return self.entry.element

    @property
    def attribute(self) -> str:
        return self.entry.attribute

    @property
    def key(self) -> int | str:
        """The name of the element's attribute in the browser: the element's id, where it is its value."""
        return self.element.id if self.attribute == 'value' else f'{self.element.id}:{self.attribute}'

    @property
    def is_as_stored(self) -> bool:
        """Whether the field gets what the element has, so that one is too large where the other is."""
        declared = self.page_object.schema.fields[self.field].field
        return self.entry.transform is None and declared.encode is None

    @property
    def is_in_address(self) -> bool:
        """Whether the field is in the page's address, which nobody else can write."""
        return self.page_object.schema.fields[self.field].scope.kept_by == 'address'

    def value_of(self, arguments: Any) -> Any:
        """Return the value that an event with these arguments would assign to the field. Raises the element's errors.

        Where `forward=` of the binding raises, it is the element's value: nothing would be assigned.
        """
        value = nicegui_private.value_of_event(self.element, self.attribute, arguments)
        if (transform := self.entry.transform) is None:
            return value
        with suppress(Exception):  # the app's code may raise anything
            return getattr(transform, 'unguarded', transform)(value)
        return value


def find_bound(page_objects: Iterable[TakesEntries], elements: Iterable[Element] = ()) -> dict[str, Bound]:
    """Return the bound elements of these page objects by address; only among `elements` those bound to parts of fields.

    An address names the slice, the field, the part, the kind of the element, its position among elements of that kind,
    and the room or person whose field it is. Another process that builds the page gives the same address. A choice with
    other options gets another one, since an index would mean something else.
    """
    found: dict[str, Bound] = {}
    alike: Counter[str] = Counter()
    open_objects = [each for each in page_objects if each.page is not None]
    for bound in (*_to_fields(open_objects), *_to_parts(open_objects, elements)):
        if not bound.element.is_deleted:
            found[_address(bound, alike)] = bound
    return found


def find_field(address: str, page_objects: Iterable[TakesEntries]) -> tuple[TakesEntries, str] | None:
    """Return the page object and field of an address, whether or not it still has the element."""
    for page_object in page_objects:
        for name in page_object.schema.fields:
            if address.startswith(_prefix(page_object, name)):
                return page_object, name
    return None


def _to_fields(page_objects: Iterable[TakesEntries]) -> Iterator[Bound]:
    for page_object in page_objects:
        for name in page_object.schema.fields:
            for entry in nicegui_private.two_way(page_object.page, name):
                yield Bound(entry, page_object, name, page_object.page, (name,))


def _to_parts(page_objects: Iterable[TakesEntries], elements: Iterable[Element]) -> Iterator[Bound]:
    """Iterate over the elements bound to parts, in the order in which they were made; a page without parts has none."""
    fields = {
        (id(each.page), name): each
        for each in page_objects
        for name in each.schema.fields
        if _may_have_parts(each, name)
    }
    if not fields:
        return
    pages = {id(page_object.page) for page_object in page_objects}
    entries = [
        each
        for element in elements
        for each in nicegui_private.two_way_from(element)
        if len(each[2]) > 1 or id(each[1]) not in pages
    ]
    parts = {id(owner): owner for _, owner, _ in entries if id(owner) not in pages}
    found: dict[int, tuple[TakesEntries, str, Place]] = {}
    for (_, name), page_object in fields.items() if parts else ():
        wanted = [part for key, part in parts.items() if key not in found]
        places = find_places(getattr(page_object.page, name), wanted, page_object.schema.fields[name].field.row_key)
        found |= {part: (page_object, name, place) for part, place in places.items()}
    for entry, owner, names in entries:
        if id(owner) in found:
            page_object, name, place = found[id(owner)]
            yield Bound(entry, page_object, name, owner, names, place.inside(*names))
        elif (holder := fields.get((id(owner), names[0]))) is not None:
            yield Bound(entry, holder, names[0], owner, names, WHOLE.inside(*names[1:]))


def _may_have_parts(page_object: TakesEntries, name: str) -> bool:
    return page_object.schema.fields[name].codec.opaque or isinstance(getattr(page_object.page, name), KINDS)


def _address(bound: Bound, alike: Counter[str]) -> str:
    kind = nicegui_private.kind_of(bound.element)
    prefix = _prefix(bound.page_object, bound.field)
    text = f'{prefix}\0{kind}\0{bound.attribute}\0{bound.place.identity}'
    alike[text] += 1
    return prefix + _digest(f'{text}\0{alike[text]}', 6)


def _prefix(page_object: TakesEntries, name: str) -> str:
    slice_id = page_object.slice_id
    text = f'{slice_id.name}\0{slice_id.version}\0{slice_id.key}\0{name}'
    owner = page_object.schema.fields[name].scope.owner
    whose = page_object.owner_name(owner) if owner is not None else ''
    return _prefix_of(f'{text}\0{whose}' if whose else text)


@lru_cache(maxsize=1024)
def _prefix_of(text: str) -> str:
    return _digest(text, 3)


def _digest(text: str, size: int) -> str:
    return base64.urlsafe_b64encode(blake2b(text.encode('utf-8', 'surrogatepass'), digest_size=size).digest()).decode()
