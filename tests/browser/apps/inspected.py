"""Any number of sessions in memory, whose store may be away, and an inspector for whoever has an operator's cookie."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from fastapi import Request
from nicegui import app, ui

import probe
from nicegui_stash import Stash, stored
from nicegui_stash.model.document import SESSION_PART, SliceId
from nicegui_stash.session.session import Session
from nicegui_stash.stores import MemoryStore, register_store
from nicegui_stash.testing import FaultyStore

store = FaultyStore(MemoryStore('inspected'))
register_store('inspected', lambda url, options: store)
stash = Stash('inspected://', flush_interval=0)
sessions: list[Session] = []
"""What would be open pages."""
revoked = False


def may_see(request: Request) -> bool:
    return request.cookies.get('role') == 'operator' and not revoked


stash.inspector('/_stash', allow=may_see)


@stash.page('/', title='Cart')
class Cart:
    items: list[str] = stored([])
    note: str = stored('')
    draft: str = stored('', scope='reconnect')

    def build(self) -> None:
        ui.input('note').bind_value(self, 'note')
        ui.input('draft').bind_value(self, 'draft')
        stash.indicator(self)


def change(session: Session, name: str, value: Any) -> None:
    session.set(SliceId('Cart', 1), SESSION_PART, name, msgspec.Raw(msgspec.json.encode(value)))


@app.post('/sessions/{count}')
async def make(count: int) -> None:
    """Have so many sessions in memory, all of them stored."""
    registry = stash._app_state.runtime().registry
    for number in range(len(sessions), count):
        session = registry.session(f'visitor {number}', exists=False)
        change(session, 'items', [f'something {each}' for each in range(number % 50)])
        sessions.append(session)
    while stash.statistics().pending:
        await asyncio.sleep(0.05)


@app.post('/away/{count}')
async def go_away(count: int) -> None:
    """Let the store be away while so many sessions change."""
    store.down = True
    for number in range(count):
        change(sessions[number], 'note', f'note {number}')


@app.post('/revoke')
def revoke() -> None:
    """Let nobody see the inspector any more."""
    global revoked  # noqa: PLW0603 it is the state of this app
    revoked = True


probe.serve()
