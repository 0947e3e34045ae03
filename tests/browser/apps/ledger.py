"""A page of many lines, each a field of its own, and a draft: what somebody types for a long time."""

from __future__ import annotations

import os

from nicegui import ui

import probe
from nicegui_stash import Stash, stored

LINES = 40

stash = Stash(os.environ['STORE'])
Lines = type(
    'Lines',
    (),
    {
        '__annotations__': {f'line_{number}': str for number in range(LINES)},
        **{f'line_{number}': stored('') for number in range(LINES)},
    },
)


@stash.page('/')
class Ledger(Lines):
    draft: str = stored('', scope='reconnect')

    def build(self) -> None:
        for name in ['draft', *(f'line_{number}' for number in range(LINES))]:
            with ui.row():
                ui.input(name).bind_value(self, name).props(f'data-testid={name}-input')
                ui.label().bind_text_from(self, name).props(f'data-testid={name}')


probe.serve()
