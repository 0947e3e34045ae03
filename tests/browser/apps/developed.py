"""A page that its developer looks at: fields, an attribute that is not stored, and an indicator at the bottom."""

from __future__ import annotations

import os

from nicegui import ui

import probe
from nicegui_stash import Stash, stored

stash = Stash(os.environ['STORE'])


@stash.page('/', dark=bool(os.environ.get('DARK')))
class Note:
    name: str = stored('nobody')
    draft: str = stored('', scope='reconnect')

    def build(self) -> None:
        self.clicks = 0
        ui.input('name').bind_value(self, 'name').props('data-testid=name-input')
        ui.label().bind_text_from(self, 'name').props('data-testid=name')
        ui.input('draft').bind_value(self, 'draft').props('data-testid=draft-input')
        ui.label().bind_text_from(self, 'draft').props('data-testid=draft')
        ui.button('click', on_click=self.click).props('data-testid=click')
        ui.label(str(os.getpid())).props('data-testid=pid')
        stash.indicator(self).props('data-testid=indicator').style('position: fixed; left: 8px; bottom: 8px')

    def click(self) -> None:
        self.clicks += 1


@ui.page('/plain')
def plain() -> None:
    ui.label('no fields').props('data-testid=plain')


probe.serve()
