"""The app sweeps its store by itself, if configured: on one server at a time, and never without need."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pytest

from nicegui_stash.maintenance.schedule import SweepSchedule
from nicegui_stash.model.document import Document, to_bytes
from nicegui_stash.session.keys import object_key
from nicegui_stash.stores.base import Store, StoredObject
from nicegui_stash.testing import FaultyStore

from .conftest import WallClock
from .scene import Undated, keep

DAY = 86400.0
KEYS = [object_key('a secret', f'{number}') for number in range(5)]

Make = Callable[..., SweepSchedule]


@pytest.fixture
def store(store: FaultyStore) -> FaultyStore:
    return Undated(store.inner)


@pytest.fixture
def make(clock: WallClock, store: FaultyStore) -> Make:
    def schedule(on: Store = store, prefix: str = '', *, wall: Callable[[], float] = clock) -> SweepSchedule:
        return SweepSchedule(on, prefix, 30 * DAY, DAY, wall=wall, random=lambda: 1.0)

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
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


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
