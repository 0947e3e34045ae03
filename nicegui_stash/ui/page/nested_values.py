"""The parts of a field's value, which may change without notice and may have elements bound to them."""

# pyright: reportUnknownMemberType=false
# The app decides what a field holds.

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, cast

import msgspec
from msgspec import Raw
from nicegui import ui
from nicegui.element import Element

from ...errors import ValueNotStorable
from ...model.changed_rows import changed_items
from ...model.entered import meant_inside
from ...model.pieces import Json, joined
from ...model.schema import StoredField
from .. import nicegui_private

TYPED_INTO: Final = (ui.input, ui.number, ui.editor, ui.codemirror)
"""Elements that lose focus and cursor when they are drawn again; `ui.textarea` is a `ui.input`."""
_STEP: Final = re.compile(r"\.(?P<name>\w+)|\[(?P<index>\d+)\]|\['?(?P<key>[^']*?)'?\]")


def encode(page: object, stored: StoredField) -> Raw:
    """Return the JSON of a field's present value. Raises `ValueNotStorable`."""
    refused: ValueNotStorable | None = None
    before: list[tuple[Any, Any, object]] = []
    while True:
        try:
            return stored.codec.encode(getattr(page, stored.name))[1]
        except ValueNotStorable as error:
            if refused is not None and error.path == refused.path and '...' not in error.path:
                for place in before:  # what was meant does not fit either
                    _set(*place)
                raise refused from error
            refused, before = error, _take_meant(page, stored.name, error)
            if not before:
                raise


def elements_at(page: object, field: str, error: ValueNotStorable) -> list[Element]:
    """Return the elements bound both ways to the part of a field's value that an error names."""
    steps = _steps(error.path)
    if '...' in steps:
        return []  # some entry of a dict: the error does not say which
    return [
        element
        for owner, name in _places(getattr(page, field), steps)
        for element in _bound(page, field, owner, name, steps)
    ]


def elements_of(part: Any, *, objects: bool = False) -> Iterator[tuple[Any, str, Element]]:
    """Iterate over the elements bound both ways to entries of dicts in a part of a value, with the dict and the key.

    With `objects` also over those bound to attributes of objects.
    """
    names: Iterable[str] = ()
    inner: Iterable[Any] = ()
    if isinstance(part, dict):
        names, inner = cast(dict[str, Any], part).keys(), cast(dict[str, Any], part).values()
    elif isinstance(part, list):
        inner = cast(list[Any], part)
    elif objects:
        names = nicegui_private.attributes_of(part)
    owner = cast(Any, part)
    for name in names:
        if (id(owner), (name,)) in nicegui_private.bindings:
            yield from ((owner, name, bound.element) for bound in nicegui_private.two_way(owner, name))
    for item in inner:
        if objects or isinstance(item, (dict, list)):
            yield from elements_of(item, objects=objects)


def shows_change(page: object, field: str, before: Json | None, after: Json, containers: Sequence[Element]) -> bool:
    """Whether each of these containers has inputs bound both ways to every part of a field that changed.

    A person may be typing into one. What else changes an element, as a click does, can draw it again.
    """
    if before is None or not containers or page is None:
        return False
    try:
        parts = [
            steps
            for start, one, other in _differing(joined(before), joined(after))
            for steps in _changed(msgspec.json.decode(one), msgspec.json.decode(other), start)
        ]
    except (msgspec.DecodeError, LookupError):
        return False
    return bool(parts) and all(_shows(page, field, steps, container) for steps in parts for container in containers)


def _differing(before: Raw, after: Raw) -> Iterator[tuple[list[str | int], Raw, Raw]]:
    """Iterate over the items of a list that differ, or the whole of another value, with the steps that lead there."""
    items = changed_items(before, after)
    if items is None:
        yield [], before, after
    for index, (one, other) in (items or {}).items():
        yield [index], one, other


def _changed(before: Any, after: Any, steps: list[str | int]) -> Iterator[list[str | int]]:
    """Iterate over the steps to the parts in which two JSON values differ. Rows that come or go change their list."""
    kind = type(cast(object, before))
    if kind is dict is type(after) and list(before) == list(after):
        for key in before:
            yield from _changed(before[key], after[key], [*steps, key])
    elif kind is list is type(after) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            if one != other:
                yield from _changed(one, other, [*steps, index])
    elif before != after or kind is not type(after):
        yield steps


def _shows(page: object, field: str, steps: Sequence[str | int], container: Element) -> bool:
    return any(
        container in element.ancestors()
        for owner, name in _places(getattr(page, field), steps)
        for element in _bound(page, field, owner, name, steps)
        if isinstance(element, TYPED_INTO)
    )


def _take_meant(page: object, field: str, error: ValueNotStorable) -> list[tuple[Any, Any, object]]:
    """Put what an element means in place of parts that do not fit; return where, and what was there before."""
    steps = _steps(error.path)
    taken: list[tuple[Any, Any, object]] = []
    for owner, name in _places(getattr(page, field), steps):
        held = _part(owner, name)
        for each in meant_inside(held, error.reason):
            if _bound(page, field, owner, name, steps):
                _set(owner, name, each)
                if type(_part(owner, name)) is type(each):
                    taken.append((owner, name, held))
    return taken


def _bound(page: object, field: str, owner: object, name: Any, steps: Sequence[str | int]) -> list[Element]:
    """Return the elements bound both ways to this part of a field's value."""
    found = list(nicegui_private.two_way(owner, name))
    names = [each for each in (*steps[:-1], name) if isinstance(each, str) and each != '...']
    if len(names) == len(steps):  # as `bind_value(self, ('guest', 'age'))`
        found += nicegui_private.two_way(page, field, *names)
    return [bound.element for bound in found if not bound.element.is_deleted]


def _steps(path: str) -> list[str | int]:
    """Return the names and indices of a path; `...` stands for any entry of a dict.

    >>> _steps("$.guests[0].age"), _steps("$['a'].b"), _steps('$[...].age')
    (['guests', 0, 'age'], ['a', 'b'], ['...', 'age'])
    """
    return [int(step['index']) if step['index'] else step['name'] or step['key'] for step in _STEP.finditer(path)]


def _places(value: Any, steps: Sequence[str | int]) -> Iterator[tuple[Any, Any]]:
    """Iterate over the places that steps lead to: object and attribute, or dict and key."""
    for first, *rest in [steps] if steps else []:
        for key in list(cast(dict[Any, Any], value)) if first == '...' and isinstance(value, dict) else [first]:
            if rest:
                yield from _places(_part(value, key), rest)
            else:
                yield value, key


def _part(value: Any, step: Any) -> Any:
    try:
        return cast(Any, value)[step] if isinstance(value, (Mapping, Sequence)) else getattr(value, step)
    except (LookupError, AttributeError, TypeError):  # such as an attribute with another name in the JSON
        return None


def _set(owner: Any, name: Any, value: object) -> None:
    """Set an attribute, or a dict's entry without a notice to the field, which is being encoded already."""
    if isinstance(owner, dict):
        dict.__setitem__(cast(dict[Any, Any], owner), name, value)
    else:
        setattr(owner, name, value)
