"""The app sweeps its store by itself, if configured: on one server at a time, and never without need."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable

import pytest

from nicegui_stash.maintenance.schedule import FIRST_LOOK, PER_SECOND, SweepSchedule, default_interval
from nicegui_stash.maintenance.sweep import FAILURES, SWEEPERS
from nicegui_stash.model.document import Document, to_bytes
from nicegui_stash.session.keys import object_key
from nicegui_stash.stores import MemoryStore
from nicegui_stash.stores.base import Guarantee, ObjectInfo, Store, StoredObject
from nicegui_stash.testing import FaultyStore

from .conftest import WallClock
from .scene import Undated, keep
from .sweeps import Dated, old

DAY = 86400.0
KEYS = [object_key('a secret', f'{number}') for number in range(5)]

Make = Callable[..., SweepSchedule]


@pytest.fixture
def store(store: FaultyStore) -> FaultyStore:
    return Undated(store.inner)


@pytest.fixture
def make(clock: WallClock, store: FaultyStore) -> Make:
    def schedule(
        on: Store = store, prefix: str = '', *, wall: Callable[[], float] = clock, days: float = 30
    ) -> SweepSchedule:
        return SweepSchedule(on, prefix, days * DAY, DAY, wall=wall, random=lambda: 1.0)

    return schedule


async def keep_old(store: FaultyStore, clock: WallClock, prefix: str = '') -> None:
    body = to_bytes(Document(1, 3, int((clock() - 400 * DAY) * 1000), {}, {}))
    for key in KEYS:
        await keep(store.inner, f'{prefix}/{key}' if prefix else key, body)


async def documents(store: FaultyStore) -> int:
    return len([row async for row in store.inner.list() if not row.key.endswith('sweep/last.json')])


@pytest.mark.parametrize('prefix', ['', 'apps/shop'])
async def test_what_is_too_old_is_swept_once_an_interval(
    loop: object, store: FaultyStore, clock: WallClock, make: Make, prefix: str
) -> None:
    house = make(prefix=prefix)
    await keep_old(store, clock, prefix)
    tally = await house.turn()
    assert tally is not None
    assert (tally.removed, await documents(store)) == (5, 0)
    await keep_old(store, clock, prefix)
    clock.advance(days=0.99)
    assert await house.turn() is None
    assert await documents(store) == 5
    clock.advance(days=0.02)
    assert await house.turn() is not None
    assert await documents(store) == 0


async def test_of_several_servers_one_sweeps(loop: object, store: FaultyStore, clock: WallClock, make: Make) -> None:
    for _ in range(3):
        await keep_old(store, clock)
        tallies = await asyncio.gather(*(make().turn() for _ in range(8)))
        assert [tally.removed for tally in tallies if tally] == [5]
        clock.advance(days=1)


async def test_a_server_that_is_started_again_and_again_sweeps_no_oftener(
    loop: object, store: FaultyStore, clock: WallClock, make: Make
) -> None:
    begin = asyncio.get_running_loop().time()

    def wall() -> float:
        return clock() + asyncio.get_running_loop().time() - begin

    sweeps = 0
    for _ in range(100):
        task = asyncio.ensure_future(make(wall=wall).run())
        await asyncio.sleep(3600)
        task.cancel()
        await asyncio.wait({task})
        found = await store.inner.get('sweep/last.json')
        sweeps += isinstance(found, StoredObject) and store.calls['put'] > sweeps
    assert store.calls['put'] == sweeps == 5  # in a hundred hours: at once, and each day


async def test_a_store_that_is_away_is_left_alone_until_the_next_look(
    loop: object, store: FaultyStore, clock: WallClock, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    await keep_old(store, clock)
    store.down = True
    assert await make().turn() is None
    store.down = False
    assert await make().turn() is not None
    assert await documents(store) == 0
    ours = [record for record in caplog.records if record.name == 'nicegui_stash']
    assert [record for record in ours if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize('body', [b'', b'{', b'[]', b'{"begun": "soon"}', b'{"begun": 9e99}', b'\xff'])
async def test_a_note_of_the_last_sweep_that_makes_no_sense_is_put_anew(
    loop: object, store: FaultyStore, clock: WallClock, make: Make, body: bytes
) -> None:
    await keep_old(store, clock)
    await keep(store.inner, 'sweep/last.json', body)
    assert await make().turn() is not None
    assert await documents(store) == 0
    assert await make().turn() is None


async def test_what_could_not_be_swept_is_logged(
    loop: object, store: FaultyStore, clock: WallClock, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    await keep_old(store, clock)

    class Undeletable(Undated):
        async def delete(self, key: str) -> None:
            self.down = True
            await super().delete(key)

    tally = await make(Undeletable(store.inner)).turn()
    assert tally is not None
    assert tally.fates['failed'] == 5
    assert [record.message.partition(': ')[0] for record in caplog.records if record.levelno >= logging.WARNING] == [
        'of 5 objects 5 could not be swept'
    ]


@pytest.mark.parametrize(('guarantee', 'interval'), [('shared', DAY), ('host', DAY), ('process', 0), ('none', 0)])
def test_once_a_day_is_the_default_where_a_sweep_is_safe_and_needed(
    store: FaultyStore, guarantee: Guarantee, interval: float
) -> None:
    store.guarantee = guarantee
    assert default_interval(store) == interval


def test_where_objects_expire_by_themselves_nothing_is_swept_by_default() -> None:
    class Forgetting(MemoryStore):
        guarantee: Guarantee = 'shared'

        def expire_after(self, seconds: float) -> None:
            raise AssertionError

    assert default_interval(Forgetting()) == 0


async def test_a_start_asks_nothing_of_the_store(
    loop: asyncio.AbstractEventLoop, store: FaultyStore, make: Make
) -> None:
    task = asyncio.ensure_future(make().run())
    await asyncio.sleep(FIRST_LOOK - 1)
    assert store.calls.total() == 0
    await asyncio.sleep(2)
    task.cancel()
    await asyncio.wait({task})
    assert store.calls.total() > 0


async def test_of_apps_that_share_a_place_the_longest_ttl_counts_as_long_as_it_lasts(
    loop: object, store: FaultyStore, clock: WallClock, make: Make
) -> None:
    short, long = make(days=30), make(days=100)
    await keep(store.inner, KEYS[0], old(clock, 40))
    assert await long.turn() is not None
    assert await short.turn() is None
    clock.advance(days=1)
    tally = await short.turn()
    assert tally is not None
    assert dict(tally.fates) == {'kept': 1}
    assert await long.turn() is None
    for _ in range(109):  # the other app is not seen any more
        clock.advance(days=1)
        await keep(store.inner, KEYS[0], old(clock, 40))
        tally = await short.turn()
        assert tally is not None
        assert dict(tally.fates) == {'kept': 1}
    clock.advance(days=2)
    assert await short.turn() is not None
    assert await documents(store) == 0


async def test_who_shares_a_place_says_so_before_anything_of_it_is_removed(
    loop: object, store: FaultyStore, clock: WallClock, make: Make
) -> None:
    assert await make(days=30).turn() is not None
    assert await make(days=100).turn() is None
    clock.advance(days=1)
    await keep(store.inner, KEYS[0], old(clock, 40))
    assert await make(days=30).turn() is not None
    assert await documents(store) == 1


class Unlistable(Undated):
    async def list(self, prefix: str = '') -> AsyncIterator[ObjectInfo]:
        raise NotImplementedError
        yield


async def test_a_store_that_cannot_list_is_no_reason_to_stop(
    loop: object, store: FaultyStore, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    tally = await make(Unlistable(store.inner)).turn()
    assert tally is not None
    assert tally.objects == 0
    assert [record.message for record in caplog.records if record.name == 'nicegui_stash'] == [
        'the store could not be swept, as it failed in a way it does not declare'
    ]


async def test_a_store_that_goes_away_during_a_sweep_is_soon_left_alone(
    loop: object, store: FaultyStore, clock: WallClock, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(200):
        await keep(store.inner, object_key('a secret', f'{number}'), old(clock, 400))

    class Fading(Undated):
        async def list(self, prefix: str = '') -> AsyncIterator[ObjectInfo]:
            async for row in super().list(prefix):
                yield row
            self.down = True

    tally = await make(Fading(store.inner)).turn()
    assert tally is not None
    assert FAILURES <= tally.fates['failed'] < FAILURES + SWEEPERS
    assert ['the store could not be swept' in record.message for record in caplog.records] == [True]


async def test_a_sweep_is_paced_and_reads_nothing_that_is_young_by_its_row(
    loop: asyncio.AbstractEventLoop, store: FaultyStore, clock: WallClock, make: Make
) -> None:
    dated = Dated(store.inner, clock)
    for number in range(300):
        await dated.put(object_key('a secret', f'{number}'), old(clock, 40), mode='create')
        if number < 200:
            dated._times[object_key('a secret', f'{number}')] -= 40 * DAY
    begin = loop.time()
    tally = await make(dated).turn()
    assert tally is not None
    assert (tally.objects, dict(tally.fates)) == (300, {'kept': 100, 'expired': 200})
    assert dated.calls['get'] == 200 + 1
    assert loop.time() - begin >= 199 / PER_SECOND


async def test_when_a_sweep_is_due_is_told_by_the_store_and_not_by_a_wrong_clock(
    loop: object, store: FaultyStore, clock: WallClock, make: Make
) -> None:
    class Timed(Undated):
        async def now(self, prefix: str = '') -> float:
            return clock()

    timed = Timed(store.inner)
    assert await make(timed).turn() is not None
    assert await make(timed, wall=lambda: clock() + 3 * DAY).turn() is None
    assert await make(timed, wall=lambda: clock() - 3 * DAY).turn() is None
