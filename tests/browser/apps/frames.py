"""A page that shows another one twice, in frames."""

from __future__ import annotations

import os

from fastapi import Response
from fastapi.responses import HTMLResponse
from nicegui import app, ui

import probe
from nicegui_stash import Stash, stored

stash = Stash(os.environ['STORE'])


@app.get('/frames')
async def frames() -> Response:
    return HTMLResponse('<iframe name="left" src="/"></iframe><iframe name="right" src="/"></iframe>')


@stash.page('/')
class Page:
    draft: str = stored('', scope='reconnect')
    mine: str = stored('', scope='tab')

    def build(self) -> None:
        for name in ('draft', 'mine'):
            ui.input(name).bind_value(self, name).props(f'data-testid={name}')
            ui.label().bind_text_from(self, name).props(f'data-testid={name}-text')
        ui.label().bind_text_from(stash.recovery(self), 'reason').props('data-testid=reason')


probe.serve()
