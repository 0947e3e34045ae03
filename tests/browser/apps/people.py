"""Notes of a person, who signs in on a page of its own, and signs out on the page itself."""

from __future__ import annotations

import os

from fastapi.responses import RedirectResponse
from nicegui import app, ui

import probe
from nicegui_stash import Stash, stored

stash = Stash(os.environ['STORE'], user=lambda request: app.storage.user.get('username'))


@stash.page('/')
class Notes:
    note: str = stored('', scope='user')
    mine: str = stored('')

    def build(self) -> None:
        for name in ('note', 'mine'):
            ui.input(name).bind_value(self, name).props(f'data-testid={name}-input')
            ui.label().bind_text_from(self, name).props(f'data-testid={name}')
        ui.label(app.storage.user.get('username', 'nobody')).props('data-testid=who')
        ui.button('sign out', on_click=app.storage.user.clear).props('data-testid=sign-out')


@ui.page('/login')
def login(name: str) -> RedirectResponse:
    app.storage.user['username'] = name
    return RedirectResponse('/')


probe.serve()
