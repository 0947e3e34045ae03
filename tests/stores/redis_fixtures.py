"""A Redis server for the tests of a module that do not stop it, and an empty store on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from nicegui_stash.stores import StoredObject
from nicegui_stash.stores.redis.store import RedisStore

from .redis_server import RedisServer


@pytest.fixture(scope='module')
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One server for the tests that do not stop it."""
    server = RedisServer(tmp_path_factory.mktemp('redis'))
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def server(running: RedisServer) -> RedisServer:
    await running.is_up()
    return running


@pytest.fixture
async def store(server: RedisServer) -> AsyncIterator[RedisStore]:
    store = RedisStore(server.url)
    await store.ask('FLUSHALL')
    yield store
    await store.aclose()


async def value_of(store: RedisStore, key: str) -> bytes:
    found = await store.get(key)
    assert isinstance(found, StoredObject)
    return found.body
