"""When changes go out: the first at once, a burst together, a flush without spacing."""

from __future__ import annotations

import asyncio

import pytest

from nicegui_stash.errors import Unavailable
from nicegui_stash.model.document import Part
from nicegui_stash.testing import FaultyStore

from .conftest import MakeRegistry, MakeSession, WallClock
from .scene import COUNTER, VISIT, Page, document, put, stored, tasks_of, values
from .virtual import idle


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.proves('kill')
async def test_the_first_change_of_a_quiet_session_goes_out_at_once(
    make_session: MakeSession, store: FaultyStore
) -> None:
    session = make_session(exists=False, flush_interval=10.0)
    begin = now()
    put(session, 'count', 1)
    await idle()
    assert (now(), session.pending) == (begin, 0)
    assert await stored(store, session.key) == {'count': 1}
    await asyncio.sleep(10)
    put(session, 'count', 2)
    await idle()
    assert (now() - begin, store.calls['put']) == (pytest.approx(10), 2)


async def test_what_changes_in_one_turn_of_the_loop_is_one_put(make_session: MakeSession, store: FaultyStore) -> None:
    session = make_session(exists=False)
    for number in range(100):
        put(session, f'field-{number % 10}', number)
    put(session, 'field-3', 'the newest, of a field that is not the last')
    await idle()
    assert (store.calls['put'], session.pending) == (1, 0)
    assert len(await stored(store, session.key) or {}) == 10


async def test_what_changes_while_a_put_is_under_way_goes_into_the_next(
    make_session: MakeSession, store: FaultyStore
) -> None:
    session = make_session(exists=False, flush_interval=0.0)
    gate = store.hold('put')
    put(session, 'count', 0)
    await gate.started.wait()
    for number in range(1, 50):
        put(session, 'count', number)
        put(session, f'field-{number}', number)
        await idle()
    assert (store.calls['put'], session.pending) == (1, 50)
    store.release('put')
    await idle()
    assert (store.calls['put'], session.pending) == (2, 0)
    assert (await stored(store, session.key) or {})['count'] == 49


@pytest.mark.proves('kill')
async def test_a_burst_is_spaced_by_the_flush_interval(make_session: MakeSession, store: FaultyStore) -> None:
    session = make_session(exists=False, flush_interval=2.0)
    begin = now()
    for number in range(100):
        put(session, 'count', number)
        await asyncio.sleep(0.1)
    await asyncio.sleep(2)
    assert now() - begin == pytest.approx(12)
    assert store.calls['put'] == 6
    assert await stored(store, session.key) == {'count': 99}


async def test_the_interval_is_kept_also_where_the_session_was_quiet_for_a_moment(
    make_session: MakeSession, store: FaultyStore
) -> None:
    session = make_session(exists=False, flush_interval=2.0)
    put(session, 'count', 1)
    await idle()
    put(session, 'count', 2)
    await asyncio.sleep(1.9)
    assert (store.calls['put'], session.activity) == (1, 'pending')
    await asyncio.sleep(0.2)
    assert (store.calls['put'], session.activity) == (2, 'saved')


async def test_a_flush_waits_for_no_interval(make_session: MakeSession, store: FaultyStore) -> None:
    session = make_session(exists=False, flush_interval=100.0)
    begin = now()
    for number in range(5):
        put(session, 'count', number)
        await session.flush()
        assert await stored(store, session.key) == {'count': number}
    assert (now(), store.calls['put']) == (begin, 5)


async def test_a_flush_hurries_a_put_that_was_spaced_already(make_session: MakeSession, store: FaultyStore) -> None:
    session = make_session(exists=False, flush_interval=100.0)
    put(session, 'count', 1)
    await session.flush()
    put(session, 'count', 2)
    await asyncio.sleep(50)
    begin = now()
    await session.flush()
    assert (now(), store.calls['put']) == (begin, 2)


async def test_a_flush_of_nothing_returns_at_once(make_session: MakeSession, store: FaultyStore) -> None:
    session = make_session(exists=False)
    await session.flush()
    assert dict(store.calls) == {}


@pytest.mark.proves('flush')
async def test_a_flush_waits_for_what_was_accepted_before_it_and_not_for_more(
    make_session: MakeSession, store: FaultyStore
) -> None:
    session = make_session(exists=False, flush_interval=100.0)
    put(session, 'count', 1)
    gate = store.hold('put')
    first = asyncio.ensure_future(session.flush())
    await gate.started.wait()
    put(session, 'count', 2)
    store.release('put')
    gate = store.hold('put')
    await first
    assert (await stored(store.inner, session.key), session.pending) == ({'count': 1}, 1)
    second = asyncio.ensure_future(session.flush())
    await gate.started.wait()
    assert not second.done()
    gate.release()
    await second
    assert await stored(store.inner, session.key) == {'count': 2}


async def test_a_flush_whose_field_was_changed_again_waits_for_its_own_change_or_what_replaced_it(
    make_session: MakeSession, store: FaultyStore
) -> None:
    session = make_session(exists=False, flush_interval=100.0)
    put(session, 'other', 1)
    gate = store.hold('put')
    await gate.started.wait()
    put(session, 'count', 1)
    flush = asyncio.ensure_future(session.flush())
    await asyncio.sleep(0)
    put(session, 'count', 2)
    put(session, 'count', 3)
    await idle()
    assert not flush.done()
    gate.release()
    await flush
    assert await stored(store.inner, session.key) == {'other': 1, 'count': 3}


async def test_a_cancelled_flush_leaves_everything_as_it_was(make_session: MakeSession, store: FaultyStore) -> None:
    session = make_session(exists=False)
    gate = store.hold('put')
    put(session, 'count', 1)
    cancelled, patient = asyncio.ensure_future(session.flush()), asyncio.ensure_future(session.flush())
    await gate.started.wait()
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(session.flush(), 5)
    assert (session.pending, session.activity) == (1, 'saving')
    gate.release()
    await patient
    assert await stored(store, session.key) == {'count': 1}


async def test_many_flushes_at_once_share_a_put(make_session: MakeSession, store: FaultyStore) -> None:
    session = make_session(exists=False)
    for number in range(50):
        put(session, f'field-{number}', number)
    await asyncio.gather(*(session.flush() for _ in range(50)))
    assert store.calls['put'] == 1


async def test_a_page_sees_what_is_going_on(make_session: MakeSession, store: FaultyStore) -> None:
    session = make_session(exists=False, flush_interval=1.0)
    page = Page(session)
    put(session, 'count', 1)
    await session.flush()
    store.down = True
    put(session, 'count', 2)
    with pytest.raises(Unavailable):
        await session.flush()
    assert session.problem == 'the test has taken the store down'
    store.down = False
    await session.flush()
    await idle()
    assert page.activities == ['pending', 'saving', 'saved', 'pending', 'saving', 'offline', 'saved']
    assert session.problem is None


async def test_a_put_says_who_wrote_and_when(make_registry: MakeRegistry, store: FaultyStore, clock: WallClock) -> None:
    session = make_registry().session('an id', exists=False)
    put(session, 'count', 1)
    await session.flush()
    clock.advance(seconds=60)
    put(session, 'count', 2)
    await session.flush()
    found = await document(store, session.key)
    assert found is not None
    assert (found['format'], found['epoch'], found['seen']) == (1, 0, 1_763_700_060_000)
    assert list(found['applied'].values()) == [session.settled]
    assert found['slices']['Counter']['1']['']['seen'] == 1_763_700_060_000


async def test_parts_on_a_screen_are_kept_and_count_as_seen(
    make_session: MakeSession, store: FaultyStore, clock: WallClock
) -> None:
    session = make_session(exists=False, tab_ttl=3600.0)
    shown, left, twice = (Part('visits', name) for name in ('shown', 'left', 'twice'))
    for part in (shown, left, twice):
        put(session, 'note', 'x', part)
        session.hold(COUNTER, part)
    session.hold(COUNTER, twice)
    await session.flush()
    session.release(COUNTER, left)
    session.release(COUNTER, twice)
    clock.advance(days=1)
    put(session, 'count', 1)
    await session.flush()
    found = await document(store, session.key)
    assert found is not None
    visits = found['slices']['Counter']['1']['']['visits']
    assert {name: visit['seen'] for name, visit in visits.items()} == dict.fromkeys(('shown', 'twice'), found['seen'])
    session.release(COUNTER, left)


async def test_a_part_that_was_dropped_with_a_put_can_be_written_again(
    make_session: MakeSession, store: FaultyStore, clock: WallClock
) -> None:
    session = make_session(exists=False, tab_ttl=3600.0)
    put(session, 'note', 'x', VISIT)
    await session.flush()
    clock.advance(days=1)
    put(session, 'count', 1)
    await session.flush()
    assert values(session, VISIT) == {}
    put(session, 'note', 'again', VISIT)
    assert values(session, VISIT) == {'note': 'again'}
    await session.flush()
    later = make_session(seed=2)
    await later.load(1)
    assert values(later, VISIT) == {'note': 'again'}


async def test_a_visit_renews_seen_after_a_tenth_of_the_ttl(
    make_registry: MakeRegistry, store: FaultyStore, clock: WallClock
) -> None:
    registry = make_registry(ttl=1000.0)
    session = registry.session('an id', exists=False)
    put(session, 'count', 1)
    await session.flush()
    clock.advance(seconds=100)
    session.touch()
    assert session.pending == 0
    clock.advance(seconds=1)
    session.touch()
    session.touch()
    assert session.pending == 1
    await session.flush()
    found = await document(store, session.key)
    assert found is not None
    assert found['seen'] == clock.now * 1000
    assert (store.calls['put'], await tasks_of(registry)) == (2, set())


@pytest.mark.parametrize(('size', 'puts'), [(100, 200), (10_000, 50), (40_000, 13)])
async def test_where_puts_cost_little_a_document_waits_for_its_size(
    make_session: MakeSession, store: FaultyStore, size: int, puts: int
) -> None:
    session = make_session(exists=False, flush_interval=0.005)
    put(session, 'text', 'x' * size)
    for number in range(1000):  # a slider, for a second
        put(session, 'count', number)
        await asyncio.sleep(0.001)
    assert store.calls['put'] == pytest.approx(puts, rel=0.1)


@pytest.mark.parametrize('count', [1, 10])
async def test_large_documents_are_put_with_two_megabytes_a_second_by_all_of_a_process(
    make_registry: MakeRegistry, store: FaultyStore, count: int
) -> None:
    registry = make_registry()
    sessions = [registry.session(f'{number}', exists=False) for number in range(count)]
    for session in sessions:
        for part in range(5):
            put(session, f'large-{part}', 'x' * 150_000)
    await idle()
    first = registry.statistics().bytes_put
    assert first == pytest.approx(count * 750_000, rel=0.01)  # what begins goes out at once
    for number in range(1000):  # clicks for ten seconds
        for session in sessions:
            put(session, 'count', number)
        await asyncio.sleep(0.01)
    assert registry.statistics().bytes_put - first <= 2_000_000 * 10 + 750_000
    assert registry.statistics().bytes_put - first > 10_000_000
    for session in sessions:
        await session.flush()
        assert session.pending == 0
    begin = now()
    small = registry.session('small', exists=False)
    for number in range(10):
        put(small, 'count', number)
        await asyncio.sleep(0.1)
    await idle()
    assert (small.pending, now() - begin) == (0, pytest.approx(1))  # others need not wait
