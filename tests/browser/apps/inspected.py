"""Any number of sessions in memory, whose store may be away, and an inspector for whoever has an operator's cookie."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import msgspec
from fastapi import Request
from nicegui import app, ui

import probe
from nicegui_stash import Stash, stored
from nicegui_stash.errors import Unavailable
from nicegui_stash.model.document import SESSION_PART, SliceId
from nicegui_stash.session.session import Session
from nicegui_stash.stores import MemoryStore, register_store
from nicegui_stash.stores.base import ETag, Mode
from nicegui_stash.testing import FaultyStore


class Unreachable(FaultyStore):
    """Says it as a real store does while it is down."""

    async def put(self, key: str, body: bytes, *, mode: Mode) -> ETag:
        if self.down:
            raise Unavailable('put', key, 'connection refused')
        return await super().put(key, body, mode=mode)


store = Unreachable(MemoryStore('inspected'))
register_store('inspected', lambda url, options: store)
stash = Stash('inspected://', flush_interval=0, max_new_sessions=0)
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


@app.post('/history')
async def have_history() -> None:
    """Have the record of ten minutes: answers of some milliseconds, and a minute in which the store was slow."""
    record, chance = stash._app_state.runtime().registry.keep_record(), random.Random(1)
    time, now = record.time, record.time()
    for second in range(600, 0, -1):
        at = now - second
        record.time = lambda at=at: at
        for asked, usual in (('get', 0.002), ('put', 0.008)):
            slow = 12 if 180 < second < 240 else 1
            record.answered(asked, at - usual * slow * chance.lognormvariate(0, 0.5))
    record.time = time


@app.post('/away/{count}')
async def go_away(count: int) -> None:
    """Let the store be away while so many sessions change."""
    store.down = True
    for number in range(count):
        change(sessions[number], 'note', f'note {number}')


@app.post('/revoke')
async def revoke() -> None:
    """Let nobody see the inspector any more."""
    global revoked  # noqa: PLW0603 it is the state of this app
    revoked = True


probe.serve()
