"""What is inside a field's value, where objects change without telling anybody, and elements are bound to them."""

# pyright: reportUnknownMemberType=false
# What a field holds is whatever the app puts there.

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, Final, cast

from msgspec import Raw, Struct
from nicegui.elements.mixins.value_element import ValueElement

from ..errors import ValueNotStorable
from ..schema import StoredField
from . import internals

_STEP: Final = re.compile(r"\.(?P<name>\w+)|\[(?P<index>\d+)\]|\['?(?P<key>[^']*?)'?\]")


def encode(page: object, stored: StoredField) -> Raw:
    """Return the JSON of what a field holds. Raises `ValueNotStorable`."""
    while True:
        try:
            return stored.codec.encode(getattr(page, stored.name))[1]
        except ValueNotStorable as error:
            if not _make_whole(page, stored.name, error):
                raise


def refill(held: Any, value: Any, to_json: Callable[[Any], Raw]) -> bool:
    """Give a dataclass or a Struct the attributes of another one, since elements may be bound to it.

    Returns whether it is now what the other is; if not, the other one has to take its place.
    """
    if type(held) is not type(value):
        return False
    if isinstance(held, Struct):
        names, frozen = held.__struct_fields__, held.__struct_config__.frozen
    elif is_dataclass(held):
        names, frozen = tuple(each.name for each in fields(held)), cast(Any, held).__dataclass_params__.frozen
    else:
        return False
    if frozen:
        return False
    try:
        for name in names:
            setattr(held, name, getattr(value, name))
        _take_over_others(held, value, names)
        return to_json(held) == to_json(value)
    except Exception:  # noqa: BLE001 properties and `__setattr__` of the app may raise anything
        return False


def _take_over_others(held: Any, value: Any, names: Sequence[str]) -> None:
    """Do the same for what `__post_init__` made of the attributes, or a `cached_property`."""
    if not hasattr(held, '__dict__'):
        return
    own, others = cast(dict[str, Any], vars(held)), cast(dict[str, Any], vars(value))
    known = {*names, *(f'___{name}' for name in names)}  # the latter are NiceGUI's, of a bindable dataclass
    for name in own.keys() - others.keys() - known:
        del own[name]
    own.update({name: item for name, item in others.items() if name not in known})


def elements_at(page: object, field: str, error: ValueNotStorable) -> list[ValueElement[Any]]:
    """Return the elements that are bound both ways to the part of a field's value which an error is about."""
    steps = _steps(error.path)
    if '...' in steps:
        return []  # an entry of a dict, and nobody says which
    return [
        element
        for owner, name in _places(getattr(page, field), steps)
        for element in _bound(page, field, owner, name, steps)
    ]


def _make_whole(page: object, field: str, error: ValueNotStorable) -> bool:
    """Make a whole `float` an `int` where one belongs and an element brought it: `ui.number` gives nothing else.

    Returns whether there was one.
    """
    if not error.reason.startswith('Expected `int'):
        return False
    steps, made = _steps(error.path), False
    for owner, name in _places(getattr(page, field), steps):
        value = _part(owner, name)
        if type(value) is float and value.is_integer() and _bound(page, field, owner, name, steps):
            _set(owner, name, int(value))
            made = made or type(_part(owner, name)) is int
    return made


def _bound(page: object, field: str, owner: object, name: Any, steps: Sequence[str | int]) -> list[ValueElement[Any]]:
    """Return the elements that are bound both ways to this part of a field's value."""
    found = list(internals.two_way(owner, name))
    names = [each for each in (*steps[:-1], name) if isinstance(each, str) and each != '...']
    if len(names) == len(steps):  # as `bind_value(self, ('guest', 'age'))`
        found += internals.two_way(page, field, *names)
    return [element for element, _ in found if not element.is_deleted]


def _steps(path: str) -> list[str | int]:
    """Return the names and indices of a path, of which `...` stands for any entry of a dict.

    >>> _steps("$.guests[0].age"), _steps("$['a'].b"), _steps('$[...].age')
    (['guests', 0, 'age'], ['a', 'b'], ['...', 'age'])
    """
    return [int(step['index']) if step['index'] else step['name'] or step['key'] for step in _STEP.finditer(path)]


def _places(value: Any, steps: Sequence[str | int]) -> Iterator[tuple[Any, Any]]:
    """Iterate over what steps lead to: the object or the dict, and the attribute or the key."""
    for first, *rest in [steps] if steps else []:
        for key in list(cast(dict[Any, Any], value)) if first == '...' and isinstance(value, dict) else [first]:
            if rest:
                yield from _places(_part(value, key), rest)
            else:
                yield value, key


def _part(value: Any, step: Any) -> Any:
    try:
        return cast(Any, value)[step] if isinstance(value, (Mapping, Sequence)) else getattr(value, step)
    except (LookupError, AttributeError, TypeError):  # as where the JSON has another name for it
        return None


def _set(owner: Any, name: Any, value: int) -> None:
    """Set an attribute, or an entry without telling the field, which is being told already."""
    if isinstance(owner, dict):
        dict.__setitem__(cast(dict[Any, Any], owner), name, value)
    else:
        setattr(owner, name, value)
