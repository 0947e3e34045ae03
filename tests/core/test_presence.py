"""Who has a room open, on several servers: said in a few objects, and no longer believed of a server that is silent."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator

import pytest

from nicegui_stash.session import presence
from nicegui_stash.session.keys import Keys, is_document_key, is_kept_key, is_left_over_key
from nicegui_stash.session.presence import BEAT, LAPSE, MOST, TABLES, Presence
from nicegui_stash.session.registry import Registry
from nicegui_stash.stores.base import Replace, StoredObject
from nicegui_stash.testing import FaultyStore

from .conftest import MakeRegistry, WallClock
from .scene import kill
from .sweeps import Dated, keys_of, sweep

pytestmark = pytest.mark.proves('present')

INTERVAL = 0.25
SOON = 3.0
"""Seconds within which all servers know who has come: their puts are a second apart."""


class Page:
    """A page that shows how many have a room open."""

    def __init__(self, registry: Registry, who: str, room: str = 'garden') -> None:
        self.presence: Presence = registry.presences.of(room)
        self.person = registry.presences.person(room, who)
        self.told = 0
        self.presence.watch(self.tell)
        self.presence.enter(self.person)

    def tell(self) -> None:
        self.told += 1

    @property
    def count(self) -> int:
        return self.presence.count(self.person)

    def close(self) -> None:
        self.presence.unwatch(self.tell)
        self.presence.leave(self.person)


class Servers:
    """As many servers on one store as a test wants."""

    def __init__(self, make_registry: MakeRegistry) -> None:
        self._make = make_registry
        self.all: list[Registry] = []

    def start(self, **options: object) -> Registry:
        self.all.append(self._make(live_interval=INTERVAL, seed=len(self.all), **options))
        return self.all[-1]


@pytest.fixture
async def servers(make_registry: MakeRegistry) -> AsyncIterator[Servers]:
    """Servers that find out, after the test, that no page shows who is present any more."""
    yield Servers(make_registry)
    await asyncio.sleep(2 * BEAT)


async def bodies(store: FaultyStore) -> dict[str, bytes]:
    found = {row.key: await store.inner.get(row.key) async for row in store.inner.list()}
    return {key: each.body for key, each in found.items() if isinstance(each, StoredObject)}


async def test_all_servers_count_the_people_of_a_room_and_each_person_once(servers: Servers) -> None:
    here, there, third = (servers.start() for _ in range(3))
    pages = [Page(here, 'ann'), Page(there, 'bob'), Page(third, 'cid')]
    apart = Page(here, 'ann', 'yard')
    await asyncio.sleep(SOON)
    assert [page.count for page in pages] == [3] * 3
    assert apart.count == 1
    second_tab = Page(there, 'ann')
    late = Page(here, 'dan')
    assert late.count == 4, 'at once, as this server knows the others already'
    await asyncio.sleep(SOON)
    assert [page.count for page in [*pages, late, second_tab]] == [4] * 5
    pages[0].close()
    await asyncio.sleep(SOON)
    assert pages[1].count == 4, 'Ann has a tab on another server'
    second_tab.close()
    late.close()
    await asyncio.sleep(SOON)
    assert [page.count for page in pages[1:]] == [2, 2]
    for page in [*pages[1:], apart]:
        page.close()


async def test_the_people_of_a_killed_server_are_counted_for_half_a_minute(servers: Servers) -> None:
    here, there = servers.start(), servers.start()
    page, gone = Page(here, 'ann'), Page(there, 'bob')
    await asyncio.sleep(SOON)
    assert (page.count, gone.count) == (2, 2)
    await kill(there)
    await asyncio.sleep(LAPSE - BEAT - SOON)
    assert page.count == 2
    again = Page(servers.start(), 'bob')
    await asyncio.sleep(SOON)
    assert (page.count, again.count) == (2, 2), 'who comes back is not counted twice'
    again.close()
    await asyncio.sleep(BEAT + SOON)
    assert page.count == 1
    page.close()


async def test_a_server_that_starts_does_not_believe_what_is_old(
    servers: Servers, clock: WallClock, store: FaultyStore
) -> None:
    there = servers.start()
    gone = Page(there, 'bob')
    await asyncio.sleep(SOON)
    await kill(there)
    clock.advance(seconds=LAPSE + presence.CLOCKS + 1)
    page = Page(registry := servers.start(), 'ann')
    counts = set[int]()
    for _ in range(10):
        await asyncio.sleep(SOON / 10)
        counts.add(page.count)
    assert counts == {1}
    (named,) = [body for key, body in (await bodies(store)).items() if not key.endswith('servers')]
    assert gone.person.encode() in named
    await asyncio.sleep(2 * LAPSE)
    other = Page(registry, 'cid')
    await asyncio.sleep(SOON)
    (named,) = [body for key, body in (await bodies(store)).items() if not key.endswith('servers')]
    assert gone.person.encode() not in named, 'the row of the server that is gone was left out of a later put'
    page.close()
    other.close()


async def test_a_server_that_ends_takes_nobody_away_who_comes_back_elsewhere(servers: Servers) -> None:
    here, old = servers.start(), servers.start()
    page, moving = Page(here, 'ann'), Page(old, 'bob')
    await asyncio.sleep(SOON)
    counts = set[int]()
    page.presence.watch(watcher := lambda: counts.add(page.count))
    await old.drain(10.0)
    moving.close()
    await asyncio.sleep(SOON)
    await kill(old)
    moving = Page(servers.start(), 'bob')
    await asyncio.sleep(2 * LAPSE)
    assert (page.count, moving.count, counts) == (2, 2, set())
    page.presence.unwatch(watcher)
    del watcher
    page.close()
    moving.close()


async def test_a_server_that_was_frozen_is_counted_again(servers: Servers, store: FaultyStore) -> None:
    here, there = servers.start(), servers.start()
    page, frozen = Page(here, 'ann'), Page(there, 'bob')
    await asyncio.sleep(SOON)
    for key in await bodies(store):  # as if others had taken it for gone, and a restart had lost the rest
        await store.inner.delete(key)
    await asyncio.sleep(SOON)
    assert (page.count, frozen.count) == (2, 2)
    page.close()
    frozen.close()


async def test_while_the_store_is_away_nobody_vanishes(servers: Servers, store: FaultyStore) -> None:
    here, there = servers.start(), servers.start()
    page, other = Page(here, 'ann'), Page(there, 'bob')
    await asyncio.sleep(SOON)
    store.down = True
    await asyncio.sleep(10 * LAPSE)
    late = Page(there, 'cid')
    await asyncio.sleep(SOON)
    assert (page.count, other.count) == (2, 3)
    store.down = False
    await asyncio.sleep(LAPSE)
    assert (page.count, other.count) == (3, 3)
    for each in (page, other, late):
        each.close()


async def test_the_store_is_written_when_somebody_comes_and_else_once_in_ten_seconds(
    servers: Servers, store: FaultyStore
) -> None:
    registry = servers.start()
    pages = [Page(registry, f'person {number}', f'room {number % 100}') for number in range(1000)]
    await asyncio.sleep(SOON)
    assert store.calls['put'] <= TABLES + 1, 'all who come within a second are put together'
    before = store.calls['put']
    await asyncio.sleep(600)
    assert store.calls['put'] - before <= 600 / BEAT + 1
    while pages:
        pages.pop().close()
    await asyncio.sleep(SOON + BEAT)
    assert set((await bodies(store)).values()) == {b'{}'}


async def test_visitors_cannot_make_more_objects_by_opening_more_rooms(servers: Servers, store: FaultyStore) -> None:
    registry = servers.start()
    for number in range(5000):
        Page(registry, 'ann', f'room {number}').close()
    await asyncio.sleep(SOON)
    assert len(await bodies(store)) <= TABLES + 1
    assert registry.statistics().rooms == registry.statistics().sessions == 0


async def test_nothing_is_read_or_put_without_a_page_that_shows_it(
    make_registry: MakeRegistry, store: FaultyStore
) -> None:
    registry = make_registry(live_interval=INTERVAL)
    sessions = [registry.session(str(number)) for number in range(1000)]
    await asyncio.sleep(100)
    assert (sum(store.calls.values()), len(sessions)) == (0, 1000)


async def test_on_a_store_that_tells_nothing_each_server_counts_its_own(
    make_registry: MakeRegistry, store: FaultyStore
) -> None:
    pages = [Page(make_registry(), who) for who in ('ann', 'bob')]
    third = make_registry()
    assert [page.count for page in [Page(third, 'cid'), Page(third, 'dan')]] == [2, 2]
    await asyncio.sleep(100)
    assert [page.count for page in pages] == [1, 1]
    assert sum(store.calls.values()) == 0


@pytest.mark.parametrize('encrypt', [False, True])
async def test_neither_a_person_nor_a_room_can_be_recognised_in_the_store(
    servers: Servers, store: FaultyStore, *, encrypt: bool
) -> None:
    here, there = servers.start(encrypt=encrypt), servers.start()  # as while a store is changed over
    pages = [Page(here, 'ann'), Page(there, 'bob'), Page(here, 'ann', 'yard')]
    await asyncio.sleep(SOON)
    assert [page.count for page in pages] == [2, 2, 1]
    tokens = [page.person for page in pages]
    assert len(set(tokens)) == 3, 'the same person has another token in another room'
    together = b''.join([key.encode() + body for key, body in (await bodies(store)).items()])
    assert not any(name in together for name in (b'ann', b'bob', b'garden', b'yard'))
    if not encrypt:
        assert tokens[0].encode() in together
    for page in pages:
        page.close()


async def test_what_cannot_be_read_is_put_again(servers: Servers, store: FaultyStore) -> None:
    here, there = servers.start(encrypt=True), servers.start(encrypt=True)
    pages = [Page(here, 'ann'), Page(there, 'bob')]
    await asyncio.sleep(SOON)
    for key in await bodies(store):
        for planted in (b'not JSON', b'\0sealed' + bytes(60), b'{"x": 1}', b'[]'):
            found = await store.inner.get(key)
            assert isinstance(found, StoredObject)
            await store.inner.put(key, planted, mode=Replace(found.etag))
            await asyncio.sleep(SOON)
    assert [page.count for page in pages] == [2, 2]
    for page in pages:
        page.close()


async def test_a_crowd_is_counted_although_not_all_of_it_is_named(servers: Servers) -> None:
    here, there = servers.start(), servers.start()
    crowd = [Page(here, f'person {number}') for number in range(MOST + 500)]
    page = Page(there, 'ann')
    await asyncio.sleep(SOON)
    assert page.count == crowd[0].count == MOST + 501
    assert crowd[0].told <= math.ceil(SOON / presence.PAUSE), 'not once for each who comes'
    for each in [*crowd, page]:
        each.close()


async def test_servers_that_come_at_the_same_moment_do_not_lose_each_other(servers: Servers) -> None:
    pages = [Page(servers.start(), f'person {number}') for number in range(12)]
    await asyncio.sleep(5 * SOON)
    assert [page.count for page in pages] == [12] * 12
    for page in pages:
        page.close()


async def test_what_says_who_is_present_is_swept_when_nobody_has_been_for_long(
    make_registry: MakeRegistry, store: FaultyStore, clock: WallClock
) -> None:
    dated = Dated(store.inner, clock)
    registry = make_registry(on=dated, live_interval=INTERVAL)
    page = Page(registry, 'ann')
    for _ in range(40):
        clock.advance(days=1)
        registry.renew()
        await asyncio.sleep(BEAT)
        assert await sweep(dated, clock) == {'kept': 2}, 'somebody is there'
    page.close()
    del page
    await asyncio.sleep(2 * BEAT)
    clock.advance(days=34)
    assert await sweep(dated, clock) == {'trial': 2}
    assert await keys_of(dated) == set()


def test_what_says_who_is_present_is_no_document_and_not_copied() -> None:
    for prefix in ('', 'app'):
        key = Keys(['a secret'], prefix).of_presence('3f')
        assert is_left_over_key(key, prefix)
        assert not is_document_key(key, prefix)
        assert not is_kept_key(key)
