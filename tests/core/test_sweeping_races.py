"""Visitors who come back during a sweep, and sweeps that meet: no change is lost."""

from __future__ import annotations

import asyncio

import pytest

from nicegui_stash.errors import Unavailable
from nicegui_stash.model.document import from_bytes
from nicegui_stash.session.keys import object_key
from nicegui_stash.stores import StoredObject
from nicegui_stash.testing import FaultyStore

from .conftest import MakeSession, WallClock
from .scene import keep, put, stored, values
from .sweeps import KEY, keys_of, old, store, sweep

__all__ = ['store']


@pytest.mark.proves('sweep')
async def test_who_came_back_before_the_mark_keeps_everything(
    make_session: MakeSession, store: FaultyStore, clock: WallClock
) -> None:
    visitor = make_session(on=store, exists=False)
    put(visitor, 'count', 1)
    await visitor.flush()
    clock.advance(days=34)
    gate = store.hold('put')
    sweeping = asyncio.create_task(sweep(store, clock))
    await gate.started.wait()  # the sweep has read, and is about to mark
    store._before.clear()
    put(visitor, 'count', 2)
    await visitor.flush()
    gate.release()
    assert await sweeping == {'contested': 1}
    assert await stored(store, KEY) == {'count': 2}


@pytest.mark.proves('sweep')
async def test_who_comes_back_between_mark_and_delete_waits_and_loses_nothing(
    make_session: MakeSession, store: FaultyStore, clock: WallClock
) -> None:
    await keep(store.inner, KEY, old(clock, 400))
    gate = store.hold('delete')
    sweeping = asyncio.create_task(sweep(store, clock))
    await gate.started.wait()
    visitor = make_session(on=store)
    assert not await visitor.load(1)
    put(visitor, 'count', 1)
    await asyncio.sleep(1)
    assert (visitor.pending, store.calls['put']) == (1, 1)  # only the mark
    gate.release()
    assert await sweeping == {'expired': 1}
    await visitor.flush()
    assert await stored(store, KEY) == {'count': 1} == values(visitor)


async def test_a_server_that_knew_the_object_cannot_put_over_the_mark(
    make_session: MakeSession, store: FaultyStore, clock: WallClock
) -> None:
    visitor = make_session(on=store, exists=False)
    put(visitor, 'count', 1)
    await visitor.flush()
    clock.advance(days=34)
    gate = store.hold('delete')
    sweeping = asyncio.create_task(sweep(store, clock))
    await gate.started.wait()
    put(visitor, 'note', 'back')
    flush = asyncio.create_task(visitor.flush())
    await asyncio.sleep(3)
    assert not flush.done()
    gate.release()
    assert await sweeping == {'expired': 1}
    await flush
    assert (await stored(store, KEY) or {})['note'] == 'back'


async def test_a_sweep_that_was_stopped_after_its_mark_delays_a_visitor_for_a_minute_and_no_longer(
    make_session: MakeSession, store: FaultyStore, clock: WallClock
) -> None:
    await keep(store.inner, KEY, old(clock, 400))
    store.fail_next('delete', Unavailable('delete', KEY, 'gone'))
    assert await sweep(store, clock) == {'failed': 1}
    visitor = make_session(on=store)
    assert not await visitor.load(1)
    put(visitor, 'count', 1)
    clock.advance(seconds=61)
    await visitor.flush()
    found = await store.get(KEY)
    assert isinstance(found, StoredObject)
    document = from_bytes(found.body)
    assert (document.closing, document.erased, document.epoch, document.born) == (0, False, 0, int(clock() * 1000))
    assert await stored(store, KEY) == {'count': 1}


async def test_who_took_it_for_expired_and_who_took_it_for_swept_agree_on_what_is_forgotten_after_that(
    make_session: MakeSession, store: FaultyStore, clock: WallClock
) -> None:
    await keep(store.inner, KEY, old(clock, 400))
    cut_off = FaultyStore(store.inner)
    early = make_session(on=cut_off)
    assert await early.load(1)
    assert early.condition == 'expired'
    cut_off.down = True
    put(early, 'count', 1)
    store.fail_next('delete', Unavailable('delete', KEY, 'gone'))
    assert await sweep(store, clock) == {'failed': 1}
    clock.advance(seconds=61)
    late = make_session(on=store)
    assert await late.load(1)
    assert late.condition == 'fresh'
    late.forget()
    await late.flush()
    cut_off.down = False
    await early.flush()
    assert (await stored(store, KEY), values(early)) == (None, {})


async def test_a_sweep_that_stood_still_after_its_mark_deletes_nothing(
    make_session: MakeSession, store: FaultyStore, clock: WallClock
) -> None:
    await keep(store.inner, KEY, old(clock, 400))
    gate = store.hold('put', applied=True)
    sweeping = asyncio.create_task(sweep(store, clock))
    await gate.started.wait()
    clock.advance(seconds=70)  # as after a laptop was closed
    store._after.clear()
    visitor = make_session(on=store)
    put(visitor, 'count', 1)
    await visitor.flush()
    gate.release()
    assert await sweeping == {'contested': 1}
    assert await stored(store, KEY) == {'count': 1}


async def test_two_sweeps_at_once_remove_each_object_once(loop: object, store: FaultyStore, clock: WallClock) -> None:
    keys = {object_key('a secret', f'{number}') for number in range(50)}
    for key in keys:
        await keep(store.inner, key, old(clock, 400))
    first, second = await asyncio.gather(sweep(store, clock), sweep(store, clock))
    assert first.get('expired', 0) + second.get('expired', 0) == 50
    assert store.calls['delete'] == 50
    assert await keys_of(store) == set()


async def test_the_second_of_two_sweeps_does_not_delete_what_comes_after_the_first(
    make_session: MakeSession, store: FaultyStore, clock: WallClock
) -> None:
    await keep(store.inner, KEY, old(clock, 400))
    gate = store.hold('delete')
    first = asyncio.create_task(sweep(store, clock))
    await gate.started.wait()
    assert await sweep(store, clock) == {'contested': 1}
    gate.release()
    assert await first == {'expired': 1}
    visitor = make_session(on=store)
    put(visitor, 'count', 1)
    await visitor.flush()
    assert store.calls['delete'] == 1
    assert await stored(store, KEY) == {'count': 1}
