"""A board that belongs to nobody: whoever opens its address has the same one."""

from __future__ import annotations

from nicegui import ui

from nicegui_stash import stored

from .frame import Page, frame
from .lanes import Column, Lanes, first_columns
from .state import stash

LEAD = (
    'Everybody who opens this address moves the same cards, and each looks for others. Another name is another board.'
)


@stash.page('/together/{board}', room='board')
class Together(Lanes, Page):
    columns: list[Column] = stored(default_factory=first_columns, scope='room')
    find: str = stored('', scope='url')

    def build(self, board: str) -> None:
        with frame(self, 'Together', LEAD):
            with ui.row().classes('muted'):
                ui.label(f'Board: {board}').props('data-testid=name-of-board')
                here = ui.label().props('data-testid=present role=status')
                here.bind_text_from(stash.present(self), 'count', lambda count: f'{count} here')
            self.show_lanes()
