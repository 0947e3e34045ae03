"""A store in trouble: everything is kept, applied once, and goes out when the store is back."""

from __future__ import annotations

import asyncio
import logging
from itertools import pairwise
from typing import Literal

import pytest

from nicegui_stash.errors import Conflict, OutcomeUnknown, Refused, Unavailable
from nicegui_stash.testing import FaultyStore
from nicegui_stash.transfer import DEADLINE

from .conftest import MakeRegistry, MakeSession
from .scene import COUNTER, Page, document, put, stored, tasks_of, values
from .virtual import idle


def now() -> float:
    return asyncio.get_running_loop().time()


# ---- somebody else wrote


async def test_two_servers_that_write_different_fields_keep_both(make_session: MakeSession, store: FaultyStore) -> None:
    one, other = make_session(exists=False, seed=1), make_session(exists=False, seed=2)
    put(one, 'a', 1)
    put(other, 'b', 2)
    await asyncio.gather(one.flush(), other.flush())
    assert await stored(store, one.key) == {'a': 1, 'b': 2}
    assert await other.revalidate(1)
    await one.revalidate(1)
    assert values(one) == values(other) == {'a': 1, 'b': 2}


async def test_of_two_servers_that_write_one_field_the_last_put_wins_in_both(
    make_session: MakeSession, store: FaultyStore
) -> None:
    one, other = make_session(exists=False, seed=1), make_session(exists=False, seed=2)
    put(one, 'a', 'one')
    await one.flush()
    put(other, 'a', 'other')
    await other.flush()
    assert await stored(store, one.key) == {'a': 'other'}
    await one.revalidate(1)
    assert values(one) == {'a': 'other'}


async def test_a_conflict_shows_what_the_other_server_wrote(make_session: MakeSession, store: FaultyStore) -> None:
    one, other = make_session(exists=False, seed=1), make_session(exists=False, seed=2)
    page = Page(one)
    put(other, 'theirs', 1)
    await other.flush()
    put(one, 'mine', 2)
    await one.flush()
    assert values(one) == {'theirs': 1, 'mine': 2}
    assert page.replacements == 1
    assert store.calls == {'put': 3, 'get': 1}


async def test_ten_servers_and_a_hundred_fields_lose_nothing(make_session: MakeSession, store: FaultyStore) -> None:
    sessions = [make_session(exists=False, seed=seed, flush_interval=0.01) for seed in range(10)]
    for step in range(10):
        for number, session in enumerate(sessions):
            put(session, f'field-{number}-{step}', [number, step])
            await asyncio.sleep(0.001)
    await asyncio.gather(*(session.flush() for session in sessions))
    assert await stored(store, sessions[0].key) == {
        f'field-{number}-{step}': [number, step] for number in range(10) for step in range(10)
    }


@pytest.mark.parametrize('waited_for', [False, True])
async def test_neither_a_flush_nor_a_conflict_waits_for_the_interval(
    make_session: MakeSession, store: FaultyStore, waited_for: bool
) -> None:
    one, other = make_session(exists=False, seed=1, flush_interval=100.0), make_session(exists=False, seed=2)
    begin = now()
    for number in range(5):
        put(other, 'theirs', number)
        await other.flush()
        put(one, 'mine', number)
        if waited_for:
            await one.flush()
        elif number == 0:
            await asyncio.sleep(1)
    if waited_for:
        assert await stored(store, one.key) == {'theirs': 4, 'mine': 4}
    else:
        assert await stored(store, one.key) == {'theirs': 4, 'mine': 0}
    assert now() - begin < 2


# ---- an answer that was lost


@pytest.mark.parametrize('lost', ['unknown', 'conflict'])
async def test_a_put_that_was_applied_without_an_answer_is_applied_once(
    make_session: MakeSession, store: FaultyStore, lost: str
) -> None:
    one, other = make_session(exists=False, seed=1), make_session(exists=False, seed=2)
    store.lose_answers() if lost == 'unknown' else store.conflict_after_apply()
    gate = store.hold('get')
    put(one, 'a', 'one')
    flush = asyncio.ensure_future(one.flush())
    await gate.started.wait()
    store.release('get')
    put(other, 'a', 'other')  # what came after it must not be overwritten when the put is recognised
    await asyncio.gather(flush, other.flush())
    puts = [await stored(store, one.key)]
    await one.revalidate(1)
    assert values(one) == puts[0]
    assert one.pending == other.pending == 0


@pytest.mark.parametrize('lost', ['unknown', 'conflict'])
async def test_an_applied_put_is_recognised_also_after_another_server_wrote_over_it(
    make_session: MakeSession, store: FaultyStore, lost: str
) -> None:
    one, other = make_session(exists=False, seed=1), make_session(seed=2)
    store.lose_answers() if lost == 'unknown' else store.conflict_after_apply()
    put(one, 'a', 'one')
    get = store.hold('get')
    flush = asyncio.ensure_future(one.flush())
    await get.started.wait()
    store._before.clear()  # the read of `one` stays held, that of the other server is not
    await other.load(1)
    put(other, 'a', 'other')
    await other.flush()
    get.release()
    await flush
    assert await stored(store, one.key) == {'a': 'other'}
    assert (values(one), one.pending) == ({'a': 'other'}, 0)


async def test_what_was_accepted_after_the_lost_put_is_put_again(make_session: MakeSession, store: FaultyStore) -> None:
    session = make_session(exists=False)
    store.lose_answers(3)
    for number in range(4):
        put(session, 'count', number)
        put(session, f'field-{number}', number)
        await session.flush()
    assert await stored(store, session.key) == {'count': 3, 'field-0': 0, 'field-1': 1, 'field-2': 2, 'field-3': 3}


# ---- a store that is away, refuses, hangs or fails


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
    assert (session.activity, session.problem) == ('offline', 'the test lets the store refuse')
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


async def test_a_step_that_fails_in_our_own_code_is_logged_and_told_and_loses_nothing(
    make_session: MakeSession, store: FaultyStore, caplog: pytest.LogCaptureFixture
) -> None:
    session = make_session(exists=False)
    session.document.applied['spoilt'] = object()  # type: ignore[assignment]
    put(session, 'count', 1)
    with pytest.raises(Unavailable, match='TypeError in this library'):
        await session.flush()
    await asyncio.sleep(20)
    assert (session.pending, session.activity) == (1, 'offline')
    assert {record.exc_info is not None for record in caplog.records if 'a step of the actor' in record.message} == {
        True
    }
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


# ---- looking again


async def test_a_revalidation_shows_what_another_server_wrote_and_keeps_what_is_pending(
    make_session: MakeSession, store: FaultyStore
) -> None:
    one, other = make_session(exists=False, seed=1, flush_interval=100.0), make_session(seed=2)
    put(one, 'a', 1)
    await one.flush()
    await other.load(1)
    put(other, 'b', 2)
    await other.flush()
    page = Page(one)
    put(one, 'c', 3)
    assert await one.revalidate(1) is True
    assert (values(one), page.replacements) == ({'a': 1, 'b': 2, 'c': 3}, 1)
    await one.flush()
    assert await stored(store, one.key) == {'a': 1, 'b': 2, 'c': 3}
    assert one._shared.counts['conflicts'] == 0


async def test_a_change_right_after_a_merge_belongs_to_the_merged_document(
    make_session: MakeSession, store: FaultyStore
) -> None:
    one, other = make_session(exists=False, seed=1, flush_interval=100.0), make_session(seed=2)
    put(one, 'a', 1)
    await one.flush()
    await other.load(1)
    put(other, 'b', 2)
    await other.flush()
    put(one, 'c', 3)
    await one.revalidate(1)
    put(one, 'd', 4)
    assert values(one) == {'a': 1, 'b': 2, 'c': 3, 'd': 4}
    await one.flush()
    assert await stored(store, one.key) == {'a': 1, 'b': 2, 'c': 3, 'd': 4}


async def test_a_put_that_waited_for_a_revalidation_is_left_out_where_that_left_nothing_to_put(
    make_session: MakeSession, store: FaultyStore
) -> None:
    one, other = make_session(exists=False, seed=1), make_session(seed=2)
    put(one, 'a', 1)
    await one.flush()
    await other.load(1)
    other.forget()
    await other.flush()
    gate = store.hold('get')
    looking = asyncio.ensure_future(one.revalidate(60))
    await gate.started.wait()
    put(one, 'a', 2)
    await asyncio.sleep(1)
    gate.release()
    await looking
    await idle()
    assert (values(one), one.pending, one.activity, store.calls['put']) == ({}, 0, 'saved', 2)


async def test_a_revalidation_of_what_did_not_change_tells_nobody(
    make_session: MakeSession, store: FaultyStore
) -> None:
    session = make_session(exists=False)
    put(session, 'a', 1)
    await session.flush()
    page = Page(session)
    assert await session.revalidate(1) is True
    assert (page.replacements, store.calls['get']) == (0, 1)


async def test_a_revalidation_that_takes_too_long_goes_on_behind(make_session: MakeSession, store: FaultyStore) -> None:
    one, other = make_session(exists=False, seed=1), make_session(seed=2)
    put(one, 'a', 1)
    await one.flush()
    await other.load(1)
    put(other, 'b', 2)
    await other.flush()
    page = Page(one)
    gate = store.hold('get')
    begin = now()
    assert await one.revalidate(0.1) is False
    assert (now() - begin, values(one)) == (pytest.approx(0.1), {'a': 1})
    gate.release()
    await idle()
    assert (values(one), page.replacements) == ({'a': 1, 'b': 2}, 1)


async def test_a_revalidation_waits_for_the_put_that_is_under_way(
    make_session: MakeSession, store: FaultyStore
) -> None:
    session = make_session(exists=False)
    gate = store.hold('put')
    put(session, 'a', 1)
    await gate.started.wait()
    looking = asyncio.ensure_future(session.revalidate(10))
    await idle()
    assert store.calls['get'] == 0
    gate.release()
    assert await looking
    assert store.calls == {'put': 1, 'get': 1}


async def test_a_revalidation_that_fails_shows_what_is_in_memory(make_session: MakeSession, store: FaultyStore) -> None:
    session = make_session(exists=False)
    put(session, 'a', 1)
    await session.flush()
    store.down = True
    assert await session.revalidate(1) is True
    assert (values(session), session.is_read, session.pending) == ({'a': 1}, True, 0)


async def test_an_object_that_was_swept_is_written_anew_with_the_next_change(
    make_session: MakeSession, store: FaultyStore
) -> None:
    session = make_session(exists=False)
    put(session, 'a', 1)
    await session.flush()
    await store.delete(session.key)
    put(session, 'b', 2)
    await session.flush()
    assert await stored(store, session.key) == values(session)
    assert values(session)['b'] == 2


async def test_a_restarted_server_that_is_unknown_to_the_document_reads_what_the_last_one_wrote(
    make_session: MakeSession, store: FaultyStore
) -> None:
    for number in range(20):
        session = make_session(seed=number)
        assert await session.load(1)
        assert values(session) == {f'server-{earlier}': earlier for earlier in range(number)}
        put(session, f'server-{number}', number)
        await session.flush()
    found = await document(store, session.key)
    assert found is not None
    assert len(found['applied']) == 16
    assert COUNTER.name in found['slices']
