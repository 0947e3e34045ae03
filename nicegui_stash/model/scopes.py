"""Scopes: whose document holds a field, in which part of it, who keeps its value, and when that is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from .document import Part, PartKind

ScopeName = Literal['session', 'reconnect', 'tab', 'url', 'browser', 'user', 'room']
Owner = Literal['session', 'user', 'room']
"""The owner of a document: a browser session, a person, or what a page is about, shared by all who may open it."""
OWNERS: Final[tuple[Owner, ...]] = ('session', 'user', 'room')
KeptBy = Literal['store', 'address', 'browser']
"""Who keeps a value: the store, or the visitor's client in its address or in its localStorage."""
KnownFrom = Literal['request', 'report', 'connection']
"""When a page knows a value: with its request, with the browser's report on tab and visit, or once it is connected."""


@dataclass(frozen=True, eq=False, slots=True)
class Scope:
    """Where a field lives and when it comes back. There is one object for each scope, compared by identity.

    `owner` and `part` are `None` for a scope that the client keeps: the store has none of its values.
    """

    name: ScopeName
    owner: Owner | None
    part: PartKind | None
    kept_by: KeptBy
    known_from: KnownFrom

    @property
    def is_private(self) -> bool:
        """Whether a value belongs to one tab or one visit, which only the browser's report identifies."""
        return self.known_from == 'report'

    @property
    def is_stored(self) -> bool:
        """Whether the store keeps the values."""
        return self.kept_by == 'store'

    def part_of(self, tab: str, visit: str) -> Part:
        """Return the part of the owner's document with the values of a page in this tab and visit."""
        match self.part:
            case 'tabs':
                return Part('tabs', tab)
            case 'visits':
                return Part('visits', visit)
            case _:
                return Part('data')


SESSION: Final = Scope('session', 'session', 'data', 'store', 'request')
USER: Final = Scope('user', 'user', 'data', 'store', 'request')
ROOM: Final = Scope('room', 'room', 'data', 'store', 'request')

SCOPES: Final[Mapping[ScopeName, Scope]] = {
    scope.name: scope
    for scope in (
        SESSION,
        Scope('reconnect', 'session', 'visits', 'store', 'report'),
        Scope('tab', 'session', 'tabs', 'store', 'report'),
        Scope('url', None, None, 'address', 'request'),
        Scope('browser', None, None, 'browser', 'connection'),
        USER,
        ROOM,
    )
}
