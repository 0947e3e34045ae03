"""A page with all that a reload would lose: positions, a dialog, an editor, a grid, a table, a player, free inputs."""

from __future__ import annotations

import os

from nicegui import ui

import probe
import silence  # noqa: F401 it registers itself
from nicegui_stash import Stash, stored

stash = Stash(os.environ['STORE'])
NUMBERS = range(10)


@stash.page('/', rejoin='in_place')
class Everything:
    text_0: str = stored('')
    text_1: str = stored('')
    text_2: str = stored('')
    text_3: str = stored('', scope='reconnect')
    text_4: str = stored('', scope='reconnect')
    text_5: str = stored('', scope='reconnect')
    text_6: str = stored('', scope='reconnect')
    text_7: str = stored('', scope='tab')
    text_8: str = stored('', scope='tab')
    text_9: str = stored('', scope='tab')

    def build(self) -> None:
        with ui.grid(columns=4):
            for number in NUMBERS:
                ui.input().bind_value(self, f'text_{number}').props(f'data-testid=bound-{number}-input')
                ui.label().bind_text_from(self, f'text_{number}').props(f'data-testid=bound-{number}')
                free = ui.input().props(f'data-testid=free-{number}-input')
                ui.label().bind_text_from(free, 'value').props(f'data-testid=free-{number}')
        for number in range(3):
            with ui.element('div').style('height: 80px; overflow: auto').props(f'data-testid=scroller-{number}'):
                for row in range(100):
                    ui.label(f'row {row}')
        with ui.expansion('more').props('data-testid=expansion'):
            ui.label('inside')
        with ui.dialog().props('seamless position=right') as dialog, ui.card():
            ui.input('in the dialog').props('data-testid=in-dialog')
        ui.button('open', on_click=dialog.open).props('data-testid=open')
        code = ui.codemirror('one\ntwo\nthree').classes('at-code')
        ui.label().bind_text_from(code, 'value').props('data-testid=code')
        ui.aggrid({
            'columnDefs': [{'field': name} for name in 'abc'],
            'rowData': [{name: f'{name}{row}' for name in 'abc'} for row in range(50)],
        }).classes('at-grid')  # fmt: skip
        columns = [{'name': 'row', 'label': 'row', 'field': 'row'}]
        ui.table(columns=columns, rows=[{'row': row} for row in range(50)], row_key='row', pagination=5).classes(
            'at-table'
        )
        ui.audio('/silence.wav', muted=True, loop=True).classes('at-audio')
        ui.label().bind_text_from(stash.recovery(self), 'in_place', str).props('data-testid=in-place')


probe.serve(tailwind=True)
