"""On a store that does not tell of puts, open rooms are looked at once per `live_interval`."""

from __future__ import annotations

import asyncio

from nicegui_stash.session.registry import Registry
from nicegui_stash.session.session import Session
from nicegui_stash.testing import FaultyStore

from .conftest import MakeRegistry
from .scene import Page, kill, put, values

INTERVAL = 10.0
LONGEST = INTERVAL * 1.25


async def opened(registry: Registry, name: str = 'garden') -> Session:
    room = registry.room(name)
    Page(room)
    assert await room.load(1)
    return room


async def test_a_page_shows_within_an_interval_what_another_server_put(make_registry: MakeRegistry) -> None:
    here, there = (make_registry(live_interval=INTERVAL, seed=seed) for seed in (1, 2))
    shown, changed = await opened(here), await opened(there)
    put(changed, 'count', 1)
    await changed.flush()
    await asyncio.sleep(LONGEST)
    assert values(shown) == {'count': 1}
    for registry in (here, there):
        await kill(registry)


async def test_without_an_interval_nothing_is_looked_at(make_registry: MakeRegistry) -> None:
    here, there = make_registry(), make_registry()
    shown, changed = await opened(here), await opened(there)
    gets = here.statistics().gets
    put(changed, 'count', 1)
    await changed.flush()
    await asyncio.sleep(100 * INTERVAL)
    assert (values(shown), here.statistics().gets, here.statistics().lag_ms) == ({}, gets, 0)


async def test_each_open_room_costs_one_read_per_interval(make_registry: MakeRegistry) -> None:
    registry = make_registry(live_interval=INTERVAL)
    rooms = [await opened(registry, str(number)) for number in range(20)]
    await asyncio.sleep(LONGEST)
    gets = registry.statistics().gets
    await asyncio.sleep(100 * INTERVAL)
    looks = (registry.statistics().gets - gets) / len(rooms)
    assert 80 <= looks <= 134
    await kill(registry)


async def test_two_servers_do_not_look_at_the_same_moments(make_registry: MakeRegistry, store: FaultyStore) -> None:
    looked: list[list[float]] = []
    for seed in (1, 2):
        registry = make_registry(live_interval=INTERVAL, seed=seed)
        room, begin, times = await opened(registry), asyncio.get_running_loop().time(), list[float]()
        for _ in range(5):
            reads = room.reads
            while room.reads == reads:
                await asyncio.sleep(0.1)
            times.append(round(asyncio.get_running_loop().time() - begin, 1))
        looked.append(times)
        await kill(registry)
    assert not set(looked[0][1:]) & set(looked[1][1:])


async def test_the_statistics_say_how_long_a_server_has_heard_nothing(
    make_registry: MakeRegistry, store: FaultyStore
) -> None:
    registry = make_registry(live_interval=INTERVAL)
    room = await opened(registry)
    await asyncio.sleep(10 * INTERVAL)
    assert 0 <= registry.statistics().lag_ms <= LONGEST * 1000
    store.down = True
    await asyncio.sleep(10 * INTERVAL)
    assert registry.statistics().lag_ms >= 9 * INTERVAL * 1000
    store.down = False
    await asyncio.sleep(2 * LONGEST)
    assert registry.statistics().lag_ms <= LONGEST * 1000
    await kill(registry)
    del room


async def test_nothing_is_looked_at_once_no_room_is_open(make_registry: MakeRegistry) -> None:
    registry = make_registry(live_interval=INTERVAL)
    room = registry.room('garden')
    page = Page(room)
    assert await room.load(1)
    await asyncio.sleep(5 * INTERVAL)
    page.leave()
    del page, room
    await asyncio.sleep(LONGEST)
    gets = registry.statistics().gets
    await asyncio.sleep(10 * INTERVAL)
    assert (registry.statistics().gets, registry.statistics().lag_ms) == (gets, 0)
