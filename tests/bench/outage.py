"""The store goes away for a minute while a thousand pages are edited: what that does to events, changes and memory.

An event is sent by another process, and timed until it was handled. Of the time that it waited only what the server's
thread has used counts: on a shared machine the clock on the wall measures the neighbours.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import struct
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import quantiles
from time import perf_counter, thread_time
from typing import Any

from nicegui import Client, ui

from nicegui_stash import Stash, stored
from nicegui_stash.stores.base import StoredObject
from nicegui_stash.stores.redis.store import RedisStore
from tests.stores.redis_server import RedisServer

from .measure import Row, Target
from .simulation import new_browser, open_page, serving

PAGES, EVENTS_PER_SECOND = 1000, 500
OUTAGE = 60.0
"""Seconds without the store; as long it is up, half of that before and half after."""
BROWSERS = """
import os, struct, sys, time
due = time.perf_counter()
while True:
    due += 1 / int(sys.argv[1])
    time.sleep(max(0, due - time.perf_counter()))
    os.write(1, struct.pack('d', time.perf_counter()))
"""
"""A process that says at each event when it was sent, as perf_counter() has it: Linux has one for all processes."""

Handle = Callable[[], None]
opened: list[Any] = []


def declare(url: str) -> Stash:
    stash = Stash(url, recover_timeout=1.0, max_new_sessions=0)

    @stash.page('/')
    class Form:
        text: str = stored('')
        other: str = stored('x' * 1000)

        def build(self) -> None:
            ui.input('Text').bind_value(self, 'text')
            ui.label().bind_text_from(self, 'text')
            opened.append(self)

    return stash


def typing_into(clients: list[Client]) -> Handle:
    """Return what handles the next event: somebody has typed another text of 20 characters, each page in its turn."""
    listeners: list[tuple[Client, dict[str, Any]]] = []
    for client in clients:
        (field,) = (element for element in client.elements.values() if isinstance(element, ui.input))
        (listener,) = (each for each in field._event_listeners.values() if each.type.startswith('update:'))
        listeners.append((client, {'id': field.id, 'listener_id': listener.id}))
    numbers = iter(range(10**9))

    def handle() -> None:
        number = next(numbers)
        client, message = listeners[number % len(listeners)]
        client.handle_event({**message, 'args': [json.dumps(f'{number:020}')]})

    return handle


@asynccontextmanager
async def typing(handle: Handle) -> AsyncIterator[list[float]]:
    """Let events come in from another process; yield the seconds from the sending of each until it was handled."""
    used = thread_time()
    loop, taken = asyncio.get_running_loop(), list[float]()
    receiving, sending = os.pipe()

    def receive() -> None:
        nonlocal used
        for (sent,) in struct.iter_unpack('d', os.read(receiving, 8 * 64)):
            handle()
            taken.append(min(perf_counter() - sent, thread_time() - used))
        used = thread_time()

    browsers = await asyncio.create_subprocess_exec(
        sys.executable, '-c', BROWSERS, str(EVENTS_PER_SECOND), stdout=sending
    )
    os.close(sending)
    loop.add_reader(receiving, receive)
    try:
        yield taken
    finally:
        loop.remove_reader(receiving)
        browsers.kill()
        await browsers.wait()
        os.close(receiving)


def p99(taken: list[float]) -> float:
    """Return it in µs."""
    return quantiles(taken, n=100)[98] * 1e6


def resident() -> float:
    """Return the MB of memory that this process has."""
    gc.collect()
    return int(Path('/proc/self/statm').read_text().split()[1]) * os.sysconf('SC_PAGE_SIZE') / 1e6


async def measure(folder: Path, rounds: int) -> list[Row]:
    """Repeat all of it `rounds` times; the p99 are those of a minute each, so of 30,000 events."""
    server = RedisServer(folder)
    server.start()
    await server.is_up()
    try:
        async with serving(lambda: declare(server.url)) as stash:
            browsers = [new_browser() for _ in range(PAGES)]
            clients = [await open_page(browser, '/') for browser in browsers]
            gc.collect()
            gc.freeze()  # or a collection of the thousand pages is what is measured
            found = [await once(stash, server, typing_into(clients)) for _ in range(rounds)]
    finally:
        server.kill()
    normal, away, seconds, memory, memory_before, lost = (list(column) for column in zip(*found, strict=True))
    what = f'{PAGES:,} pages edited, {EVENTS_PER_SECOND} events a second'
    return [
        Row(f'{what}: p99 of an event', 'µs', away, normal, 'the store up', Target('ratio', 1.1)),
        Row(f'{what}: all durable after a minute away', 's', seconds, target=Target('value', 10.0)),
        Row(f'{what}: memory after it', 'MB', memory, memory_before, 'before', Target('ratio', 1.05)),
        Row(f'{what}: changes lost', '', lost, target=Target('value', 0)),
    ]


async def once(stash: Stash, server: RedisServer, handle: Handle) -> tuple[float, float, float, float, float, float]:
    async with typing(handle) as taken:
        await asyncio.sleep(5)
        before = resident()
        await asyncio.sleep(1)
        taken.clear()
        await asyncio.sleep(OUTAGE / 2)
        normal = taken.copy()
        server.kill()
        taken.clear()
        await asyncio.sleep(OUTAGE)
        away = taken.copy()
    pending = stash.statistics().pending
    if pending != PAGES:
        raise RuntimeError(f'{pending} sessions had something pending, so that the outage was none')
    server.start()
    await server.is_up()
    begin = perf_counter()
    while stash.statistics().pending:
        await asyncio.sleep(0.01)
    seconds = perf_counter() - begin
    there = await texts(server.url)
    lost = sum(page.text not in there for page in opened)
    async with typing(handle) as taken:
        await asyncio.sleep(5)
        taken.clear()
        await asyncio.sleep(OUTAGE / 2)
        normal += taken
        after = resident()
    return p99(normal), p99(away), seconds, after, before, float(lost)


async def texts(url: str) -> set[str]:
    """Return what is stored in the field that is typed into, of all sessions."""
    store = RedisStore(url)
    bodies = [await store.get(row.key) async for row in store.list()]
    await store.aclose()
    documents = [json.loads(found.body) for found in bodies if isinstance(found, StoredObject)]
    return {document['slices']['Form']['1']['']['data']['text'] for document in documents}
