"""One document as rows, and what differs between two of its states. Tabs, visits and keys are numbered, not named.

A visit's id is that of NiceGUI's client, with which a page could be listened to; a key may be somebody's name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from ...maintenance.sizes import kind_of, size_text
from ...model.document import Document, Part, Raw, SliceId
from ...model.operations import Place
from ..remember.naming import NAME as REMEMBERED

LONGEST: Final = 1000
"""How many characters of a value are shown."""


class Line(NamedTuple):
    """One field: whose it is, and its JSON."""

    owner: str
    part: str
    field: str
    raw: Raw


class Change(NamedTuple):
    """A field of a document before and after; `None`: it was not there, or is gone."""

    owner: str
    part: str
    field: str
    before: Raw | None
    after: Raw | None


class Tree:
    """The fields of one document, named alike whenever it is looked at again."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], dict[str, int]] = {}
        self._latest: dict[Place, Raw] = {}
        self._is_first = True

    def lines(self, document: Document) -> Iterator[Line]:
        """Iterate over the fields that are stored."""
        for (id_, part, name), raw in _fields(document).items():
            yield Line(self._owner(id_), self._part(id_, part), self._field(id_, name), raw)

    def changes(self, document: Document) -> list[Change]:
        """Return what has changed since this was called last; nothing the first time."""
        before, self._latest = self._latest, _fields(document)
        if self._is_first:
            self._is_first = False
            return []
        places = [place for place in {**before, **self._latest} if before.get(place) != self._latest.get(place)]
        return [
            Change(
                self._owner(place[0]),
                self._part(*place[:2]),
                self._field(place[0], place[2]),
                before.get(place),
                self._latest.get(place),
            )
            for place in places
        ]

    def _owner(self, id_: SliceId) -> str:
        key = f', key {self._number("key", id_.name, id_.key)}' if id_.key else ''
        return f'{id_.name}, version {id_.version}{key}'

    def _part(self, id_: SliceId, part: Part) -> str:
        if part.kind == 'data':
            return 'session'
        kind = 'tab' if part.kind == 'tabs' else 'visit'
        return f'{kind} {self._number(kind, id_.name, part.id)}'

    def _field(self, id_: SliceId, name: str) -> str:
        """Name a field; one that is remembered without a field has a label, which may be a person's text."""
        return name if id_.name != REMEMBERED else f'element {self._number("element", id_.key, name)}'

    def _number(self, kind: str, owner: str, name: str) -> int:
        known = self._numbers.setdefault((kind, owner), {})
        return known.setdefault(name, len(known) + 1)


def _fields(document: Document) -> dict[Place, Raw]:
    return {
        (id_, part, name): raw
        for id_, found in document.all_slices()
        for part, values in found.parts()
        for name, raw in values.items()
    }


def shown(raw: Raw | None, *, values: bool) -> str:
    """Return what is shown of a value: its kind and size, and the JSON itself only on request."""
    if raw is None:
        return 'nothing'
    if not values:
        return f'{kind_of(raw)}, {size_text(len(raw))}'
    text = bytes(raw).decode(errors='replace')
    return text if len(text) <= LONGEST else f'{text[:LONGEST]}…'
