"""Real stores that lose what they were given while a session holds it; and servers with wrong clocks on real stores."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from nicegui_stash.maintenance.sweep import Sweep, Tally
from nicegui_stash.model.document import SESSION_PART, SliceId, from_bytes
from nicegui_stash.model.limits import Policy
from nicegui_stash.session.keys import Keys
from nicegui_stash.session.registry import Registry
from nicegui_stash.session.session import Session
from nicegui_stash.stores import Store, StoredObject, open_store
from nicegui_stash.stores.redis.store import RedisStore
from tests.servers.s3 import S3Server

from .redis_fixtures import running, server
from .redis_server import RedisServer

__all__ = ['running', 'server']
COUNTER = SliceId('Counter', 1)
HOUR = 3600.0

Lose = Callable[[], Awaitable[None]]


def put(session: Session, name: str, value: bytes) -> None:
    session.set(COUNTER, SESSION_PART, name, msgspec.Raw(value))


async def stored(store: Store, key: str) -> dict[str, bytes]:
    found = await store.get(key)
    assert isinstance(found, StoredObject)
    held = from_bytes(found.body).slice(COUNTER)
    return {name: bytes(raw) for name, raw in held.data.items()} if held else {}


def registry_on(store: Store, *, hours: float = 0, ttl: float = 30 * 24 * HOUR) -> Registry:
    return Registry(store, Keys(['a secret']), Policy(ttl=ttl), wall=lambda: time.time() + hours * HOUR)


@pytest.fixture(params=['folder', 'rows', 'file', 'redis', 'redis restarted', 's3'])
async def losing(
    request: pytest.FixtureRequest, tmp_path: Path, server: RedisServer, moto: S3Server
) -> AsyncIterator[tuple[Store, Lose]]:
    """A store, and what makes it lose everything."""

    async def remove_folder() -> None:
        shutil.rmtree(tmp_path / 'state')

    async def delete_rows() -> None:
        with closing(sqlite3.connect(tmp_path / 'stash.db')) as database, database:
            database.execute('DELETE FROM objects')

    async def remove_file() -> None:
        for path in tmp_path.glob('stash.db*'):
            path.unlink()

    async def flush() -> None:
        assert isinstance(store, RedisStore)
        await store.ask('FLUSHDB')

    async def restart() -> None:
        own.kill()
        own.start()
        await own.is_up()

    async def empty() -> None:
        async for row in store.list():
            await store.delete(row.key)

    loses: dict[str, Lose] = {
        'folder': remove_folder,
        'rows': delete_rows,
        'file': remove_file,
        'redis': flush,
        'redis restarted': restart,
        's3': empty,
    }
    kind: str = request.param
    own = RedisServer(tmp_path, '--save', '', '--appendonly', 'no')
    if kind == 'redis':
        store: Store = open_store(server.url)
    elif kind == 'redis restarted':
        own.start()
        await own.is_up()
        store = open_store(own.url)
    elif kind == 's3':
        store = open_store(moto.url(), moto.options)
    else:
        store = open_store(str(tmp_path / 'state') if kind == 'folder' else f'sqlite:///{tmp_path}/stash.db')
    yield store, loses[kind]
    await store.aclose()
    own.kill()


@pytest.mark.proves('lost')
async def test_what_a_store_has_lost_is_back_with_the_next_change_or_look(
    losing: tuple[Store, Lose], caplog: pytest.LogCaptureFixture
) -> None:
    store, lose = losing
    registry = registry_on(store)
    one, other, looking = (registry.session(name, exists=False) for name in ('one', 'other', 'looking'))
    for session in (one, other, looking):
        put(session, 'a', b'1')
        put(session, 'b', b'[2,3]')
        await session.flush()
    await lose()
    put(one, 'c', b'"x"')
    await one.flush()
    await looking.revalidate(300)
    await looking.flush()
    while await store.get(other.key) is None:  # it was neither changed nor looked at
        await other.revalidate(300)
        await other.flush()
    kept = {'a': b'1', 'b': b'[2,3]'}
    assert await stored(store, one.key) == {**kept, 'c': b'"x"'}
    assert await stored(store, other.key) == await stored(store, looking.key) == kept
    assert sum('the store has lost' in record.getMessage() for record in caplog.records) == 1
    later = registry_on(store).session('one')
    assert await later.load(300)
    assert later.document.slice(COUNTER) is not None
    await registry.aclose()


@pytest.fixture(params=['redis', 's3'])
async def timed(
    request: pytest.FixtureRequest, server: RedisServer, moto: S3Server
) -> AsyncIterator[Callable[[], Store]]:
    """Stores of several servers, each opened on the same place."""
    opened: list[Store] = []
    place: tuple[str, Any] = (server.url, None) if request.param == 'redis' else (moto.url(), moto.options)

    def another() -> Store:
        opened.append(open_store(*place))
        return opened[-1]

    yield another
    for store in opened:
        await store.aclose()


@pytest.mark.proves('clocks')
@pytest.mark.parametrize('hours', [2, -2])
async def test_a_server_whose_clock_is_two_hours_wrong_erases_nothing_with_a_ttl_of_one(
    timed: Callable[[], Store], hours: float
) -> None:
    right, wrong = timed(), timed()
    one = registry_on(right, ttl=HOUR).session('an id', exists=False)
    put(one, 'a', b'1')
    await one.flush()
    other = registry_on(wrong, hours=hours, ttl=HOUR).session('an id')
    assert await other.load(300)
    assert other.condition == 'found'
    put(other, 'b', b'2')
    await other.flush()
    third = registry_on(right, ttl=HOUR).session('an id')
    assert await third.load(300)
    assert (third.condition, await stored(right, one.key)) == ('found', {'a': b'1', 'b': b'2'})
    tally = Tally()
    await Sweep(wrong, '', HOUR, lambda: time.time() + hours * HOUR).run(tally, Unwatched())
    assert tally.removed == 0
    assert [row.key async for row in right.list() if 'probe' in row.key] == []


class Unwatched:
    def show(self, done: int, total: int) -> None:
        """Show nothing."""
