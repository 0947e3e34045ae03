"""A note that two people on one browser must not see of each other."""

from __future__ import annotations

import os

from nicegui import ui

import probe
from nicegui_stash import Stash, stored

stash = Stash(os.environ['STORE'])


@stash.page('/')
class Account:
    note: str = stored('')
    draft: str = stored('', scope='reconnect')

    def build(self) -> None:
        ui.input('note').bind_value(self, 'note').props('data-testid=note')
        ui.input('draft').bind_value(self, 'draft').props('data-testid=draft')
        ui.label().bind_text_from(self, 'note').props('data-testid=shown')
        ui.button('sign in', on_click=lambda: stash.new_session(keep=True)).props('data-testid=sign-in')
        ui.button('sign out', on_click=lambda: stash.new_session(to='/')).props('data-testid=sign-out')


probe.serve()
