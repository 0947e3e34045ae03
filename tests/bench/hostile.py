"""What a hostile page's messages cost the server, beside the same content as NiceGUI's event of an unknown element.

Each goes through the socket's own receiver, which parses it, to the end of what it causes. A flood is 16 MB of one
kind, or 5,000 messages. Memory is what a flood leaves once its page is idle.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import tracemalloc
from pathlib import Path
from time import thread_time
from typing import Any
from uuid import uuid4

import httpx
from nicegui import Client, core, ui
from nicegui.nicegui import _on_handshake

from nicegui_stash import Stash
from nicegui_stash.ui.app.connection import Connection
from nicegui_stash.ui.visit.allowance import Allowance
from nicegui_stash.ui.visit.messages import MESSAGE
from tests.hostile import KINDS, NAMES, declare_everything, flood_of

from .measure import Row, Samples, Target, without_garbage_collection
from .simulation import get_page, new_browser, serving

COST, MEMORY = Target('ratio', 1.5), Target('value', 2)


def declare(folder: Path) -> Stash:
    stash = Stash(f'sqlite:///{folder}/stash.db')
    declare_everything(stash)

    @ui.page('/plain')
    def plain() -> None:
        for name in NAMES:
            ui.input(name)

    return stash


class OfBusyProcess(Allowance):
    """Grows with the CPU time of this thread: while a neighbour has the CPU, a flood does not go on either."""

    def admits(self, told: object, now: float) -> bool:
        return super().admits(told, thread_time())


class Page:
    """An open page whose socket the server holds for a browser's."""

    def __init__(self, client: Client, socket: str) -> None:
        self.client, self._socket = client, socket

    @classmethod
    async def open(cls, browser: httpx.AsyncClient, path: str) -> Page:
        client, socket = await get_page(browser, path), str(uuid4())
        core.sio.environ[socket] = {'asgi.scope': {'type': 'websocket'}}
        manager: Any = core.sio.manager
        sid = await manager.connect(socket, '/')
        await _on_handshake(
            sid, {'client_id': client.id, 'tab_id': str(uuid4()), 'document_id': str(uuid4()), 'next_message_id': 0}
        )
        page = cls(client, socket)
        await page.receive([packet(MESSAGE, {'client_id': client.id, 'told': {'kind': 'report', 'reason': 'visit'}})])
        return page

    async def receive(self, packets: list[str]) -> float:
        """Have the server receive packets, as fast as they can be read; return the CPU time in seconds."""
        start = thread_time()
        for each in packets:
            await core.sio._handle_eio_message(self._socket, each)
            await asyncio.sleep(0)
        for _ in range(20):
            await asyncio.sleep(0)
        return thread_time() - start

    def close(self) -> None:
        self.client.delete()


def packet(event: str, content: Any) -> str:
    return '2' + json.dumps([event, content])


def unknown(text: str, client_id: str) -> str:
    """Return the same content as an event of an element that the page does not have."""
    content = json.loads(text)
    return packet('event', {**content, 'client_id': client_id, 'id': 10**6, 'listener_id': '', 'args': []})


def connection_of(stash: Stash, page: Page) -> Connection:
    connection = stash._app_state.connection_of(page.client)
    connection._allowance = OfBusyProcess(thread_time())
    return connection


def prepare(stash: Stash, page: Page, kind: str) -> list[str]:
    """Return the messages of a flood for this page."""
    return flood_of(kind, connection_of(stash, page), page.client.id)


async def measure(folder: Path, rounds: int) -> list[Row]:
    logging.getLogger('nicegui_stash').setLevel(logging.ERROR)  # a line per page
    samples = Samples()
    async with serving(lambda: declare(folder)) as stash:
        for _ in range(-1, rounds):
            for kind in KINDS:
                browser = new_browser()
                page, plain = await Page.open(browser, '/'), await Page.open(browser, '/plain')
                texts = prepare(stash, page, kind)
                ours = [packet(MESSAGE, json.loads(text)) for text in texts]
                theirs = [unknown(text, plain.client.id) for text in texts]
                with without_garbage_collection():
                    samples.add(kind, await page.receive(ours) / len(ours) * 1e6)
                    samples.add(f'unknown {kind}', await plain.receive(theirs) / len(theirs) * 1e6)
                page.close()
                plain.close()
        for kind in KINDS:
            samples.add(f'memory {kind}', await left_by(kind, stash))
    rest = samples.without_first()
    return [
        *(Row(f'each of: {kind}', 'µs', rest[kind], rest[f'unknown {kind}'], 'unknown event', COST) for kind in KINDS),
        *(Row(f'memory left by: {kind}', 'MB', samples[f'memory {kind}'], target=MEMORY) for kind in KINDS),
    ]


async def left_by(kind: str, stash: Stash) -> float:
    """Return by how many MB a flood lets memory grow, while its page stays open."""
    page = await Page.open(new_browser(), '/')
    packets = [packet(MESSAGE, json.loads(text)) for text in prepare(stash, page, kind)]
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        await page.receive(packets)
        gc.collect()
        return (tracemalloc.get_traced_memory()[0] - before) / 1024**2
    finally:
        tracemalloc.stop()
        page.close()
