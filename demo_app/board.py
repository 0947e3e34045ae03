"""A board: lists within lists, changed in place."""

from __future__ import annotations

from nicegui_stash import stored

from .frame import Page, frame
from .lanes import Column, Lanes, first_columns
from .state import stash

LEAD = (
    'Add cards and move them. A second tab shows the same board, and follows at once. '
    'What you look for is in the address: send it to somebody, or press F5.'
)


@stash.page('/board')
class Board(Lanes, Page):
    columns: list[Column] = stored(default_factory=first_columns)
    find: str = stored('', scope='url')

    def build(self) -> None:
        with frame(self, 'Board', LEAD):
            self.show_lanes()
