"""A page of which the browser knows much: positions, open dialogs, values that are bound to nothing."""

from __future__ import annotations

import json
import os
import random
import re

from fastapi import Request, Response
from nicegui import app, ui
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint

import probe
from nicegui_stash import Stash, stored

NONCE = os.environ.get('NONCE', '')
stash = Stash(os.environ['STORE'], csp_nonce=NONCE or None)


class Fields:
    draft: str = stored('', scope='reconnect')
    mine: str = stored('', scope='tab')
    clicks: int = stored(0)

    def build(self) -> None:
        ui.input('draft').bind_value(self, 'draft').props('data-testid=draft')
        ui.label().bind_text_from(self, 'draft').props('data-testid=draft-text')
        ui.input('mine').bind_value(self, 'mine').props('data-testid=mine')
        ui.button('click', on_click=self.click).props('data-testid=click')
        ui.label().bind_text_from(self, 'clicks', str).props('data-testid=clicks')
        recovery = stash.recovery(self)
        ui.label().bind_text_from(recovery, 'reason').props('data-testid=reason')
        ui.label().bind_text_from(recovery, 'in_place', str).props('data-testid=in-place')
        self.free()
        with ui.element('div').style('height: 100px; overflow: auto').props('data-testid=scroller'):
            for number in range(100):
                ui.label(f'row {number}')

    def click(self) -> None:
        self.clicks += 1

    def free(self) -> None:
        """Show what is bound to no field."""
        free = ui.input('free').props('data-testid=free')
        ui.label().bind_text_from(free, 'value').props('data-testid=free-text')
        secret = ui.input('secret', password=True).props('data-testid=secret')
        ui.label().bind_text_from(secret, 'value', len).props('data-testid=secret-length')
        code = ui.codemirror('one').classes('at-code')
        ui.label().bind_text_from(code, 'value').props('data-testid=code-text')
        select = ui.select(['ant', 'bee', 'cat'], value='ant').props('data-testid=select')
        ui.label().bind_text_from(select, 'value').props('data-testid=select-text')
        with ui.tabs().props('data-testid=tabs') as tabs:
            ui.tab('one')
            ui.tab('two')
        with ui.tab_panels(tabs, value='one', animated=False):
            with ui.tab_panel('one'):
                ui.label('first panel')
            with ui.tab_panel('two'):
                ui.label('second panel')
        ui.label().bind_text_from(tabs, 'value').props('data-testid=tabs-text')
        with ui.expansion('more').props('data-testid=expansion') as expansion:
            ui.label('inside')
        ui.label().bind_text_from(expansion, 'value', str).props('data-testid=expansion-text')
        with ui.dialog() as dialog, ui.card():
            ui.input('in the dialog').props('data-testid=in-dialog')
            ui.button('close', on_click=dialog.close).props('data-testid=close-dialog')
        ui.button('open', on_click=dialog.open).props('data-testid=open-dialog')
        ui.label().bind_text_from(dialog, 'value', str).props('data-testid=dialog-text')


@stash.page('/')
class Returning(Fields):
    pass


@stash.page('/reloading', rejoin='reload')
class Reloading(Fields):
    pass


@stash.page('/deployed', rejoin='in_place')
class Deployed:
    """A page whose elements are others after a deploy."""

    draft: str = stored('', scope='reconnect')

    def build(self) -> None:
        is_new = os.environ.get('BUILD') == 'new'
        ui.page_title('new' if is_new else 'old')
        with ui.column().props('data-testid=untouched'):
            ui.input('stays').props('data-testid=stays')
        with ui.column():
            for number in range(3 if is_new else 2):
                ui.input().props(f'data-testid=row-{number}')
        if is_new:
            ui.label('a new line')
        ui.input('draft').bind_value(self, 'draft').props('data-testid=draft')
        ui.label().bind_text_from(self, 'draft').props('data-testid=draft-text')
        if is_new:
            ui.select(['ant', 'bee'], value='bee').props('data-testid=replaced')
        else:
            ui.checkbox('check').props('data-testid=replaced')
        ui.codemirror('new' if is_new else 'old').classes('at-code')
        ui.label().bind_text_from(stash.recovery(self), 'in_place', str).props('data-testid=in-place')


@stash.page('/throttled', rejoin='in_place')
class Throttled:
    """A click waits in the browser, so that a person could press ten times within a minute and one would be sent."""

    clicks: int = stored(0)

    def build(self) -> None:
        button = ui.button('click').props('data-testid=click')
        button.on('click', self.click, throttle=60, leading_events=False)
        ui.label().bind_text_from(self, 'clicks', str).props('data-testid=clicks')

    def click(self) -> None:
        self.clicks += 1


@stash.page('/cleared', rejoin='in_place')
class Cleared:
    """A field that another tab sets back to what this page has been loaded with."""

    text: str = stored('')

    def build(self) -> None:
        ui.input('text').bind_value(self, 'text').props('data-testid=text')
        ui.number('free', value=1).props('data-testid=number')
        ui.label().bind_text_from(self, 'text').props('data-testid=text-shown')


@stash.page('/random', rejoin='in_place')
class Random:
    """A tree of elements; each deploy adds and removes some."""

    text: str = stored('')

    def build(self) -> None:
        seed, deploy = int(os.environ['SEED']), int(os.environ.get('DEPLOY', '0'))
        self._fill(random.Random(seed), random.Random(f'{seed} {deploy}'), deploy, depth=3)

    def _fill(self, same: random.Random, other: random.Random, deploy: int, depth: int) -> None:
        for _ in range(4):
            kind, number = same.randrange(9), same.randrange(100)
            if deploy and not other.randrange(6):
                kind = other.randrange(9)
            if deploy and not other.randrange(6):
                continue
            if depth and kind < 3:
                with (ui.column, ui.card, ui.expansion)[kind]():
                    self._fill(same, other, deploy, depth - 1)
            elif kind == 3:
                ui.input(value=f'{number}').bind_value(self, 'text')
            elif kind == 4:
                ui.input(f'label {number % 2}', value=f'{number}').classes('free')
            elif kind == 5:
                ui.select(['ant', 'bee'], value='bee' if number % 2 else 'ant')
            elif kind == 6:
                ui.checkbox('check', value=bool(number % 2))
            elif kind == 7:
                ui.html(f'<b>{number}</b>', sanitize=False)
            else:
                ui.label(f'{number}').classes(f'mt-{number % 4}')


WORKER = """
addEventListener('install', () => skipWaiting());
addEventListener('activate', (event) => event.waitUntil(clients.claim()));
addEventListener('fetch', (event) => {
    if (event.request.headers.has('X-NiceGUI-Stash')) event.respondWith(fetch('OTHER'));
});
"""


@app.get('/worker.js')
async def worker() -> Response:
    """Return a service worker that fetches what a page asks for from another origin."""
    return Response(WORKER.replace('OTHER', os.environ['OTHER']), media_type='text/javascript')


@app.get('/of-another-origin')
async def of_another_origin() -> Response:
    answer = {
        'client': 'another',
        'next': 0,
        'title': '',
        'elements': '{}',
        'bound': {},
        'imports': {},
        'components': {},
    }
    headers = {'Access-Control-Allow-Origin': '*'}
    return Response(json.dumps(answer), media_type='application/vnd.nicegui-stash+json', headers=headers)


class StrictMiddleware(BaseHTTPMiddleware):
    """Allow no scripts without the nonce; NiceGUI and Vue need `unsafe-eval`."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        response = await call_next(request)
        if not response.headers.get('content-type', '').startswith('text/html'):
            return response
        page = b''.join([chunk async for chunk in response.body_iterator]).decode()
        headers = {
            'Content-Security-Policy': f"script-src 'nonce-{NONCE}' 'strict-dynamic' 'unsafe-eval'; object-src 'none'"
        }
        return Response(re.sub(r'<script(?! nonce)', f'<script nonce="{NONCE}"', page), 200, headers, 'text/html')


if NONCE:
    app.add_middleware(StrictMiddleware)

probe.serve(tailwind=True)
