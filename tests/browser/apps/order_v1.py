"""An order in its first version: a list of names, a note, and a draft."""

from __future__ import annotations

import os

from nicegui import ui

import panel
import probe
from nicegui_stash import Stash, stored

stash = Stash(os.environ['STORE'])


@stash.page('/')
class Order:
    items: list[str] = stored([])
    note: str = stored('')
    draft: str = stored('', scope='reconnect')

    def build(self) -> None:
        panel.show_some(stash, self, 'version 1', ['note', 'draft'])
        ui.label().bind_text_from(self, 'items', ', '.join).props('data-testid=items')
        ui.button('add', on_click=self.add).props('data-testid=add')

    def add(self) -> None:
        self.items.append(f'old {len(self.items) + 1}')


probe.serve()
