"""How many have the room of a page open."""

# pyright: reportUnknownMemberType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

from typing import cast

from nicegui.binding import BindableProperty

from ..visit.visit import Visit


class Present:
    """How many have the room of a page open now, as `stash.present(page)` returns it. `count` can be bound.

    This one counts nobody, as in a script that runs for no visitor.
    """

    count: int = cast(int, BindableProperty())  # the type of its value

    def __init__(self) -> None:
        self.count = 0


class RoomPresent(Present):
    """Counts the people of the room for one page, from its connection to its end among them."""

    def __init__(self, visit: Visit, name: str | None) -> None:
        """Count, and not the page itself yet. `name`: who is signed in. Raises `StashError` for a page without room."""
        super().__init__()
        self._visit = visit
        self._room = visit.session_of('room')
        self._presence = visit.registry.presences.of(visit.room_name)
        self._person = self._person_of(name)
        self._is_counted = False
        self._presence.watch(self._changed)
        self.count = self._presence.count(self._person)

    def _person_of(self, name: str | None) -> str:
        visit = self._visit
        who = f'session\0{visit.session_id}' if name is None else f'user\0{name}'
        return visit.registry.presences.person(visit.room_name, who)

    def begin(self) -> None:
        """Count the page from now on."""
        if not self._is_counted:
            self._is_counted = True
            self._presence.enter(self._person)

    def is_now(self, name: str | None) -> None:
        """Note who has signed in, or that nobody is any more."""
        before, self._person = self._person, self._person_of(name)
        if self._is_counted and before != self._person:
            self._presence.enter(self._person)
            self._presence.leave(before)

    def end(self) -> None:
        """Count the page no longer, and be told of nothing."""
        self._presence.unwatch(self._changed)
        if self._is_counted:
            self._is_counted = False
            self._presence.leave(self._person)

    def _changed(self) -> None:
        self._room.soon(self._show)

    def _show(self) -> None:
        if not self._visit.ended and self._visit.has('room'):
            self._visit.guarded(self._count)

    def _count(self) -> None:
        self.count = self._presence.count(self._person)
