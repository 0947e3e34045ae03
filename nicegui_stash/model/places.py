"""Where in a value its parts are: by keys and attributes, and in a list by the key of the row, or its position."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# What a value holds is whatever the app puts there.

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .observed import is_flat
from .reconciling import FIELDS, row_keys


@dataclass(frozen=True, slots=True)
class Place:
    """Where a part is. `path` is for people, `identity` outlives rows that come and go before it.

    A row without a key is known by its position and the number of rows: with another number it may be another row.
    """

    path: str = '$'
    identity: str = ''

    def inside(self, *names: str) -> Place:
        """Return the place of an entry or attribute within."""
        return Place(''.join((self.path, *(f'.{name}' for name in names))), '\0.'.join((self.identity, *names)))


def find_places(value: Any, parts: Iterable[Any], row_key: str | None = None) -> dict[int, Place]:
    """Return, by id, the places of those of these dicts and objects that are in a value.

    The value itself is one of its parts. `row_key` names what identifies the rows of a list, by default `'id'`.

    >>> rows = [{'id': 7}, {'id': 8}]
    >>> find_places(rows, [rows[1]])[id(rows[1])].path
    '$[1]'
    """
    search = _Search({id(part) for part in parts}, row_key)
    search.walk(value, ())
    return {part: search.place(steps) for part, steps in search.found.items()}


Steps = tuple[tuple[Any, Any], ...]
"""From the value to a part: each list, dict or object, and the index, key or name within it."""


class _Search:
    def __init__(self, wanted: set[int], row_key: str | None) -> None:
        self.wanted = wanted
        self.found: dict[int, Steps] = {}
        self._row_key = row_key
        self._keys: dict[int, list[Any] | None] = {}

    def walk(self, value: Any, steps: Steps) -> None:
        if id(value) in self.wanted:
            self.found.setdefault(id(value), steps)
        if self.is_complete or not (inner := _inner(value)):
            return
        if not self.wanted.isdisjoint(map(id, inner.values() if isinstance(inner, dict) else inner)):
            for step, item in _steps(inner):
                if id(item) in self.wanted:
                    self.found.setdefault(id(item), (*steps, (value, step)))
        for step, item in _steps(inner):
            if self.is_complete:  # mostly, before the search gets deep
                return
            self.walk(item, (*steps, (value, step)))

    @property
    def is_complete(self) -> bool:
        return len(self.found) == len(self.wanted)

    def place(self, steps: Steps) -> Place:
        place = Place()
        for owner, step in steps:
            if not isinstance(owner, (list, tuple)):
                place = place.inside(str(step))
                continue
            keys = self._keys_of(owner)
            row = f'{step}/{len(owner)}' if keys is None else f'={keys[step]!r}'
            place = Place(f'{place.path}[{step}]', f'{place.identity}\0{row}')
        return place

    def _keys_of(self, rows: Any) -> list[Any] | None:
        if id(rows) not in self._keys:
            self._keys[id(rows)] = row_keys(rows, self._row_key)
        return self._keys[id(rows)]


def _inner(value: Any) -> Any:
    """Return the parts of a value that may have parts, by position or by name; nothing if none has."""
    if isinstance(value, dict):
        return None if is_flat(value.values()) else value
    if isinstance(value, (list, tuple)):
        return None if is_flat(value) else value
    cls = type(value)
    names: Iterable[str] = next((getattr(cls, name) for name in FIELDS if hasattr(cls, name)), ())
    return {name: getattr(value, name, None) for name in names}


def _steps(inner: Any) -> Iterable[tuple[Any, Any]]:
    return inner.items() if isinstance(inner, dict) else enumerate(inner)
