"""The store in Redis, on a real server that stops, starts again, or refuses."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from nicegui_stash.errors import ConfigurationError, Conflict, OutcomeUnknown, Refused, Unavailable
from nicegui_stash.stores import NOT_MODIFIED, ETag, ObjectInfo, Replace, StoredObject, open_store
from nicegui_stash.stores.base import replacing
from nicegui_stash.stores.redis.store import NAMESPACE, RedisStore
from tests.servers.process import PATIENCE, free_ports

from .redis_fixtures import running, server, store, value_of
from .redis_server import RedisServer

__all__ = ['running', 'server', 'store']

SECRET = 'hunter2'


# ---- a server that stops


async def test_a_server_that_is_killed_and_started_again_has_lost_nothing_it_acknowledged(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    server.start()
    await server.is_up()
    store = RedisStore(server.url)
    acknowledged = 0
    troubles = 0
    killed, again = asyncio.Event(), asyncio.Event()

    async def write() -> None:
        nonlocal acknowledged, troubles
        etag: ETag | None = None
        while acknowledged < 200 or not again.is_set():
            try:
                etag = await store.put('count', f'{acknowledged + 1}'.encode(), mode=replacing(etag))
                acknowledged += 1
            except (Conflict, OutcomeUnknown, Unavailable):
                troubles += 1
                await asyncio.sleep(0.01)
                try:
                    found = await store.get('count')
                except Unavailable:
                    killed.set()
                    continue
                assert isinstance(found, StoredObject)
                assert int(found.body) in {acknowledged, acknowledged + 1}
                acknowledged, etag = int(found.body), found.etag

    writing = asyncio.create_task(write())
    try:
        while acknowledged < 50:
            await asyncio.sleep(0.001)
        server.kill()
        await asyncio.wait_for(killed.wait(), PATIENCE)
        server.start()
        await server.is_up()
        again.set()
        await asyncio.wait_for(writing, PATIENCE)
        assert troubles > 0
        assert await value_of(store, 'count') == f'{acknowledged}'.encode()
    finally:
        writing.cancel()
        await store.aclose()
        server.kill()


async def test_idle_connections_that_a_restart_broke_are_not_noticed(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    server.start()
    await server.is_up()
    store = RedisStore(server.url)
    try:
        etag = (await asyncio.gather(*(store.put(f'k{number}', b'1', mode='create') for number in range(20))))[0]
        server.kill()
        server.start()
        await server.is_up()
        await store.put('k0', b'2', mode=Replace(etag))
        assert await asyncio.gather(*(value_of(store, f'k{number}') for number in range(20))) == [b'2'] + [b'1'] * 19
        assert store.connections == 16
    finally:
        await store.aclose()
        server.kill()


async def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    store = RedisStore(RedisServer(tmp_path).url)
    for operation in (store.get('x'), store.put('x', b'', mode='create'), store.delete('x')):
        with pytest.raises(Unavailable, match='cannot be reached'):
            await operation
    await store.aclose()


# ---- refusals


async def refusal(url: str) -> Refused:
    store = RedisStore(url)
    with pytest.raises(Refused) as caught:
        await store.put('x', b'', mode='create')
    await store.aclose()
    return caught.value


async def test_a_wrong_password_names_the_setting_and_not_the_password(tmp_path: Path) -> None:
    server = RedisServer(tmp_path, '--requirepass', 'right')
    server.start()
    await server.is_up()
    try:
        for login in ('', f':{SECRET}@', f'someone:{SECRET}@'):
            error = await refusal(server.url.replace('://', f'://{login}'))
            assert 'NICEGUI_STASH_URL' in error.hint
            assert SECRET not in str(error)
        store = RedisStore(server.url.replace('://', '://:right@'))
        await store.put('x', b'', mode='create')
        await store.aclose()
        store = RedisStore(server.url, {'password': 'right'})
        assert await value_of(store, 'x') == b''
        await store.aclose()
    finally:
        server.kill()


async def test_a_full_server_and_one_without_the_right_say_what_to_do(store: RedisStore, server: RedisServer) -> None:
    await store.ask('ACL', 'SETUSER', 'reader', 'on', f'>{SECRET}', '~*', '+get', '+evalsha', '+eval')
    error = await refusal(server.url.replace('://', f'://reader:{SECRET}@'))
    assert 'GETRANGE' in error.hint
    await store.ask('CONFIG', 'SET', 'maxmemory', '1mb')
    try:
        puts = (store.put(f'{number}', b'x' * 200_000, mode='create') for number in range(20))
        refused = [found for found in await asyncio.gather(*puts, return_exceptions=True) if isinstance(found, Refused)]
        assert refused
        assert all('maxmemory' in error.hint for error in refused)
    finally:
        await store.ask('CONFIG', 'SET', 'maxmemory', '0')


async def test_a_name_that_something_else_uses_is_refused(store: RedisStore) -> None:
    await store.ask('HSET', f'{NAMESPACE}x', 'field', 'value')
    for operation in (store.get('x'), store.put('x', b'', mode='create')):
        with pytest.raises(Refused, match='WRONGTYPE'):
            await operation
    assert [row async for row in store.list()] == []


async def test_a_replica_that_takes_no_writes_is_unavailable_until_it_is_the_primary(
    store: RedisStore, tmp_path: Path, server: RedisServer
) -> None:
    replica = RedisServer(tmp_path, '--replicaof', '127.0.0.1', str(server.port))
    replica.start()
    await replica.is_up()
    there = RedisStore(replica.url)
    try:
        with pytest.raises(Unavailable):
            await there.put('x', b'', mode='create')
        await there.ask('REPLICAOF', 'NO', 'ONE')
        await there.put('x', b'', mode='create')
    finally:
        await there.aclose()
        replica.kill()


async def test_a_cluster_is_refused_with_a_hint(tmp_path: Path) -> None:
    bus, elsewhere, bus_elsewhere = free_ports(3)
    (tmp_path / 'nodes.conf').write_text(
        f'{"a" * 40} 127.0.0.1:0@0 myself,master - 0 0 1 connected 0-8191\n'
        f'{"b" * 40} 127.0.0.1:{elsewhere}@{bus_elsewhere} master - 0 0 2 connected 8192-16383\n'
        'vars currentEpoch 2 lastVoteEpoch 0\n'
    )
    patient = ['--cluster-node-timeout', '3600000']  # in which a node that does not run is not missed
    server = RedisServer(tmp_path, '--cluster-enabled', 'yes', '--cluster-port', f'{bus}', *patient)
    server.start()
    store = RedisStore(server.url)
    try:
        await server.is_up()
        async with asyncio.timeout(PATIENCE):
            while b'cluster_state:ok' not in await store.ask('CLUSTER', 'INFO'):
                await asyncio.sleep(0.01)
        slots = {f'{number}': await store.ask('CLUSTER', 'KEYSLOT', f'{NAMESPACE}{number}') for number in range(20)}
        key = next(key for key, slot in slots.items() if slot > 8191)
        for operation in (store.get, lambda key: store.put(key, b'', mode='create'), store.delete):
            with pytest.raises(Refused, match='the server answered MOVED') as caught:
                await operation(key)
            assert 'Redis Cluster is not supported' in caught.value.hint
    finally:
        await store.aclose()
        server.kill()


async def test_a_node_of_a_cluster_that_is_not_made_yet_is_unavailable_with_the_same_hint(tmp_path: Path) -> None:
    (bus,) = free_ports(1)
    server = RedisServer(tmp_path, '--cluster-enabled', 'yes', '--cluster-port', f'{bus}')
    server.start()
    store = RedisStore(server.url)
    try:
        await server.is_up()
        with pytest.raises(Unavailable, match='CLUSTERDOWN') as caught:
            await store.put('x', b'', mode='create')
        assert 'Redis Cluster is not supported' in caught.value.hint
    finally:
        await store.aclose()
        server.kill()


@pytest.mark.parametrize(
    ('url', 'options', 'says'),
    [
        ('redis://host/database', {}, 'Write its number'),
        (f'redis://:{SECRET}@host:port', {}, 'storage_options: redis-py cannot use'),
        (f'redis://:{SECRET}@host', {'nosuch': 1}, 'nosuch'),
    ],
)
def test_what_redis_py_cannot_use_is_said_at_once(url: str, options: dict[str, int], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        open_store(url, options)
    assert SECRET not in str(caught.value)


async def test_scripts_are_sent_again_to_a_server_that_has_forgotten_them(store: RedisStore) -> None:
    etag = await store.put('x', b'1', mode='create')
    await store.ask('SCRIPT', 'FLUSH')
    assert await store.get('x', unless=etag) is NOT_MODIFIED
    await store.ask('SCRIPT', 'FLUSH')
    await store.put('x', b'2', mode=Replace(etag))
    assert await value_of(store, 'x') == b'2'


async def test_what_others_keep_in_the_database_is_not_listed(store: RedisStore) -> None:
    await store.ask('SET', 'nicegui:user-x', 'a value of somebody else')
    await store.put('ab/x.json', b'12', mode='create')
    assert [row async for row in store.list()] == [ObjectInfo('ab/x.json', 2)]


# ---- looking at the server before the app is served


async def test_the_start_fails_where_the_server_refuses_and_leaves_nothing_where_it_does_not(
    store: RedisStore, server: RedisServer
) -> None:
    await asyncio.to_thread(RedisStore(server.url).check, 'shop')
    assert await store.ask('DBSIZE') == 0
    await store.ask('ACL', 'SETUSER', 'reader', 'on', f'>{SECRET}', '~*', '+get')
    with pytest.raises(ConfigurationError, match='cannot be used: the server answered NOPERM') as caught:
        await asyncio.to_thread(RedisStore(server.url.replace('://', f'://reader:{SECRET}@')).check)
    assert SECRET not in str(caught.value)


def test_the_start_goes_on_where_the_server_is_not_there_yet(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    RedisStore(RedisServer(tmp_path).url).check()
    assert 'does not answer yet' in caplog.text


async def test_advice_is_given_where_sessions_could_be_dropped(store: RedisStore) -> None:
    assert await store.advice() == []
    await store.ask('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
    await store.ask('CONFIG', 'SET', 'appendonly', 'no')
    try:
        assert [text.split()[0] for text in await store.advice()] == ['maxmemory-policy', 'appendonly']
    finally:
        await store.ask('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
        await store.ask('CONFIG', 'SET', 'appendonly', 'yes')
