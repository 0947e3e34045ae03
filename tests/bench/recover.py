"""What recovery adds to a page whose session is in memory, and what strangers who change nothing cost the store.

A page that can come back in place is also compared with one that reloads.
"""

from __future__ import annotations

import asyncio
from dataclasses import field
from pathlib import Path
from random import Random
from statistics import median
from time import process_time
from typing import Any

import httpx
from nicegui import Client, binding, ui

from nicegui_stash import Stash, stored
from nicegui_stash.stores import register_store
from nicegui_stash.stores.base import NotModified, StoredObject
from nicegui_stash.stores.memory import MemoryStore
from nicegui_stash.testing.faults import FaultyStore

from .measure import Row, Samples, Target, without_garbage_collection
from .simulation import get_page, new_browser, open_page, serving

BATCH = 24
PATHS = ('/stash', '/reloading', '/plain', '/reading')
OURS = ('/stash', '/reloading')
opened: list[Any] = []
kept = MemoryStore('bench')
known: list[Any] = []
"""Key and etag of the session that is recovered."""


class Elements:
    """What the pages that are compared have in common."""

    count: int
    name: str
    note: str
    done: bool
    tags: list[str]

    def build(self) -> None:
        opened[:] = [self]
        ui.label().bind_text_from(self, 'count')
        ui.input('Name').bind_value(self, 'name')
        ui.textarea('Note').bind_value(self, 'note')
        ui.checkbox('Done').bind_value(self, 'done')
        ui.label().bind_text_from(self, 'tags', backward=', '.join)


@binding.bindable_dataclass
class Plain(Elements):
    count: int = 3
    name: str = 'a name'
    note: str = ''
    done: bool = True
    tags: list[str] = field(default_factory=lambda: ['red', 'green', 'blue'])


def declare(store: FaultyStore) -> tuple[Stash, Stash]:
    register_store('counting', lambda url, options: store)
    stash, counting = Stash('memory://bench'), Stash('counting://')

    @stash.page('/stash', rejoin='in_place')
    @counting.page('/counted', name='Counted')
    class Kept(Elements):
        count: int = stored(0)
        name: str = stored('')
        note: str = stored('', scope='reconnect')
        done: bool = stored(False)
        tags: list[str] = stored([])

    @stash.page('/reloading', rejoin='reload')
    class Reloading(Elements):
        count: int = stored(0)
        name: str = stored('')
        note: str = stored('', scope='reconnect')
        done: bool = stored(False)
        tags: list[str] = stored([])

    @ui.page('/plain')
    def plain() -> None:
        Plain().build()

    @ui.page('/reading')
    async def reading() -> None:
        async with asyncio.timeout(0.1):
            assert isinstance(await kept.get(known[0], unless=known[1]), NotModified)
        Plain().build()

    return stash, counting


async def measure(folder: Path, rounds: int) -> list[Row]:
    """Request the page with and without recovery in turns, as a browser whose session another tab keeps in memory."""
    del folder
    store = FaultyStore(MemoryStore('counted'))
    async with serving(lambda: declare(store)) as (stash, counting):
        strangers = await _store_calls(store, counting)
        samples = await _requested(stash, rounds)
        sizes, sizes_reloading = [[float(len((await new_browser().get(path)).content))] for path in OURS]
    name, ours = 'a page with its session in memory', samples['/stash']
    return [
        Row(name, 'µs', ours, samples['/reading'], 'plain page that reads it too', Target('difference', 150)),
        Row(name, 'µs', ours, samples['/plain'], 'plain page'),
        Row(name, 'µs', ours, samples['/reloading'], 'one that reloads', Target('ratio', 1.02)),
        Row('the HTML of that page', 'bytes', sizes, sizes_reloading, 'one that reloads', Target('ratio', 1.02)),
        *strangers,
    ]


async def _requested(stash: Stash, rounds: int) -> Samples:
    """Return the median cost of each page in each round."""
    browser = new_browser()
    for path in OURS:
        await open_page(browser, path)
        page = opened[0]
        for name in ('count', 'name', 'done', 'tags'):
            setattr(page, name, getattr(Plain(), name))
        await stash.flush(page)
    [key] = [row.key async for row in kept.list()]
    found = await kept.get(key)
    assert isinstance(found, StoredObject)
    known[:] = key, found.etag
    samples, shuffled = Samples(), Random(0)
    for _ in range(-1, rounds):
        taken = Samples()
        with without_garbage_collection():
            for _ in range(BATCH):
                for path in shuffled.sample(PATHS, len(PATHS)):  # each leaves work behind to whatever follows it
                    taken.add(path, await request(browser, path))
        for path, costs in taken.items():
            samples.add(path, median(costs))
    for path in OURS:
        before = opened[0]
        await get_page(browser, path)
        if opened[0] is before or opened[0].tags != Plain().tags:
            raise RuntimeError('the page was not recovered, so that nothing was measured')
    return samples.without_first()


async def request(browser: httpx.AsyncClient, path: str) -> float:
    """Return the microseconds of CPU time that a page takes; its client is deleted afterwards.

    A plain page is served as by an app without us: nothing of ours is in its head.
    """
    shared = Client.shared_head_html
    Client.shared_head_html = '' if path in {'/plain', '/reading'} else shared
    start = process_time()
    client = await get_page(browser, path)
    taken = process_time() - start
    Client.shared_head_html = shared
    client.delete()
    return taken * 1e6


async def _store_calls(store: FaultyStore, stash: Stash) -> list[Row]:
    """Let visitors without a cookie come and go, and count what that asks of the store."""
    for _ in range(10):
        client = await open_page(new_browser(), '/counted')
        await stash.flush(opened[0])
        client.delete()
    calls = float(sum(store.calls.values()))
    objects = float(len([row async for row in store.inner.list()]))
    await open_page(new_browser(), '/counted')
    opened[0].count += 1
    await stash.flush(opened[0])
    if not sum(store.calls.values()):
        raise RuntimeError('this store is not the one that is used, so that nothing was counted')
    return [
        Row('store calls for 10 visitors without a cookie', '', [calls], target=Target('value', 0)),
        Row('objects left by 10 visitors who changed nothing', '', [objects], target=Target('value', 0)),
    ]
