"""Give a collection the content that it got elsewhere, and keep the objects in it that are still the same rows."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# What a collection holds is whatever the app puts there.

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import compress
from operator import attrgetter, itemgetter, ne
from types import NoneType
from typing import Any, Final

import msgspec

from .observed import ObservedDict, ObservedList, ObservedSet

ToJson = Callable[[Any], Any]
_Items = Sequence[Any] | Mapping[int, Any]

_COLLECTIONS: Final = (ObservedDict, ObservedList, ObservedSet)
_ABSENT: Final = object()
FIELDS: Final = ('__struct_fields__', '__dataclass_fields__', '__pydantic_fields__')
"""The attributes of a class that name its fields: of a `Struct`, a dataclass, a pydantic model."""
_PLAIN: Final = frozenset({str, int, bool, bytes, NoneType})
"""Types whose equal values are the same."""


@dataclass(slots=True)
class Changes:
    """What reconciling has changed: dicts with the keys that differ now, and collections that are no longer there.

    `replaced` has pairs of an object and the one in its place.
    """

    entries: list[tuple[ObservedDict, list[Any]]] = field(default_factory=list)
    gone: list[Any] = field(default_factory=list)
    replaced: list[tuple[Any, Any]] = field(default_factory=list)


def reconcile(
    held: Any, content: Any, *, row_key: str | None = None, to_json: ToJson = msgspec.json.encode
) -> Changes | None:
    """Give an observed collection this content; return what changed, or `None` where another kind must replace it.

    Dicts in a list are the same rows if they agree in `row_key`, by default `'id'`, as far as every row has one of its
    own; else by position, after equal ones at both ends. The same rows stay the same objects. Objects that are no
    collections stay where their JSON, which `to_json` returns, is the same.
    """
    if isinstance(held, _COLLECTIONS) and type(content) is type(held).__mro__[1]:
        changes = Changes()
        _Reconciler(row_key, to_json, changes).value(held, content)
        return changes
    return None


def are_in_place(held: Any, rows: Mapping[int, Any], row_key: str | None = None) -> bool:
    """Whether these new rows, by index, are the same rows of an observed list as those in their places."""
    fits = isinstance(held, ObservedList) and max(rows, default=-1) < len(held)
    return fits and _Reconciler(row_key, msgspec.json.encode, Changes()).are_in_place(held, rows, rows)


def reconcile_rows(
    held: ObservedList, rows: Mapping[int, Any], *, row_key: str | None = None, to_json: ToJson = msgspec.json.encode
) -> Changes:
    """Give some rows of a list, by index, another content as `reconcile` would; `are_in_place` holds for them."""
    changes = Changes()
    _Reconciler(row_key, to_json, changes).in_place(held, rows, rows)
    return changes


def row_keys(rows: Sequence[Any], row_key: str | None = None) -> list[Any] | None:
    """Return what identifies each row, if every row has a key of its own; else they are known by position.

    >>> row_keys([{'id': 1}, {'id': 2}]), row_keys([{'id': 1}, {'id': 1}])
    ([1, 2], None)
    """
    for name in _names(row_key):
        keys = _keys(rows, name)
        with suppress(TypeError):  # a key that cannot be looked up
            if keys is not None and len(set(keys)) == len(keys):
                return keys
    return None


def with_parts(replaced: Iterable[tuple[Any, Any]]) -> Iterable[tuple[Any, Any]]:
    """Iterate over pairs of objects of one class, and over those in the same places within them."""
    for old, new in replaced:
        if old is new or type(old) is not type(new) or type(old) in _PLAIN:
            continue
        if isinstance(old, (list, tuple)):
            yield from with_parts(zip(old, new, strict=False))
        elif isinstance(old, dict):
            yield old, new
            yield from with_parts((old[key], new[key]) for key in old.keys() & new.keys())
        else:
            yield old, new
            names = next((getattr(type(old), each) for each in FIELDS if hasattr(type(old), each)), ())
            yield from with_parts((getattr(old, name, None), getattr(new, name, None)) for name in names)


class _Reconciler:
    def __init__(self, row_key: str | None, to_json: ToJson, changes: Changes) -> None:
        self.row_keys = _names(row_key)
        self.to_json = to_json
        self.changes = changes

    def value(self, held: Any, content: Any) -> tuple[Any, bool]:
        """Return what takes the place of a held value, and whether anything differs."""
        kind = type(content)
        if isinstance(held, ObservedDict) and kind is dict:
            return held, self.entries(held, content)
        if isinstance(held, ObservedList) and kind is list:
            return held, self.items(held, content)
        if isinstance(held, ObservedSet) and kind is set:
            if differs := self.differ(held, content):
                held.restore(content)
            return held, differs
        if type(held) is kind and not self.differ(held, content):
            return held, False
        if isinstance(held, _COLLECTIONS):
            self.changes.gone.append(held)
        elif kind not in _PLAIN and held is not _ABSENT:
            self.changes.replaced.append((held, content))
        return content, True

    def differ(self, one: Any, other: Any) -> bool:
        """Whether two values of one type differ. Equal times may have other zones, and equal lists other types."""
        try:
            if one != other or type(other) in _PLAIN:
                return bool(one != other)
        except Exception:  # noqa: BLE001 it may be the app's code, or a signalling NaN
            return True
        return self.differ_in_json(one, other)

    def differ_in_json(self, one: Any, other: Any) -> bool:
        try:
            return bool(self.to_json(one) != self.to_json(other))
        except Exception:  # noqa: BLE001 as what decode= has made may not be known to JSON
            return True

    def entries(self, held: ObservedDict, content: dict[Any, Any]) -> bool:
        became: dict[Any, Any] = {}
        changed: list[Any] = []
        for key, item in content.items():
            became[key], differs = self.value(held.get(key, _ABSENT), item)
            if differs:
                changed.append(key)
        for key in held.keys() - content.keys():
            changed.append(key)
            if isinstance(held[key], _COLLECTIONS):
                self.changes.gone.append(held[key])
        if list(held) != list(became):
            dict.clear(held)
            dict.update(held, became)
        elif changed:
            dict.update(held, {key: became[key] for key in changed})
        else:
            return False
        held.adopt()
        if changed:
            self.changes.entries.append((held, changed))
        return True

    def items(self, held: ObservedList, content: list[Any]) -> bool:
        if _PLAIN.issuperset(map(type, held)) and _PLAIN.issuperset(map(type, content)):
            if differs := self.differ(held, content):
                list.__setitem__(held, slice(None), content)
            return differs
        same_length = len(held) == len(content)
        differing = self.differing(held, content) if same_length else ()
        if same_length and self.are_in_place(held, content, differing):
            return self.in_place(held, content, differing)
        places = self.matches(held, content)
        became = [_ABSENT if place is None else held[place] for place in places]
        for index in self.differing(became, content):
            became[index], _ = self.value(became[index], content[index])
        kept = set(places)
        self.changes.gone += [item for place, item in enumerate(held) if place not in kept]
        list.__setitem__(held, slice(None), became)
        held.adopt()
        return True

    def in_place(self, held: ObservedList, content: _Items, differing: Iterable[int]) -> bool:
        """Reconcile items, each with the one in its place."""
        changed = replaced = False
        for index in differing:
            item, differs = self.value(held[index], content[index])
            changed = changed or differs
            if item is not held[index]:
                replaced = True
                list.__setitem__(held, index, item)
        if replaced:
            held.adopt()
        return changed

    def are_in_place(self, held: list[Any], content: _Items, differing: Iterable[int]) -> bool:
        """Whether the items that differ are the same rows as those in their places, as equal ones certainly are."""
        olds, news = [held[index] for index in differing], [content[index] for index in differing]
        for name in self.row_keys:
            keys = _keys(olds, name), _keys(news, name)
            if None not in keys:
                return keys[0] == keys[1]
        return True

    def differing(self, olds: Sequence[Any], news: Sequence[Any]) -> Iterable[int]:
        """Return the indices of items that may differ. The loops over long lists run in C."""
        try:
            differing = list(compress(range(len(news)), map(ne, olds, news)))
        except Exception:  # noqa: BLE001 as above
            return range(len(news))
        equal, others = list(olds), list(news)
        for index in reversed(differing):
            del equal[index], others[index]
        return range(len(news)) if self.differ_in_json(equal, others) else differing

    def matches(self, held: Sequence[Any], content: Sequence[Any]) -> list[int | None]:
        """Return for each new item the index of the held one that is the same row."""
        for name in self.row_keys:
            olds, news = _keys(held, name), _keys(content, name)
            if olds is None or news is None:
                continue
            with suppress(TypeError):  # a key that cannot be looked up
                index = {key: place for place, key in enumerate(olds)}
                if len(index) == len(olds) and len(set(news)) == len(news):
                    return [index.get(key) for key in news]
        return _by_position(held, content)


def _names(row_key: str | None) -> tuple[str, ...]:
    return ('id',) if row_key is None else (row_key, 'id')


def _keys(rows: Iterable[Any], name: str) -> list[Any] | None:
    """Return what identifies each row, `None` where some have nothing that could."""
    for read in (itemgetter(name), attrgetter(name)):
        try:
            return list(map(read, rows))
        except (LookupError, TypeError, AttributeError):
            continue
    return None


def _by_position(held: Sequence[Any], content: Sequence[Any]) -> list[int | None]:
    shorter = min(len(held), len(content))
    start = next((index for index, other in enumerate(map(ne, held, content)) if other), shorter)
    end = next((index for index, other in enumerate(map(ne, reversed(held), reversed(content))) if other), shorter)
    end = min(end, shorter - start)
    moved, middle = len(held) - len(content), len(held) - end
    return [
        index if index < start else index + moved if index >= len(content) - end else index if index < middle else None
        for index in range(len(content))
    ]
