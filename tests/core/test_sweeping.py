"""Long unused sessions are removed, and a visitor who comes back in the middle of it loses nothing."""

from __future__ import annotations

import asyncio
import time

import pytest

from nicegui_stash.cli.checkup import _conditions
from nicegui_stash.errors import OutcomeUnknown, Unavailable
from nicegui_stash.maintenance.sweep import Fate, Sweep, Tally
from nicegui_stash.model.document import SESSION_PART
from nicegui_stash.session.keys import object_key
from nicegui_stash.session.loading import quarantine_key
from nicegui_stash.stores.objects.probe import probe
from nicegui_stash.testing import FaultyStore

from .conftest import MakeRegistry, WallClock
from .scene import COUNTER, keep, put, stored, values
from .sweeps import DAY, KEY, Dated, Left, Watcher, keys_of, old, store, sweep

__all__ = ['store']


@pytest.mark.proves('sweep')
@pytest.mark.parametrize('erased', [False, True])
@pytest.mark.parametrize(('days', 'gone'), [(1, False), (30, False), (32.9, False), (33.1, True), (400, True)])
async def test_what_was_not_seen_for_ttl_and_a_tenth_is_removed(
    loop: object, store: FaultyStore, clock: WallClock, days: float, *, gone: bool, erased: bool
) -> None:
    await keep(store.inner, KEY, old(clock, days, erased=erased))
    expected: dict[Fate, int] = {('erased' if erased else 'expired') if gone else 'kept': 1}
    assert await sweep(store, clock, dry_run=True) == expected
    assert (store.calls['put'], store.calls['delete']) == (0, 0)
    assert await sweep(store, clock) == expected
    assert await keys_of(store) == (set() if gone else {KEY})


async def test_what_is_no_document_of_ours_is_left_alone(loop: object, store: FaultyStore, clock: WallClock) -> None:
    others = {
        KEY: b'{"format": 99, "seen": 1}',
        object_key('a secret', 'another'): b'{',
        f'shop/{KEY}': old(clock, 400),
        'readiness/probe': b'',
    }
    for key, body in others.items():
        await keep(store.inner, key, body)
    assert await sweep(store, clock) == {'foreign': 1, 'malformed': 1}
    assert await keys_of(store) == set(others)
    assert await sweep(store, clock, prefix='shop') == {'expired': 1}
    assert await keys_of(store) == set(others) - {f'shop/{KEY}'}


async def test_an_object_that_the_store_knows_to_be_new_is_not_read(
    loop: object, store: FaultyStore, clock: WallClock
) -> None:
    dated = Dated(store.inner, clock)
    await dated.put(KEY, old(clock, 400), mode='create')
    assert await sweep(dated, clock) == {'kept': 1}
    assert dated.calls['get'] == 0
    clock.advance(days=34)
    assert await sweep(dated, clock) == {'expired': 1}


@pytest.mark.parametrize('prefix', ['', 'shop'])
async def test_a_quarantined_copy_goes_after_ttl_unless_its_original_is_still_what_it_was(
    loop: object, store: FaultyStore, clock: WallClock, prefix: str
) -> None:
    dated, key = Dated(store.inner, clock), f'{prefix}/{KEY}' if prefix else KEY
    copy = quarantine_key(key, b'{')
    await dated.put(copy, b'{', mode='create')
    await dated.put(key, b'{', mode='create')
    assert await sweep(dated, clock, prefix=prefix) == {'kept': 2}
    clock.advance(days=34)
    assert await sweep(dated, clock, prefix=prefix) == {'kept': 1, 'malformed': 1}
    await keep(dated, key, b'{"mended": true}')
    assert await sweep(dated, clock, prefix=prefix) == {'kept': 1, 'copy': 1}
    assert await keys_of(dated) == {key}


@pytest.mark.parametrize('prefix', ['', 'app'])
async def test_what_a_probe_that_died_has_left_goes_when_it_is_old_and_nothing_that_looks_like_it(
    loop: object, store: FaultyStore, clock: WallClock, prefix: str
) -> None:
    dated = Dated(store.inner, clock)
    folder = f'{prefix}/' if prefix else ''
    with pytest.raises(Unavailable):
        await probe(Left(dated), folder)
    with pytest.raises(Unavailable):
        await _conditions(Left(dated), f'{folder}doctor/0123abcd-')
    others = {f'other/probe/{"0" * 32}-0', f'{folder}probe/mine', f'{folder}doctor/ab/x'}
    for key in others:
        await dated.put(key, b'mine', mode='create')
    made = await keys_of(store) - others
    assert len(made) == 2
    assert await sweep(dated, clock, prefix=prefix) == {'kept': 2}
    clock.advance(days=34)
    assert await sweep(dated, clock, prefix=prefix, dry_run=True) == {'trial': 2}
    assert await sweep(dated, clock, prefix=prefix) == {'trial': 2}
    assert await keys_of(store) == others


@pytest.mark.parametrize('lost', [OutcomeUnknown, Unavailable])
async def test_the_next_sweep_finishes_what_one_has_left(
    loop: object, store: FaultyStore, clock: WallClock, lost: type[Exception]
) -> None:
    await keep(store.inner, KEY, old(clock, 400))
    if lost is OutcomeUnknown:
        store.lose_answers()
    else:
        store.fail_next('delete', Unavailable('delete', KEY, 'gone'))
    assert await sweep(store, clock) == {'contested' if lost is OutcomeUnknown else 'failed': 1}
    assert await keys_of(store) == {KEY}
    assert await sweep(store, clock) == {'contested': 1}  # it could still be under way
    clock.advance(seconds=61)
    assert await sweep(store, clock) == {'erased': 1}
    assert await keys_of(store) == set()


@pytest.mark.proves('sweep')
async def test_a_page_that_stays_open_is_renewed_and_so_never_swept(
    make_registry: MakeRegistry, store: FaultyStore, clock: WallClock
) -> None:
    registry = make_registry(on=store)
    session = registry.session('an id', exists=False)
    session.hold(COUNTER, SESSION_PART)
    session.touch()
    put(session, 'count', 1)
    await session.flush()
    for _ in range(40):
        clock.advance(days=1)
        registry.renew()
        while session.pending:
            await asyncio.sleep(0.1)
        assert await sweep(store, clock) == {'kept': 1}
    assert store.calls['put'] == 1 + 40 // 4
    assert await stored(store, KEY) == {'count': 1}


async def test_a_page_that_was_requested_and_never_connected_is_not_renewed(
    make_registry: MakeRegistry, store: FaultyStore, clock: WallClock
) -> None:
    registry = make_registry(on=store)
    session = registry.session('an id', exists=False)
    put(session, 'count', 1)
    await session.flush()
    clock.advance(days=4)
    registry.renew()
    assert not session.pending
    session.touch()
    assert session.pending


async def test_a_page_that_stays_open_learns_that_its_session_was_forgotten_long_before_the_tombstone_goes(
    make_registry: MakeRegistry, store: FaultyStore, clock: WallClock
) -> None:
    here, there = make_registry(on=store), make_registry(on=store)
    open_page, other = here.session('an id', exists=False), there.session('an id')
    open_page.touch()
    put(open_page, 'secret', 1)
    await open_page.flush()
    assert await other.load(1)
    other.forget()
    await other.flush()
    clock.advance(days=4)
    here.renew()
    await open_page.flush()
    assert values(open_page) == {}
    put(open_page, 'count', 2)
    await open_page.flush()
    assert await stored(store, KEY) == {'count': 2}


async def test_a_sweep_tells_how_far_it_is_and_of_failures(loop: object, store: FaultyStore, clock: WallClock) -> None:
    for number in range(20):
        await keep(store.inner, object_key('a secret', f'{number}'), old(clock, 400))
    store.refusing = True
    tally, watcher = Tally(), Watcher()
    await Sweep(store, '', 30 * DAY, clock).run(tally, watcher)
    assert watcher.shown == [(done, 20) for done in range(1, 21)]
    assert (tally.removed, tally.bytes_removed, tally.fates['failed']) == (0, 0, 20)
    assert tally.error is not None
    assert 'a hint' in str(tally.error)
    assert len(tally.examples['failed']) == 3


async def test_a_sweep_of_many_takes_little_work(loop: object, store: FaultyStore, clock: WallClock) -> None:
    for number in range(2000):
        await keep(store.inner, object_key('a secret', f'{number}'), old(clock, 400))
    begin = time.process_time()
    assert await sweep(store, clock) == {'expired': 2000}
    assert time.process_time() - begin < 10
