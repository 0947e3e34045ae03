"""The store in Redis, on a real server: the suite, crashes of the server, a network that breaks, refusals."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

import pytest

from nicegui_stash.errors import Conflict, OutcomeUnknown, Unavailable
from nicegui_stash.stores import NOT_MODIFIED, ObjectInfo, Replace, StoredObject, open_store
from nicegui_stash.stores.redis.store import NAMESPACE, RedisStore
from nicegui_stash.testing import StoreConformance
from tests.servers.process import PATIENCE
from tests.steady import count_only_waiting

from .redis_fixtures import running, server, store, value_of
from .redis_server import Network, RedisServer

__all__ = ['running', 'server', 'store']

SECRET = 'hunter2'
T = TypeVar('T')


@pytest.fixture
async def network(server: RedisServer) -> AsyncIterator[Network]:
    async with Network(server.port) as network:
        yield network


@pytest.fixture
async def far(network: Network) -> AsyncIterator[RedisStore]:
    """The same place behind the network, with limits that also a busy machine keeps."""
    options = {'socket_connect_timeout': PATIENCE}
    store = RedisStore(f'redis://127.0.0.1:{network.port}/0', options)
    yield store
    await store.aclose()


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask again where a busy machine has not kept a short deadline."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with suppress(Unavailable):
                return await ask()


async def rows(store: RedisStore) -> list[ObjectInfo]:
    return [row async for row in store.list()]


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


# ---- expiry


async def test_an_object_expires_so_long_after_its_last_put(server: RedisServer) -> None:
    store = open_store(server.url, ttl=100.0)
    assert isinstance(store, RedisStore)
    etag = await store.put('expiring', b'1', mode='create')
    assert 0 < await store.ask('PTTL', f'{NAMESPACE}expiring') <= 100_000
    store.expire_after(3600)
    await store.put('expiring', b'2', mode=Replace(etag))
    assert 3_500_000 < await store.ask('PTTL', f'{NAMESPACE}expiring') <= 3_600_000
    store.expire_after(0.02)
    await store.put('gone', b'3', mode='create')
    async with asyncio.timeout(PATIENCE):
        while await store.get('gone') is not None:
            await asyncio.sleep(0.01)
    assert await value_of(store, 'expiring') == b'2'
    await store.aclose()


async def test_without_ttl_nothing_expires(store: RedisStore) -> None:
    await store.put('lasting', b'1', mode='create')
    assert await store.ask('PTTL', f'{NAMESPACE}lasting') == -1


async def test_the_etag_of_an_expired_object_never_fits_its_successor(store: RedisStore) -> None:
    store.expire_after(0.01)
    old = await store.put('again', b'same', mode='create')
    async with asyncio.timeout(PATIENCE):
        while await store.get('again') is not None:
            await asyncio.sleep(0.01)
    store.expire_after(3600)
    await store.put('again', b'same', mode='create')
    with pytest.raises(Conflict):
        await store.put('again', b'late', mode=Replace(old))


# ---- a network that breaks


@pytest.mark.parametrize('lost', [1, 2])
async def test_a_put_whose_answer_is_lost_is_applied_once(
    store: RedisStore, far: RedisStore, network: Network, lost: int
) -> None:
    etag = await far.put('x', b'one', mode='create')
    network.answers_to_lose = lost
    if lost == 1:  # recognised when it is repeated
        assert await store.get('x', unless=await far.put('x', b'two', mode=Replace(etag))) is NOT_MODIFIED
    else:
        with pytest.raises(OutcomeUnknown):
            await far.put('x', b'two', mode=Replace(etag))
    assert await value_of(store, 'x') == b'two'
    with pytest.raises(Conflict):
        await far.put('x', b'three', mode=Replace(etag))


async def test_increments_over_a_network_that_loses_answers_are_each_counted_once(
    store: RedisStore, far: RedisStore, network: Network
) -> None:
    await store.put('count', json.dumps({'count': 0, 'applied': {}}).encode(), mode='create')

    async def write(writer: str) -> None:
        for step in range(20):
            if step % 4 == 0:  # as many as are named: a loss that brings the next one need never end
                network.answers_to_lose += 3
            while True:
                try:
                    found = await far.get('count')
                    assert isinstance(found, StoredObject)
                    state = json.loads(found.body)
                    if state['applied'].get(writer) == step:
                        break
                    body = {'count': state['count'] + 1, 'applied': {**state['applied'], writer: step}}
                    await far.put('count', json.dumps(body).encode(), mode=Replace(found.etag))
                except (Conflict, OutcomeUnknown, Unavailable):
                    continue
                break

    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*(write(f'{number}') for number in range(4)))
    assert json.loads(await value_of(store, 'count'))['count'] == 80
    assert network.answers_to_lose == 0


async def test_a_server_that_hangs_holds_nobody_longer_than_the_deadline(store: RedisStore, network: Network) -> None:
    count_only_waiting()  # the time that is waited for an answer, not that of a busy machine's own steps
    hasty = RedisStore(f'redis://127.0.0.1:{network.port}/0', deadline=0.5)
    etag = await store.put('x', b'one', mode='create')
    assert await patiently(lambda: value_of(hasty, 'x')) == b'one'
    network.silent = True
    async with asyncio.timeout(PATIENCE):  # for ever, without the deadline
        with pytest.raises(OutcomeUnknown, match=r'no answer within 0.5 s'):
            await hasty.put('x', b'two', mode=Replace(etag))
        with pytest.raises(Unavailable, match=r'no answer within 0.5 s'):
            await hasty.get('x')
    network.silent = False
    # an answer of before must not be taken for that of another question
    assert await patiently(lambda: value_of(hasty, 'x')) == b'two'
    assert await patiently(lambda: rows(hasty)) == [ObjectInfo('x', 3)]
    await hasty.aclose()


async def test_closing_closes_also_connections_that_are_in_use(far: RedisStore, network: Network) -> None:
    reads = [asyncio.create_task(far.get(f'{number}')) for number in range(8)]
    await asyncio.sleep(0)  # each has a connection now, and waits for it
    await far.aclose()
    assert await asyncio.gather(*reads) == [None] * 8
    assert network.most == 8
    async with asyncio.timeout(PATIENCE):
        while network.connections:
            await asyncio.sleep(0.001)


async def test_a_cancelled_operation_leaves_no_answer_to_the_next(far: RedisStore) -> None:
    for number in range(40):
        await far.put(f'k{number}', f'{number}'.encode(), mode='create')
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
    patience = {'socket_connect_timeout': PATIENCE}  # a busy machine takes long for one turn of so many
    store = RedisStore(f'redis://127.0.0.1:{network.port}', patience)
    await asyncio.gather(*(store.put(f'user/{number}', b'x' * 100, mode='create') for number in range(10_000)))
    assert (network.most, store.connections) == (16, 16)
    await store.aclose()
