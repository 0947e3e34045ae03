"""A store in trouble: everything is kept, and goes out when the store is back."""

from __future__ import annotations

import asyncio
import logging
from itertools import pairwise
from typing import Literal

import pytest

from nicegui_stash.errors import Conflict, OutcomeUnknown, Refused, Unavailable
from nicegui_stash.session.store_io import DEADLINE
from nicegui_stash.testing import FaultyStore

from .conftest import MakeRegistry, MakeSession
from .scene import put, stored, tasks_of, values
from .virtual import idle


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.proves('outage')
async def test_while_the_store_is_away_everything_is_kept_and_saved_when_it_is_back(
    make_registry: MakeRegistry, store: FaultyStore, caplog: pytest.LogCaptureFixture
) -> None:
    registry = make_registry()
    sessions = [registry.session(f'{number}', exists=False) for number in range(5)]
    store.down = True
    for step in range(20):
        for session in sessions:
            put(session, f'field-{step}', step)
        await asyncio.sleep(1)
    assert {session.activity for session in sessions} == {'offline'}
    assert {session.problem for session in sessions} == {'the test has taken the store down'}
    assert [record.levelno for record in caplog.records if 'the store is away' in record.message] == [logging.WARNING]
    store.down = False
    begin = now()
    while any(session.pending for session in sessions):
        await asyncio.sleep(0.1)
    assert now() - begin <= 5.5
    for session in sessions:
        assert await stored(store, session.key) == {f'field-{step}': step for step in range(20)}
        assert (session.activity, session.problem) == ('saved', None)
    assert await tasks_of(registry) == set()


async def test_attempts_on_a_store_that_is_away_become_rare_but_never_rarer_than_every_five_seconds(
    make_session: MakeSession, store: FaultyStore
) -> None:
    session = make_session(exists=False)
    store.down = True
    put(session, 'count', 1)
    attempts: list[float] = []
    while len(attempts) < 20:
        seen = store.calls['put']
        await asyncio.sleep(0.01)
        attempts += [now()] * (store.calls['put'] - seen)
    gaps = [later - earlier for earlier, later in pairwise(attempts)]
    assert gaps[0] < 0.2
    assert all(2.4 < gap < 5.1 for gap in gaps[-5:])


@pytest.mark.proves('flush')
async def test_a_flush_on_a_store_that_is_away_raises_and_loses_nothing(
    make_session: MakeSession, store: FaultyStore
) -> None:
    session = make_session(exists=False)
    store.down = True
    put(session, 'count', 1)
    for _ in range(3):
        begin = now()
        with pytest.raises(Unavailable, match='the test has taken the store down'):
            await session.flush()
        assert (now(), session.pending) == (begin, 1)
    store.down = False
    await session.flush()
    assert await stored(store, session.key) == {'count': 1}


async def test_a_store_that_refuses_is_asked_slowly_and_says_why_once(
    make_session: MakeSession, store: FaultyStore, caplog: pytest.LogCaptureFixture
) -> None:
    session = make_session(exists=False)
    store.refusing = True
    put(session, 'count', 1)
    with pytest.raises(Refused, match='a hint'):
        await session.flush()
    await asyncio.sleep(300)
    assert 10 <= store.calls['put'] <= 25
    assert (session.activity, session.problem) == ('refused', 'the test lets the store refuse')
    assert sum('the store refuses' in record.message for record in caplog.records) == 1
    store.refusing = False
    await asyncio.sleep(46)
    assert (session.activity, await stored(store, session.key)) == ('saved', {'count': 1})


async def test_trouble_is_told_again_when_it_comes_again(
    make_session: MakeSession, store: FaultyStore, caplog: pytest.LogCaptureFixture
) -> None:
    session = make_session(exists=False)
    for number in range(3):
        store.down = True
        put(session, 'count', number)
        await asyncio.sleep(20)
        store.down = False
        await asyncio.sleep(20)
    assert sum('the store is away' in record.message for record in caplog.records) == 3


async def test_a_put_that_hangs_is_given_up_and_what_it_did_is_looked_up(
    make_session: MakeSession, store: FaultyStore
) -> None:
    for applied in (False, True):
        session = make_session(exists=False, session_id=f'{applied}')
        gate = store.hold('put', applied=applied)
        put(session, 'count', 1)
        begin = now()
        flush = asyncio.ensure_future(session.flush())
        await gate.started.wait()
        put(session, 'count', 2)
        await asyncio.sleep(DEADLINE - 1)
        assert not flush.done()
        store._before.clear()
        store._after.clear()
        await flush
        await session.flush()
        assert now() - begin < DEADLINE + 2
        assert await stored(store.inner, session.key) == {'count': 2}


@pytest.mark.proves('slow-store')
async def test_a_put_that_hangs_delays_no_change_and_no_other_session(
    make_registry: MakeRegistry, store: FaultyStore
) -> None:
    registry = make_registry()
    one, other = registry.session('one', exists=False), registry.session('other', exists=False)
    gate = store.hold('put')
    put(one, 'count', 1)
    await gate.started.wait()
    store._before.clear()
    begin = now()
    put(one, 'count', 2)
    put(other, 'count', 3)
    await other.flush()
    assert (now(), values(one)) == (begin, {'count': 2})
    gate.release()


async def test_a_store_that_raises_what_it_does_not_declare_is_a_store_in_trouble(
    make_session: MakeSession, store: FaultyStore, caplog: pytest.LogCaptureFixture
) -> None:
    session = make_session(exists=False)
    store.fail_next('put', KeyError('x'), ValueError('y'))
    store.fail_next('get', RuntimeError('z'))
    put(session, 'count', 1)
    await asyncio.sleep(10)
    assert (await stored(store, session.key), session.pending) == ({'count': 1}, 0)
    assert sum('does not declare' in record.message for record in caplog.records) == 3


@pytest.mark.parametrize('error', [Conflict, OutcomeUnknown, ValueError])
async def test_a_store_whose_every_put_fails_is_not_asked_in_a_hurry_for_ever(
    make_session: MakeSession, store: FaultyStore, error: type[Exception]
) -> None:
    session = make_session(exists=False)
    one = error('x') if error is ValueError else error('put', 'key', 'always')  # type: ignore[call-arg]
    store.fail_next('put', *[one] * 10_000)
    put(session, 'count', 1)
    await asyncio.sleep(60)
    assert store.calls['put'] < 130
    assert session.activity == 'offline'
    with pytest.raises((Conflict, OutcomeUnknown)):
        await asyncio.wait_for(session.flush(), 30)
    store._failures.clear()
    await asyncio.sleep(6)
    assert (session.activity, await stored(store, session.key)) == ('saved', {'count': 1})


async def test_a_step_that_fails_in_our_own_code_is_logged_counted_and_told_and_loses_nothing(
    make_registry: MakeRegistry, store: FaultyStore, caplog: pytest.LogCaptureFixture
) -> None:
    registry = make_registry()
    session = registry.session('an id', exists=False)
    session.document.applied['spoilt'] = object()  # type: ignore[assignment]
    put(session, 'count', 1)
    with pytest.raises(Unavailable, match='TypeError in this library'):
        await session.flush()
    await asyncio.sleep(20)
    assert (session.pending, session.activity) == (1, 'offline')
    failures = [record for record in caplog.records if 'a step of the actor' in record.message]
    assert registry.statistics().errors == len(failures) > 0
    assert {(record.exc_info, 'TypeError' in (record.exc_text or '')) for record in failures} == {(None, True)}
    del session.document.applied['spoilt']
    await session.flush()
    assert await stored(store, session.key) == {'count': 1}


@pytest.mark.parametrize('operation', ['get', 'put'])
async def test_a_session_whose_task_was_cancelled_goes_on_with_the_next_change(
    make_registry: MakeRegistry, store: FaultyStore, operation: Literal['get', 'put']
) -> None:
    registry = make_registry()
    session = registry.session('an id', exists=operation == 'get')
    gate = store.hold(operation)
    put(session, 'count', 1)
    await gate.started.wait()
    for task in list(registry._tasks):
        task.cancel()
    await idle()
    store.release()
    await session.flush()
    put(session, 'count', 2)
    await session.flush()
    assert await stored(store, session.key) == {'count': 2}
