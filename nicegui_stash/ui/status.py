"""What a page can say about its changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from nicegui.binding import BindableProperty

if TYPE_CHECKING:
    from ..session import Session


class Status:
    """Whether what was changed on a page is durable yet. Every attribute can be bound.

    `state` is `saved`, `pending` (accepted, waiting for its put), `saving` (a put is under way) or `offline` (the store
    does not take changes: they are kept in memory). `pending` counts the changes that are not durable yet, `problem`
    says why the store does not take them.
    """

    state: str = cast(str, BindableProperty())  # what reading it gives
    pending: int = cast(int, BindableProperty())
    problem: str | None = cast('str | None', BindableProperty())

    def __init__(self) -> None:
        self.state = 'saved'
        self.pending = 0
        self.problem = None

    def update(self, session: Session) -> None:
        self.state = session.activity
        self.pending = session.pending
        self.problem = session.problem
