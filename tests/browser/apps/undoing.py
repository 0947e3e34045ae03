"""Pages on which a person takes back what they did: one comes back in place, one by a reload."""

from __future__ import annotations

import os

from nicegui import ui

import probe
from nicegui_stash import Stash, stored

TICKS = 5
stash = Stash(os.environ['STORE'])


class Counting:
    name: str = stored('')
    a: int = stored(0)
    b: int = stored(0)
    c: int = stored(0)
    rows: list[dict[str, int]] = stored([])
    ticks: int = stored(0)

    def build(self) -> None:
        self.flushed = 0
        ui.input('name').bind_value(self, 'name').props('data-testid=name-input')
        ui.input('free').props('data-testid=free')
        ui.codemirror()
        for name in ('name', 'a', 'b', 'c', 'ticks'):
            ui.label().bind_text_from(self, name, str).props(f'data-testid={name}')
        ui.label().bind_text_from(self, 'rows', lambda rows: str(len(rows))).props('data-testid=rows')
        for name in ('a', 'b', 'c'):
            ui.button(name, on_click=lambda name=name: setattr(self, name, getattr(self, name) + 1)).props(
                f'data-testid=count-{name}'
            )
        ui.button('row', on_click=lambda: self.rows.append({'id': len(self.rows)})).props('data-testid=row')
        for name, move in (('undo', stash.undo), ('redo', stash.redo)):
            ui.button(name, on_click=lambda move=move: move(self)).props(f'data-testid={name}').bind_enabled_from(
                stash.steps(self), f'can_{name}'
            )
        ui.button('flush', on_click=self.flush).props('data-testid=flush')
        self.shown = ui.label('0').props('data-testid=flushed')
        ui.timer(0.02, self.tick)
        stash.undo_keys(self)

    def tick(self) -> None:
        if self.ticks < TICKS:
            self.ticks += 1

    async def flush(self) -> None:
        await stash.flush(self)
        self.flushed += 1
        self.shown.text = str(self.flushed)


@stash.page('/', undo=100)
class InPlace(Counting):
    pass


@stash.page('/reload', undo=100, rejoin='reload')
class Reloading(Counting):
    pass


probe.serve()
