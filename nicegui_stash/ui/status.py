"""What a page can say about its changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui.binding import BindableProperty

if TYPE_CHECKING:
    from ..session import Session


class Status:
    """Whether what was changed on a page is durable yet. Every attribute can be bound.

    `state` is `saved`, `pending` (accepted, waiting for its put), `saving` (a put is under way) or `offline` (the store
    does not take changes: they are kept in memory). `pending` counts the changes that are not durable yet, `problem` says
    why the store does not take them.
    """

    state = BindableProperty()
    pending = BindableProperty()
    problem = BindableProperty()

    def __init__(self) -> None:
        self.state: str = 'saved'
        self.pending: int = 0
        self.problem: str | None = None

    def update(self, session: Session) -> None:
        self.state = session.activity
        self.pending = session.pending
        self.problem = session.problem
