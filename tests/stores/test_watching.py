"""What one server puts into a room is followed by the others, on stores that tell of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import cast

import pytest
from msgspec import Raw

from nicegui_stash.model.document import SESSION_PART, Slice, SliceId
from nicegui_stash.model.limits import Policy
from nicegui_stash.model.operations import Set, Written
from nicegui_stash.session import lookout
from nicegui_stash.session.keys import Keys
from nicegui_stash.session.registry import Registry
from nicegui_stash.session.session import Session
from nicegui_stash.stores import FileStore, SQLiteStore, Store, Watching
from nicegui_stash.stores.base import Changed
from nicegui_stash.stores.redis.store import CHANGED, SMALL, RedisStore

from .redis_fixtures import running
from .redis_server import RedisServer

__all__ = ['running']

COUNTER = SliceId('Counter', 1)
Start = Callable[[], Registry]


class Page:
    """Shows a room, as an open page does."""

    def __init__(self, room: Session) -> None:
        self.room = room
        room.attach(self)

    def changed(self, slice_id: SliceId, part: object, name: str) -> None: ...

    def replaced(self) -> None: ...

    def rejected(self, operation: Set) -> None: ...

    def value(self, name: str) -> bytes | None:
        found = self.room.document.slice(COUNTER)
        raw = None if found is None else found.data.get(name)
        return None if raw is None else bytes(raw)

    def put(self, name: str, json: bytes) -> None:
        self.room.set(COUNTER, SESSION_PART, name, Raw(json), source=self)


async def page_of(registry: Registry, name: str = 'garden') -> Page:
    page = Page(registry.room(name))
    assert await page.room.load(30.0)
    return page


async def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, 'it did not happen'
        await asyncio.sleep(0.005)


@pytest.fixture(params=['sqlite', 'folder', 'redis'])
async def start(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Start]:
    """Start servers on one store, each with its own connection to it."""
    monkeypatch.setattr(lookout, 'PAUSE', 0.01)
    if request.param == 'redis':
        server: RedisServer = request.getfixturevalue('running')
        await server.is_up()
        left = RedisStore(server.url)
        await left.ask('FLUSHALL')  # or a room begins with what another test has put into it
        await left.aclose()
    made: list[Registry] = []

    def open_store() -> Store:
        match request.param:
            case 'sqlite':
                return SQLiteStore(tmp_path / 'stash.db')
            case 'folder':
                return FileStore(tmp_path / 'stash')
            case _:
                return RedisStore(server.url)

    def make() -> Registry:
        made.append(Registry(open_store(), Keys(['a secret']), Policy(flush_interval=0)))
        return made[-1]

    yield make
    for registry in made:
        await registry.drain(30.0)
        await registry.aclose()
        await registry.store.aclose()


async def test_what_one_server_puts_into_a_room_is_shown_by_the_others(start: Start) -> None:
    pages = [await page_of(start()) for _ in range(3)]
    pages[0].put('title', b'"Garden"')
    await until(lambda: [page.value('title') for page in pages] == [b'"Garden"'] * 3)
    pages[2].put('title', b'"Yard"')
    pages[1].put('sort', b'"by name"')
    await until(lambda: {(page.value('title'), page.value('sort')) for page in pages} == {(b'"Yard"', b'"by name"')})


async def test_counters_of_three_servers_that_follow_each_other_are_exact(start: Start) -> None:
    pages = [await page_of(start()) for _ in range(3)]

    def add(found: Slice) -> list[Written]:
        return [(SESSION_PART, 'count', Raw(str(int(bytes(found.data.get('count', Raw(b'0')))) + 1).encode()))]

    async def count(page: Page) -> None:
        for _ in range(10):
            await page.room.update(COUNTER, add)

    await asyncio.gather(*map(count, pages))
    await until(lambda: [page.value('count') for page in pages] == [b'30'] * 3)


async def test_a_room_that_is_erased_on_one_server_is_empty_on_the_others(start: Start) -> None:
    here, there = await page_of(start()), await page_of(start())
    here.put('title', b'"Garden"')
    await until(lambda: there.value('title') == b'"Garden"')
    there.room.forget()
    await until(lambda: here.value('title') is None)


async def test_nobody_listens_when_no_room_is_open(start: Start) -> None:
    registry = start()
    page = await page_of(registry)
    assert isinstance(registry.store, Watching)
    assert registry._lookout._task is not None
    page.room.detach(page)
    del page
    await until(lambda: registry._lookout._task is None)
    other = start()
    again, there = await page_of(registry), await page_of(other)
    there.put('title', b'"Garden"')
    await until(lambda: again.value('title') == b'"Garden"')


@pytest.mark.parametrize('start', ['redis'], indirect=True)
async def test_own_puts_in_redis_cost_no_read_however_late_they_are_heard_of(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = start()
    here, there = await page_of(registry), await page_of(start())
    there.put('first', b'1')
    await until(lambda: here.value('first') == b'1')
    gets = registry.statistics().gets
    all_put = asyncio.Event()
    look = registry._lookout._look

    async def look_late(changed: Changed | None) -> None:
        await all_put.wait()
        await look(changed)

    monkeypatch.setattr(registry._lookout, '_look', look_late)
    for number in range(20):
        here.put('title', str(number).encode())
        await here.room.flush()
    all_put.set()
    await until(lambda: there.value('title') == b'19')
    there.put('last', b'1')
    await until(lambda: here.value('last') == b'1')
    assert registry.statistics().gets == gets, 'messages come in order: all of its own have come by now'


@pytest.mark.parametrize('start', ['redis'], indirect=True)
async def test_redis_is_listened_to_again_after_the_connection_broke(start: Start) -> None:
    registry = start()
    here, there = await page_of(registry), await page_of(start())
    there.put('first', b'1')
    await until(lambda: here.value('first') == b'1')
    store = registry.store
    assert isinstance(store, RedisStore)
    for number in range(3):
        await store.ask('CLIENT', 'KILL', 'TYPE', 'pubsub')
        there.put('title', str(number).encode())
        await until(lambda number=number: here.value('title') == str(number).encode())


@pytest.mark.parametrize('start', ['redis'], indirect=True)
async def test_who_may_not_publish_still_puts(start: Start, running: RedisServer) -> None:
    store = start().store
    assert isinstance(store, RedisStore)
    await store.ask('ACL', 'SETUSER', 'limited', 'on', '>secret', '~*', '+@all', 'resetchannels')
    limited = RedisStore(running.url, {'username': 'limited', 'password': 'secret'})
    try:
        etag = await limited.put('ab/a', b'{}', mode='create')
        found = await limited.get('ab/a', unless=etag)
        assert found is not None
    finally:
        await limited.delete('ab/a')
        await limited.aclose()
        await store.ask('ACL', 'DELUSER', 'limited')


@pytest.mark.parametrize('start', ['redis'], indirect=True)
async def test_what_redis_tells_is_not_read_and_what_it_told_before_comes_not_back(start: Start) -> None:
    here, there = [await page_of(registry := start()) for _ in range(2)]
    here.put('title', b'"Garden"')
    await until(lambda: there.value('title') == b'"Garden"')
    store = cast(RedisStore, registry.store)
    async with store._connections.listening(CHANGED, 30.0) as heard:
        gets = registry.statistics().gets
        for number in range(5):
            here.put('title', b'"%d"' % number)
            await here.room.flush()
            await until(lambda number=number: there.value('title') == b'"%d"' % number)
        assert registry.statistics().gets == gets
        messages = [await heard(30.0) for _ in range(5)]
    there.put('title', b'"Yard"')
    await there.room.flush()
    await until(lambda: here.value('title') == b'"Yard"')
    shown: list[bytes | None] = []
    there.replaced = lambda: shown.append(there.value('title'))  # type: ignore[method-assign]
    for late in (*messages, *reversed(messages)):
        await store._call('put', 'late', 'PUBLISH', CHANGED, late)
    here.put('sort', b'"by name"')
    await until(lambda: there.value('sort') == b'"by name"')
    assert here.value('title') == b'"Yard"'
    assert (set(shown), registry.statistics().put_back) == ({b'"Yard"'}, 0), 'as if the store had gone back'
    large = b'"%b"' % (b'x' * SMALL)
    here.put('title', large)
    await until(lambda: there.value('title') == large)
    assert registry.statistics().gets > gets
