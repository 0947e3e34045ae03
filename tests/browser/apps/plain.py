"""An app that stores nothing: it shows what the browser and NiceGUI do by themselves."""

from __future__ import annotations

import os

from nicegui import app, ui

import probe

KEPT_FOR = float(os.environ['KEPT_FOR']) if 'KEPT_FOR' in os.environ else None
"""Seconds for which the server keeps a page without a connection, if not the app's `reconnect_timeout`."""


@ui.page('/', reconnect_timeout=KEPT_FOR)
def index() -> None:
    client = ui.context.client
    probe.builds[client.id] += 1
    ui.input('draft').props('data-testid=draft')
    ui.link('itself', '/').props('data-testid=itself')
    ui.link('other', '/other').props('data-testid=other')
    inherited = ui.label().props('data-testid=inherited')

    async def connect() -> None:  # a plain function runs before NiceGUI 3.14 has made the storage of the tab
        inherited.text = app.storage.tab.setdefault('first', client.id)

    client.on_connect(connect)


@ui.page('/other')
def other() -> None:
    ui.link('back', '/').props('data-testid=back')


probe.serve()
