"""A server whose clock is hours wrong erases nothing: age is judged by the store's time, or what writers have seen."""

from __future__ import annotations

import logging
from contextlib import suppress

import pytest

from nicegui_stash.errors import Refused, Unavailable
from nicegui_stash.maintenance.sweep import Sweep, Tally
from nicegui_stash.model.document import SliceId
from nicegui_stash.model.limits import Policy
from nicegui_stash.session.keys import Keys
from nicegui_stash.session.registry import Registry
from nicegui_stash.testing import FaultyStore

from .conftest import WallClock
from .scene import TAB, Undated, put, stored, values
from .sweeps import Watcher

HOUR = 3600.0
OTHER = SliceId('Other', 1)


class Told(Undated):
    """A store with a clock, which is right."""

    def __init__(self, inner: FaultyStore, clock: WallClock) -> None:
        super().__init__(inner.inner)
        self.guarantee = 'shared'
        self._clock = clock

    async def now(self, prefix: str = '') -> float:
        await self._arrive('list', prefix)
        return self._clock()


@pytest.fixture
def told(store: FaultyStore, clock: WallClock) -> Told:
    return Told(store, clock)


@pytest.fixture
def untold(store: FaultyStore) -> FaultyStore:
    """A store of several servers that has no clock."""
    undated = Undated(store.inner)
    undated.guarantee = 'shared'
    return undated


def server(store: FaultyStore, clock: WallClock, *, hours: float, ttl: float = HOUR, tab_ttl: float = HOUR) -> Registry:
    """A server whose clock is so many hours ahead."""
    policy = Policy(ttl=ttl, tab_ttl=tab_ttl)
    return Registry(store, Keys(['a secret']), policy, wall=lambda: clock() + hours * HOUR, rng=lambda: 0.5)


@pytest.mark.proves('clocks')
@pytest.mark.parametrize(('writer', 'reader'), [(0, 2), (0, -2), (2, 0), (-2, 0), (2, -2), (-2, 2)])
async def test_a_wrong_clock_expires_nothing_that_is_young_and_all_that_is_old(
    loop: object, told: Told, clock: WallClock, writer: float, reader: float
) -> None:
    one = server(told, clock, hours=writer).session('an id', exists=False)
    put(one, 'count', 1)
    put(one, 'kept', 1, TAB)
    put(one, 'theirs', 1, slice_id=OTHER)
    await one.flush()
    clock.advance(seconds=HOUR / 2)
    other = server(told, clock, hours=reader).session('an id')
    assert await other.load(1)
    assert (other.condition, values(other)) == ('found', {'count': 1})
    put(other, 'next', 2)
    await other.flush()
    assert await stored(told, one.key) == {'count': 1, 'next': 2}
    assert await stored(told, one.key, OTHER) == {'theirs': 1}
    assert values(other, TAB) == {'kept': 1}
    clock.advance(seconds=HOUR + 1)
    late = server(told, clock, hours=reader).session('an id')
    assert await late.load(1)
    assert late.condition == 'expired'


@pytest.mark.proves('clocks', 'sweep')
@pytest.mark.parametrize('hours', [2, -2])
async def test_a_sweep_with_a_wrong_clock_removes_what_is_old_and_nothing_else(
    loop: object, told: Told, clock: WallClock, hours: float
) -> None:
    async def sweep() -> dict[str, int]:
        tally = Tally()
        await Sweep(told, '', HOUR, lambda: clock() + hours * HOUR).run(tally, Watcher())
        return dict(tally.fates)

    one = server(told, clock, hours=0).session('an id', exists=False)
    put(one, 'count', 1)
    await one.flush()
    assert await sweep() == {'kept': 1}
    clock.advance(seconds=HOUR * 1.2)
    assert await sweep() == {'expired': 1}


async def test_a_wrong_clock_is_told_of_once_and_asked_again_when_it_is_set(
    loop: object, told: Told, clock: WallClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger='nicegui_stash')
    ahead = 2 * HOUR
    registry = Registry(told, Keys(['a secret']), Policy(ttl=HOUR), wall=lambda: clock() + ahead, rng=lambda: 0.5)
    session = registry.session('an id')
    for number in range(3):
        put(session, 'count', number)
        await session.flush()
    assert registry.now == clock()
    ahead = 0.0
    assert registry.now == clock() - 2 * HOUR
    put(session, 'count', 9)
    await session.flush()
    assert (registry.now, told.calls['list']) == (clock(), 2)
    assert [record.getMessage() for record in caplog.records if record.name == 'nicegui_stash'] == [
        "this server's clock is 7200 s ahead of that of the store, which is used"
    ]


async def test_without_the_stores_time_nothing_is_stamped_or_judged(loop: object, told: Told, clock: WallClock) -> None:
    one = server(told, clock, hours=0).session('an id', exists=False)
    put(one, 'count', 1)
    await one.flush()
    other = server(told, clock, hours=2).session('an id')
    told.fail_next('list', *[Unavailable('open', 'now', 'not yet')] * 2)
    assert not await other.load(0.001)
    put(other, 'next', 1)
    with suppress(Unavailable):
        await other.flush()
    assert await stored(told, one.key) == {'count': 1}
    await other.flush()
    assert await stored(told, one.key) == {'count': 1, 'next': 1}


async def test_a_store_that_may_not_be_asked_is_like_one_without_a_clock(
    loop: object, told: Told, clock: WallClock
) -> None:
    one = server(told, clock, hours=0).session('an id', exists=False)
    put(one, 'count', 1)
    await one.flush()
    told.fail_next('list', Refused('open', 'now', 'no permission'))
    other = server(told, clock, hours=2).session('an id')
    assert await other.load(1)
    assert (other.condition, values(other)) == ('found', {'count': 1})


@pytest.mark.proves('clocks')
async def test_without_a_clock_in_the_store_nothing_is_older_than_writers_have_seen(
    loop: object, untold: FaultyStore, clock: WallClock
) -> None:
    async def sweep() -> dict[str, int]:
        tally = Tally()
        await Sweep(untold, '', HOUR, lambda: clock() + 2 * HOUR).run(tally, Watcher())
        return dict(tally.fates)

    for number in range(3):
        session = server(untold, clock, hours=0).session(f'{number}', exists=False)
        put(session, 'count', number)
        await session.flush()
        clock.advance(seconds=HOUR * 0.6)
    fast = server(untold, clock, hours=2)
    second = fast.session('1')
    assert await second.load(1)
    assert (second.condition, values(second)) == ('found', {'count': 1})
    assert await sweep() == {'kept': 2, 'expired': 1}
    third = fast.session('2')
    assert await third.load(1)
    assert third.condition == 'found'
