"""Sealed documents on a real Redis and a real S3: secrets change under traffic, and swapped objects open nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from itertools import pairwise

import pytest
from msgspec import Raw, json

from nicegui_stash.errors import Refused, Unavailable
from nicegui_stash.model.document import SESSION_PART, SliceId
from nicegui_stash.model.limits import Policy
from nicegui_stash.model.sealing import Sealing
from nicegui_stash.session.keys import Keys
from nicegui_stash.session.registry import Registry
from nicegui_stash.session.session import Session
from nicegui_stash.stores import Store
from nicegui_stash.stores.base import Replace, StoredObject
from nicegui_stash.stores.redis.store import RedisStore
from tests.servers.s3 import S3Server

from .objects import trusted
from .redis_fixtures import running
from .redis_server import RedisServer

__all__ = ['running']

pytestmark = pytest.mark.proves('sealed', 'secrets')
COUNTER = SliceId('Counter', 1)
PEOPLE = tuple(f'person {number}' for number in range(4))


@pytest.fixture(params=['redis', 'seaweedfs'])
def client(request: pytest.FixtureRequest) -> Callable[[], Store]:
    """Return what opens one more client of the server."""
    if request.param == 'redis':
        redis: RedisServer = request.getfixturevalue('running')
        return lambda: RedisStore(redis.url)
    s3: S3Server = request.getfixturevalue('seaweedfs')
    url = s3.url()
    return lambda: trusted(url, s3.options, 'obstore')


@pytest.fixture
async def open_client(
    client: Callable[[], Store], request: pytest.FixtureRequest
) -> AsyncIterator[Callable[[], Store]]:
    """Return the same, of a server that is up and empty; all clients are closed after the test."""
    opened: list[Store] = []

    def opening() -> Store:
        opened.append(client())
        return opened[-1]

    if isinstance(store := opening(), RedisStore):
        redis: RedisServer = request.getfixturevalue('running')
        await redis.is_up()
        await store.ask('FLUSHALL')
    yield opening
    for store in opened:
        await store.aclose()


def registry_of(store: Store, *secrets: str) -> Registry:
    return Registry(store, Keys(secrets), Policy(flush_interval=0.01), sealing=Sealing(secrets, encrypts=True))


def put(session: Session, name: str, value: int) -> None:
    session.set(COUNTER, SESSION_PART, name, Raw(json.encode(value)))


def values(session: Session) -> dict[str, int]:
    found = session.document.slice(COUNTER)
    return {name: json.decode(raw) for name, raw in found.data.items()} if found else {}


@pytest.mark.once
async def test_the_secrets_change_under_traffic_and_nothing_is_lost(open_client: Callable[[], Store]) -> None:
    expected: dict[str, dict[str, int]] = {person: {} for person in PEOPLE}
    clients = [open_client(), open_client()]
    for step, secrets in enumerate([('one',), ('one', 'two'), ('two', 'one'), ('three', 'two', 'one'), ('three',)]):
        servers = [registry_of(client, *secrets) for client in clients]

        async def work(number: int, person: str, step: int = step, servers: list[Registry] = servers) -> None:
            session = servers[number].session(person)
            for change in range(3):
                put(session, f'{step}-{number}-{change}', change)
                expected[person][f'{step}-{number}-{change}'] = change
                await flushed(session)

        await asyncio.gather(*(work(number, person) for number in range(2) for person in PEOPLE))
        for server in servers:
            assert await server.drain(60.0) == []
            await server.aclose()
    last = registry_of(clients[0], 'three')
    for person in PEOPLE:
        session = last.session(person)
        assert await session.load(60.0)
        assert values(session) == expected[person]
        stored = await clients[1].get(session.key)
        assert isinstance(stored, StoredObject)
        assert Sealing(['three']).is_current(stored.body)
        assert b'Counter' not in stored.body
    await last.aclose()


async def flushed(session: Session) -> None:
    """Return when what is accepted is durable, however often the other server wins the race for the object."""
    while session.pending:
        with suppress(Unavailable):
            await session.flush()


@pytest.mark.once
async def test_of_swapped_objects_none_is_shown_nor_replaced(open_client: Callable[[], Store]) -> None:
    store = open_client()
    registry = registry_of(store, 'one')
    sessions = [registry.session(person) for person in PEOPLE[:2]]
    for number, session in enumerate(sessions):
        put(session, 'count', number)
        await session.flush()
    found = [await store.get(session.key) for session in sessions]
    await registry.aclose()
    bodies: list[bytes] = []
    for session, (mine, other) in zip(sessions, [*pairwise(found), *pairwise(found[::-1])], strict=True):
        assert isinstance(mine, StoredObject)
        assert isinstance(other, StoredObject)
        await store.put(session.key, other.body, mode=Replace(mine.etag))
        bodies.append(other.body)
    server = registry_of(open_client(), 'one')
    for session, person, body in zip(sessions, PEOPLE, bodies, strict=False):
        swapped = server.session(person)
        assert not await swapped.load(60.0)
        assert (swapped.condition, values(swapped)) == ('sealed', {})
        put(swapped, 'count', 7)
        with pytest.raises(Refused, match='sealed for another object'):
            await swapped.flush()
        there = await store.get(session.key)
        assert isinstance(there, StoredObject)
        assert there.body == body
    await server.aclose()
