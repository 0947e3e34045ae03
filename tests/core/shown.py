"""Open pages of a simulated world: real page objects, of which only the browser is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, Final, NamedTuple, cast

from nicegui import binding

from nicegui_stash.model.fields import stored
from nicegui_stash.model.pieces import joined
from nicegui_stash.model.schema import Schema, build_schema
from nicegui_stash.model.scopes import Owner
from nicegui_stash.session.registry import Registry
from nicegui_stash.session.session import Session
from nicegui_stash.ui.page.page_object import PageObject
from nicegui_stash.ui.page.stored_property import StoredProperty
from nicegui_stash.ui.visit.visit import Visit


class Whose(NamedTuple):
    """Whose a document is: `kind` is session, guest, user or room."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f'{self.kind}:{self.name}'


class Board:
    """What a page shows of a room, of its person or guest, and of its browser session."""

    title: str = stored('', scope='room')
    cards: list[str] = stored([], scope='room')
    mine: str = stored('', scope='user')
    note: str = stored('')


BOARD: Final[Schema] = build_schema(Board, undo=10)
for _name, _field in BOARD.fields.items():
    setattr(Board, _name, StoredProperty(_field))
FIELDS: Final[dict[str, Owner]] = {name: cast(Owner, each.scope.owner) for name, each in BOARD.fields.items()}


class _Quiet(PageObject):
    """A page object that tells no app of its recovery."""

    def _notify_soon(self) -> None:
        """Need nothing."""


class ShownPage:
    """One page, from its request to its end. It continues the visit with this id."""

    def __init__(
        self, registry: Registry, visit: str, whose: Mapping[Owner, Whose], open_document: Callable[[Whose], Session]
    ) -> None:
        client: Any = SimpleNamespace(
            id=visit,
            has_socket_connection=True,
            environ={'asgi.scope': {'type': 'test'}},
            is_deleted=True,
            request=None,
            safe_invoke=lambda step: step(),
        )
        self.visit = Visit(client, registry, whose['session'].name, exists=True)
        self.visit.resume(visit, 'tab')
        self.visit.room_name = whose['room'].name
        self.visit.person_name = whose['user'].name if whose['user'].kind == 'user' else None
        for owner in ('user', 'room'):
            self.visit.open(owner, open_document(whose[owner]))
        self._kept = open_document(whose['session'])
        self._whose = whose
        self.board = object.__new__(Board)
        open_page: Any = SimpleNamespace(
            visit=self.visit, status_changed=lambda: None, texts={}, discard_unsaved=lambda *_: None
        )
        self.page_object = _Quiet(BOARD, self.board, open_page, '', auto=True, on_invalid='raise')
        self.page_object.begin()

    def raws(self) -> dict[str, bytes]:
        """Return the JSON of all fields as they are shown."""
        return {name: bytes(joined(raw)) for name, raw in self.page_object.values.raws.items()}

    def whose(self, field: str) -> Whose:
        """Return whose document has a field."""
        return self._whose[FIELDS[field]]

    def move(self, *, back: bool) -> bool:
        """Take a step back, or make it again."""
        steps = self.page_object.steps
        assert steps is not None
        return steps.undo() if back else steps.redo()

    def close(self) -> None:
        self.page_object.close()
        self.visit.end()

    def vanish(self) -> None:
        """Be gone without a word, as when the process is killed."""
        binding.remove([self.board])
