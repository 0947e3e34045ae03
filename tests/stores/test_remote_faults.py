"""What becomes of an operation when the network or the server fails, for each family and engine."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from nicegui_stash.errors import Conflict, OutcomeUnknown, Refused, StoreError, Unavailable
from nicegui_stash.stores import NOT_MODIFIED, Replace, StoredObject, open_store
from nicegui_stash.stores.objects.probed import ProbedStore
from nicegui_stash.testing import StoreConformance
from tests.servers.faulty import Fault, FaultyProxy, Request, answer
from tests.servers.s3 import S3Server
from tests.steady import count_only_waiting

from .objects import ObjectServer, trusted

WAYS = [
    ('seaweedfs', 'fsspec'),
    ('seaweedfs', 'obstore'),
    ('azurite', 'fsspec'),
    ('azurite', 'obstore'),
    ('gcs', 'fsspec'),
    ('gcs', 'obstore'),
]
WHOLE_PUT = {Conflict, OutcomeUnknown}
"""What a put may raise that was, or may have been, applied."""


class Scene:
    """A store that reaches its server through a proxy, and another that does not."""

    def __init__(self, proxy: FaultyProxy, server: ObjectServer, url: str, engine: str) -> None:
        self.proxy = proxy
        self.url = url
        self.engine = engine
        self.options = server.at(proxy.port).options
        self.store = trusted(url, self.options, engine)
        self.direct = trusted(url, server.options, engine)

    async def body(self, key: str) -> bytes | None:
        """What is really stored."""
        found = await self.direct.get(key)
        return found.body if isinstance(found, StoredObject) else None

    def patience(self, seconds: float) -> None:
        """Let operations end sooner than in earnest."""
        self.store._store._deadline = seconds


def behind(server: Any, engine: str) -> Any:
    """Return the server with what the engine needs to speak with it."""
    return server.with_a_token() if engine == 'obstore' and hasattr(server, 'with_a_token') else server


@pytest.fixture(params=WAYS, ids='-'.join)
def way(request: pytest.FixtureRequest) -> tuple[Any, str]:
    """A server, and the engine to speak with it."""
    name, engine = request.param
    return behind(request.getfixturevalue(name), engine), engine


@pytest.fixture
async def scene(way: tuple[Any, str]) -> AsyncIterator[Scene]:
    server, engine = way
    async with FaultyProxy(server.port) as proxy:
        scene = Scene(proxy, server, server.url('faults'), engine)
        yield scene
        await scene.store.aclose()
        await scene.direct.aclose()


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    """A key that no other test uses."""
    return ''.join(letter if letter.isalnum() else '-' for letter in request.node.name) + '/x.json'


def writes(request: Request) -> bool:
    return request.writes


async def raised(operation: Any) -> type[BaseException] | None:
    """What kind of error an operation raises."""
    try:
        await operation
    except StoreError as error:
        return type(error)
    return None


async def test_each_operation_is_one_request_that_does_not_ask_first(scene: Scene, key: str) -> None:
    etag = await scene.store.put(key, b'body', mode='create')
    scene.proxy.seen.clear()
    etag = await scene.store.put(key, b'other', mode=Replace(etag))
    assert await scene.store.get(key) == StoredObject(b'other', etag)
    assert await scene.store.get(key, unless=etag) is NOT_MODIFIED
    assert len(scene.proxy.seen) == 3
    assert not any(request.asks_first for request in scene.proxy.seen)


async def test_a_create_whose_answer_is_lost_is_stored_and_not_said_to_have_failed(scene: Scene, key: str) -> None:
    scene.proxy.times(1, 'lose', writes)
    assert await raised(scene.store.put(key, b'body', mode='create')) in WHOLE_PUT
    assert await scene.body(key) == b'body'


async def test_a_replace_whose_answer_is_lost_is_stored_and_not_said_to_have_failed(scene: Scene, key: str) -> None:
    etag = await scene.store.put(key, b'old', mode='create')
    scene.proxy.times(1, 'lose', writes)
    assert await raised(scene.store.put(key, b'new', mode=Replace(etag))) in WHOLE_PUT
    assert await scene.body(key) == b'new'


async def test_a_put_whose_connection_breaks_is_done_or_unknown_and_the_next_one_is_served(
    scene: Scene, key: str
) -> None:
    scene.proxy.times(1, 'reset', writes)
    outcome = await raised(scene.store.put(key, b'body', mode='create'))
    assert outcome in {None, OutcomeUnknown}
    assert await scene.body(key) == (b'body' if outcome is None else None)
    await scene.store.put(f'{key}.next', b'body', mode='create')


async def test_while_every_connection_breaks_nothing_is_said_to_be_absent(scene: Scene, key: str) -> None:
    etag = await scene.store.put(key, b'body', mode='create')
    scene.proxy.fault = lambda request: 'reset'
    assert await raised(scene.store.get(key)) is Unavailable
    assert await raised(scene.store.put(key, b'new', mode=Replace(etag))) is OutcomeUnknown
    assert await raised(scene.store.delete(key)) is Unavailable
    scene.proxy.fault = None
    assert await scene.store.get(key) == StoredObject(b'body', etag)


async def test_a_server_that_hangs_is_waited_for_no_longer_than_the_deadline(scene: Scene, key: str) -> None:
    await scene.store.get(key)
    scene.proxy.fault = lambda request: 'hang'
    scene.patience(0.3)
    count_only_waiting()
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert await raised(scene.store.get(key)) is Unavailable
    assert await raised(scene.store.put(key, b'body', mode='create')) is OutcomeUnknown
    assert loop.time() - began < 30  # the clients themselves give up after a minute


async def test_a_slow_server_is_waited_for(scene: Scene, key: str) -> None:
    scene.proxy.delay = 0.2
    etag = await scene.store.put(key, b'body', mode='create')
    assert await scene.store.get(key) == StoredObject(b'body', etag)


@pytest.mark.parametrize('status', [429, 503])
async def test_a_server_in_trouble_is_away_and_a_put_unknown(scene: Scene, key: str, status: int) -> None:
    etag = await scene.store.put(key, b'body', mode='create')
    scene.proxy.fault = lambda request: answer(status, 'SlowDown')
    assert await raised(scene.store.get(key)) is Unavailable
    assert await raised(scene.store.put(key, b'new', mode=Replace(etag))) is OutcomeUnknown
    scene.proxy.fault = None
    assert await scene.store.get(key) == StoredObject(b'body', etag)


@pytest.mark.parametrize('status', [401, 403])
async def test_a_server_that_forbids_is_refused_with_what_to_do(scene: Scene, key: str, status: int) -> None:
    scene.proxy.fault = lambda request: answer(status, 'AccessDenied')
    with pytest.raises(Refused, match='credentials'):
        await scene.store.get(key)
    with pytest.raises(Refused, match='credentials'):
        await scene.store.put(key, b'body', mode='create')
    with pytest.raises(Refused, match='credentials'):
        await scene.store.delete(key)


@pytest.mark.parametrize(  # SeaweedFS makes a bucket that is not there
    'way', [('moto' if name == 'seaweedfs' else name, engine) for name, engine in WAYS], indirect=True, ids='-'.join
)
async def test_a_bucket_that_is_not_there_is_no_empty_one(scene: Scene, key: str) -> None:
    url = scene.url.replace('://stash/', '://no-such-bucket/')
    store = trusted(url, scene.options, scene.engine)
    with pytest.raises(Refused, match='make the bucket or container'):
        await store.get(key)
    with pytest.raises(Refused, match='make the bucket or container'):
        await store.put(key, b'body', mode='create')
    with pytest.raises(Refused, match='make the bucket or container'):
        [row async for row in store.list()]
    await store.aclose()


async def test_over_a_bad_network_nothing_is_counted_twice_and_nothing_is_lost(scene: Scene, key: str) -> None:
    chance = random.Random(7)
    weather = ['lose', 'lose', 'reset', answer(503, 'SlowDown'), *[None] * 8]
    scene.proxy.fault = lambda request: chance.choice(weather) if request.writes else None
    await BriefSuite().test_racing_increments_are_all_counted(scene.direct, scene.store, key)
    assert scene.proxy.puts > BriefSuite.increments * BriefSuite.writers / 2


class BriefSuite(StoreConformance):
    """The increments alone: half of the writers are behind the proxy."""

    __test__ = False
    writers = 4
    increments = 15
    pause = 0.02


# ---- servers of S3 that are as no other


def picky(request: Request) -> bytes | None:
    """Compare etags without quotes only, as Ceph does."""
    condition = request.headers.get('if-match', '')
    if condition.startswith('"'):
        return answer(412, 'PreconditionFailed')
    if condition:
        request.headers['if-match'] = f'"{condition}"'
    return None


def failing_on_a_lost_race(received: bytes) -> bytes:
    return received.replace(b'HTTP/1.1 412 ', b'HTTP/1.1 500 ', 1)


def deaf_to(header: str) -> Fault:
    """Ignore a condition, as some servers do."""

    def fault(request: Request) -> None:
        request.headers.pop(header, None)

    return fault


@pytest.mark.parametrize('engine', ['fsspec', 'obstore'])
async def test_etags_without_quotes_and_errors_for_lost_races_are_found_out_and_served(
    moto: S3Server, engine: str
) -> None:
    async with FaultyProxy(moto.port) as proxy:
        proxy.fault, proxy.rewrite = picky, failing_on_a_lost_race
        store = open_store(moto.url(), moto.at(proxy.port).options, engine=engine)
        assert isinstance(store, ProbedStore)
        await asyncio.to_thread(store.check)
        assert store._store.quoted_etags is False
        etag = await store.put('x', b'one', mode='create')
        new = await store.put('x', b'two', mode=Replace(etag))
        assert await store.get('x') == StoredObject(b'two', new)
        with pytest.raises(OutcomeUnknown):
            await store.put('x', b'late', mode=Replace(etag))
        assert await store.get('x') == StoredObject(b'two', new)
        await store.aclose()


@pytest.mark.parametrize('engine', ['fsspec', 'obstore'])
@pytest.mark.parametrize(
    ('header', 'reason'), [('if-none-match', 'must not exist'), ('if-match', 'whose etag is no longer')]
)
async def test_a_server_that_ignores_one_condition_is_refused(
    moto: S3Server, engine: str, header: str, reason: str
) -> None:
    async with FaultyProxy(moto.port) as proxy:
        proxy.fault = deaf_to(header)
        store = open_store(moto.url(), moto.at(proxy.port).options, engine=engine)
        with pytest.raises(Refused, match=reason):
            await store.put('x', b'body', mode='create')
        await store.aclose()
