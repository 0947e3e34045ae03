"""The elements of a page that are bound two-way to stored fields, by an address that outlives the page."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from nicegui.elements.mixins.value_element import ValueElement

from .. import nicegui_private
from ..contracts.page_object import TakesEntries


@dataclass(frozen=True, slots=True)
class Bound:
    """One element and the field that it is bound to; `transform` is the binding's function for its value."""

    element: ValueElement[Any]
    page_object: TakesEntries
    field: str
    transform: nicegui_private.Transform | None

    def value_of(self, arguments: Any) -> Any:
        """Return the value that an event with these arguments would assign to the field. Raises the element's errors.

        Where `forward=` of the binding raises, it is the element's value: nothing would be assigned.
        """
        value = nicegui_private.value_of_event(self.element, arguments)
        if self.transform is None:
            return value
        with suppress(Exception):  # the app's code may raise anything
            return getattr(self.transform, 'unguarded', self.transform)(value)
        return value


def find_bound(page_objects: Iterable[TakesEntries]) -> dict[str, Bound]:
    """Return the bound elements of these page objects by address.

    An address names the slice, the field, the kind of the element, and its position among elements of that kind.
    Another process that builds the page gives the same address. A choice with other options gets another one, since an
    index would mean something else.
    """
    found: dict[str, Bound] = {}
    for page_object in page_objects:
        if page_object.page is None:
            continue
        for name, stored in page_object.schema.fields.items():
            if not stored.scope.is_stored:
                continue  # the browser keeps it anyway
            alike: Counter[str] = Counter()
            for element, transform in nicegui_private.two_way(page_object.page, name):
                if element.is_deleted:
                    continue
                kind = nicegui_private.kind_of(element)
                found[_address(page_object, name, kind, alike[kind])] = Bound(element, page_object, name, transform)
                alike[kind] += 1
    return found


def _address(page_object: TakesEntries, name: str, kind: str, ordinal: int) -> str:
    slice_id = page_object.slice_id
    text = '\0'.join((slice_id.name, str(slice_id.version), slice_id.key, name, kind, str(ordinal)))
    return base64.urlsafe_b64encode(blake2b(text.encode('utf-8', 'surrogatepass'), digest_size=9).digest()).decode()
