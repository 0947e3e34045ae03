"""The store in Redis, on a real server: the suite, crashes of the server, a network that breaks, refusals."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from nicegui_stash.errors import ConfigurationError, Conflict, OutcomeUnknown, Refused, Unavailable
from nicegui_stash.stores import NOT_MODIFIED, ETag, ObjectInfo, StoredObject, open_store
from nicegui_stash.stores.redis import NAMESPACE, RedisStore
from nicegui_stash.testing import StoreConformance

from .redis_server import Network, RedisServer

SECRET = 'hunter2'


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


@pytest.fixture
async def network(server: RedisServer) -> AsyncIterator[Network]:
    async with Network(server.port) as network:
        yield network


@pytest.fixture
async def far(network: Network) -> AsyncIterator[RedisStore]:
    """The same place behind the network, with a short deadline."""
    store = RedisStore(f'redis://127.0.0.1:{network.port}/0', deadline=0.5)
    yield store
    await store.aclose()


class TestRedis(StoreConformance):
    @pytest.fixture
    async def store(self, server: RedisServer) -> AsyncIterator[RedisStore]:
        store = RedisStore(server.url)
        yield store
        await store.aclose()

    @pytest.fixture
    async def other_store(self, server: RedisServer) -> AsyncIterator[RedisStore]:
        """Another server's opening, over the other kind of socket."""
        store = RedisStore(f'unix://{server.socket}?db=0')
        yield store
        await store.aclose()


async def value_of(store: RedisStore, key: str) -> bytes:
    found = await store.get(key)
    assert isinstance(found, StoredObject)
    return found.body


# ---- expiry


async def test_an_object_expires_so_long_after_its_last_put(server: RedisServer) -> None:
    store = open_store(server.url, ttl=0.2)
    assert isinstance(store, RedisStore)
    etag = await store.put('expiring', b'1', if_match=None)
    assert 0 < await store.ask('PTTL', f'{NAMESPACE}expiring') <= 200
    store.expire_after(3600)
    await store.put('expiring', b'2', if_match=etag)
    assert 3_500_000 < await store.ask('PTTL', f'{NAMESPACE}expiring') <= 3_600_000
    store.expire_after(0.02)
    await store.put('gone', b'3', if_match=None)
    async with asyncio.timeout(5):
        while await store.get('gone') is not None:
            await asyncio.sleep(0.01)
    assert await value_of(store, 'expiring') == b'2'
    await store.aclose()


async def test_without_ttl_nothing_expires(store: RedisStore) -> None:
    await store.put('lasting', b'1', if_match=None)
    assert await store.ask('PTTL', f'{NAMESPACE}lasting') == -1


async def test_the_etag_of_an_expired_object_never_fits_its_successor(store: RedisStore) -> None:
    store.expire_after(0.01)
    old = await store.put('again', b'same', if_match=None)
    async with asyncio.timeout(5):
        while await store.get('again') is not None:
            await asyncio.sleep(0.01)
    store.expire_after(3600)
    await store.put('again', b'same', if_match=None)
    with pytest.raises(Conflict):
        await store.put('again', b'late', if_match=old)


# ---- a network that breaks


@pytest.mark.parametrize('lost', [1, 2])
async def test_a_put_whose_answer_is_lost_is_applied_once(
    store: RedisStore, far: RedisStore, network: Network, lost: int
) -> None:
    etag = await far.put('x', b'one', if_match=None)
    network.answers_to_lose = lost
    if lost == 1:  # recognised when it is repeated
        assert await store.get('x', unless=await far.put('x', b'two', if_match=etag)) is NOT_MODIFIED
    else:
        with pytest.raises(OutcomeUnknown):
            await far.put('x', b'two', if_match=etag)
    assert await value_of(store, 'x') == b'two'
    with pytest.raises(Conflict):
        await far.put('x', b'three', if_match=etag)


async def test_increments_over_a_network_that_loses_answers_are_each_counted_once(
    store: RedisStore, far: RedisStore, network: Network
) -> None:
    await store.put('count', json.dumps({'count': 0, 'applied': {}}).encode(), if_match=None)

    async def write(writer: str) -> None:
        for step in range(20):
            while True:
                try:
                    found = await far.get('count')
                    assert isinstance(found, StoredObject)
                    state = json.loads(found.body)
                    if state['applied'].get(writer) == step:
                        break
                    body = {'count': state['count'] + 1, 'applied': {**state['applied'], writer: step}}
                    await far.put('count', json.dumps(body).encode(), if_match=found.etag)
                except (Conflict, OutcomeUnknown, Unavailable):
                    network.answers_to_lose = 1
                    continue
                break

    async with asyncio.timeout(60):
        network.answers_to_lose = 3
        await asyncio.gather(*(write(f'{number}') for number in range(4)))
    assert json.loads(await value_of(store, 'count'))['count'] == 80


async def test_a_server_that_hangs_holds_nobody_longer_than_the_deadline(
    store: RedisStore, far: RedisStore, network: Network
) -> None:
    etag = await far.put('x', b'one', if_match=None)
    network.silent = True
    begin = asyncio.get_running_loop().time()
    with pytest.raises(OutcomeUnknown, match=r'no answer within 0.5 s'):
        await far.put('x', b'two', if_match=etag)
    with pytest.raises(Unavailable, match=r'no answer within 0.5 s'):
        await far.get('x')
    assert asyncio.get_running_loop().time() - begin < 3
    network.silent = False
    # an answer of before must not be taken for that of another question
    assert await value_of(far, 'x') == b'two'
    assert [row async for row in far.list()] == [ObjectInfo('x', 3)]


async def test_a_cancelled_operation_leaves_no_answer_to_the_next(far: RedisStore) -> None:
    for number in range(40):
        await far.put(f'k{number}', f'{number}'.encode(), if_match=None)
    for turns in range(40):
        reads = [asyncio.create_task(far.get(f'k{turns}')) for _ in range(20)]
        for _ in range(turns):
            await asyncio.sleep(0)
        for read in reads:
            read.cancel()
        await asyncio.gather(*reads, return_exceptions=True)
        assert await asyncio.gather(*(value_of(far, f'k{number}') for number in range(20))) == [
            f'{number}'.encode() for number in range(20)
        ]


async def test_ten_thousand_users_share_sixteen_connections(far: RedisStore, network: Network) -> None:
    store = RedisStore(f'redis://127.0.0.1:{network.port}', deadline=60)
    await asyncio.gather(*(store.put(f'user/{number}', b'x' * 100, if_match=None) for number in range(10_000)))
    assert (network.most, store.connections) == (16, 16)
    await store.aclose()


# ---- a server that stops


async def test_a_server_that_is_killed_and_started_again_has_lost_nothing_it_acknowledged(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    server.start()
    await server.is_up()
    store = RedisStore(server.url, deadline=1.0)
    acknowledged = 0
    troubles = 0
    killed, again = asyncio.Event(), asyncio.Event()

    async def write() -> None:
        nonlocal acknowledged, troubles
        etag: ETag | None = None
        while acknowledged < 200 or not again.is_set():
            try:
                etag = await store.put('count', f'{acknowledged + 1}'.encode(), if_match=etag)
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
        await asyncio.wait_for(killed.wait(), 10)
        server.start()
        await server.is_up()
        again.set()
        await asyncio.wait_for(writing, 30)
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
        etag = (await asyncio.gather(*(store.put(f'k{number}', b'1', if_match=None) for number in range(20))))[0]
        server.kill()
        server.start()
        await server.is_up()
        await store.put('k0', b'2', if_match=etag)
        assert await asyncio.gather(*(value_of(store, f'k{number}') for number in range(20))) == [b'2'] + [b'1'] * 19
        assert store.connections == 16
    finally:
        await store.aclose()
        server.kill()


async def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    store = RedisStore(RedisServer(tmp_path).url)
    for operation in (store.get('x'), store.put('x', b'', if_match=None), store.delete('x')):
        with pytest.raises(Unavailable, match='cannot be reached'):
            await operation
    await store.aclose()


# ---- refusals


async def refusal(url: str) -> Refused:
    store = RedisStore(url)
    with pytest.raises(Refused) as caught:
        await store.put('x', b'', if_match=None)
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
        await store.put('x', b'', if_match=None)
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
        with pytest.raises(Refused) as full:
            await asyncio.gather(*(store.put(f'{number}', b'x' * 200_000, if_match=None) for number in range(20)))
        assert 'maxmemory' in full.value.hint
    finally:
        await store.ask('CONFIG', 'SET', 'maxmemory', '0')


async def test_a_name_that_something_else_uses_is_refused(store: RedisStore) -> None:
    await store.ask('HSET', f'{NAMESPACE}x', 'field', 'value')
    for operation in (store.get('x'), store.put('x', b'', if_match=None)):
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
            await there.put('x', b'', if_match=None)
        await there.ask('REPLICAOF', 'NO', 'ONE')
        await there.put('x', b'', if_match=None)
    finally:
        await there.aclose()
        replica.kill()


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
    etag = await store.put('x', b'1', if_match=None)
    await store.ask('SCRIPT', 'FLUSH')
    assert await store.get('x', unless=etag) is NOT_MODIFIED
    await store.ask('SCRIPT', 'FLUSH')
    await store.put('x', b'2', if_match=etag)
    assert await value_of(store, 'x') == b'2'


async def test_what_others_keep_in_the_database_is_not_listed(store: RedisStore) -> None:
    await store.ask('SET', 'nicegui:user-x', 'a value of somebody else')
    await store.put('ab/x.json', b'12', if_match=None)
    assert [row async for row in store.list()] == [ObjectInfo('ab/x.json', 2)]
