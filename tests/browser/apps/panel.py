"""What a page or view of these apps shows: an input and a label for each field, and buttons for a test to press."""

from __future__ import annotations

import json
from typing import Any

from nicegui import ui

import probe
from nicegui_stash import Stash

FIELDS = ('session', 'reconnect', 'tab')


def show(stash: Stash, page: Any) -> None:
    """Build the inputs, the labels and the buttons for one page or view."""
    client = ui.context.client.id
    probe.builds[client] += 1
    ui.label(type(page).__name__).props('data-testid=title')
    for name in FIELDS:
        ui.input(name).bind_value(page, name).props(f'data-testid={name}-input')
        ui.label().bind_text_from(page, name).props(f'data-testid={name}')
    server = ui.label().props('data-testid=server')
    looks = ui.label('0').props('data-testid=looks')
    flushed = ui.label('0').props('data-testid=flushed')

    def look() -> None:
        recovery = stash.recovery(page)
        server.text = json.dumps(
            {
                'fields': {name: getattr(page, name) for name in FIELDS},
                'reason': recovery.reason,
                'status': recovery.status,
                'builds': probe.builds[client],
                'recoveries': page.recoveries,
                'client': client,
            }
        )
        looks.text = str(int(looks.text) + 1)

    async def flush() -> None:
        await stash.flush(page)
        flushed.text = str(int(flushed.text) + 1)

    ui.button('look', on_click=look).props('data-testid=look')
    ui.button('flush', on_click=flush).props('data-testid=flush')
    for name, path in (('to-form', '/'), ('to-other', '/other')):
        ui.link(name, path).props(f'data-testid={name}')


def show_some(stash: Stash, page: Any, title: str, fields: list[str]) -> None:
    """Build a title, an input for each of these text fields, how it was recovered, and a button that flushes."""
    ui.label(title).props('data-testid=title')
    for name in fields:
        ui.input(name).bind_value(page, name).props(f'data-testid={name}-input')
        ui.label().bind_text_from(page, name).props(f'data-testid={name}')
    recovery = stash.recovery(page)
    ui.label(f'{recovery.reason} {recovery.status} {recovery.from_version} {recovery.problems}').props(
        'data-testid=recovery'
    )
    flushed = ui.label('0').props('data-testid=flushed')

    async def flush() -> None:
        await stash.flush(page)
        flushed.text = str(int(flushed.text) + 1)

    ui.button('flush', on_click=flush).props('data-testid=flush')
