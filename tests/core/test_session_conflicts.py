"""Two servers that write one session lose nothing, and what was applied without an answer is applied once."""

from __future__ import annotations

import asyncio

import pytest

from nicegui_stash.model.document import SESSION_PART
from nicegui_stash.session.session import Session
from nicegui_stash.testing import FaultyStore

from .conftest import MakeSession
from .scene import COUNTER, Page, put, raw, stored, values


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.proves('two-servers')
async def test_two_servers_that_write_different_fields_keep_both(make_session: MakeSession, store: FaultyStore) -> None:
    one, other = make_session(exists=False, seed=1), make_session(exists=False, seed=2)
    put(one, 'a', 1)
    put(other, 'b', 2)
    await asyncio.gather(one.flush(), other.flush())
    assert await stored(store, one.key) == {'a': 1, 'b': 2}
    assert await other.revalidate(1)
    await one.revalidate(1)
    assert values(one) == values(other) == {'a': 1, 'b': 2}


@pytest.mark.proves('last-put', 'two-servers')
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


@pytest.mark.proves('two-servers')
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


def take_back(session: Session, name: str, value: object) -> None:
    """Change a field as an undo does: nowhere over what somebody else wrote."""
    session.set(COUNTER, SESSION_PART, name, raw(value), unless_changed=True)


async def written(session: Session, **fields: object) -> None:
    """Let a server that knows what is stored write these, and make them durable."""
    await session.load(1)
    for name, value in fields.items():
        put(session, name, value)
    await session.flush()


@pytest.mark.proves('undo')
@pytest.mark.parametrize('before', [{}, {'a': 'before'}])
async def test_what_is_taken_back_replaces_nothing_that_another_server_wrote_unheard(
    make_session: MakeSession, store: FaultyStore, before: dict[str, str]
) -> None:
    one, other = make_session(seed=1), make_session(seed=2)
    await written(one, **before, size=1)
    await written(one, a='mine')
    page = Page(one)
    await written(other, a='theirs')
    take_back(one, 'a', 'before')
    put(one, 'b', 2)
    await one.flush()
    assert await stored(store, one.key) == values(one) == {'a': 'theirs', 'size': 1, 'b': 2}
    assert page.replacements == 1


@pytest.mark.proves('undo')
async def test_what_is_taken_back_stays_where_another_server_wrote_another_field(
    make_session: MakeSession, store: FaultyStore
) -> None:
    one, other = make_session(seed=1), make_session(seed=2)
    await written(one, a='first')
    await written(one, a='second')
    await written(other, b='theirs')
    take_back(one, 'a', 'first')
    await one.flush()
    assert await stored(store, one.key) == {'a': 'first', 'b': 'theirs'}


@pytest.mark.proves('undo')
@pytest.mark.parametrize('field', ['a', 'b'])
async def test_steps_that_were_taken_back_and_made_again_before_they_were_put_are_one_change(
    make_session: MakeSession, store: FaultyStore, field: str
) -> None:
    one, other = make_session(seed=1), make_session(seed=2)
    for value in ('first', 'second', 'third'):
        await written(one, a=value)
    await written(other, **{field: 'theirs'})
    for value in ('second', 'first', 'second'):
        take_back(one, 'a', value)
    await one.flush()
    expected = {'a': 'theirs'} if field == 'a' else {'a': 'second', 'b': 'theirs'}
    assert await stored(store, one.key) == values(one) == expected


@pytest.mark.proves('undo')
async def test_what_was_taken_back_before_its_step_was_put_is_a_change_like_that_step(
    make_session: MakeSession, store: FaultyStore
) -> None:
    """The step alone would have replaced what the other server wrote, and no put has it any more."""
    one, other = make_session(seed=1), make_session(seed=2)
    await written(one, a='before')
    await written(other, b='theirs')
    put(one, 'a', 'first')
    put(one, 'a', 'second')
    take_back(one, 'a', 'first')
    await one.flush()
    assert await stored(store, one.key) == values(one) == {'a': 'first', 'b': 'theirs'}


@pytest.mark.proves('undo')
@pytest.mark.parametrize('is_answered', [True, False])
async def test_what_is_taken_back_while_its_step_is_being_put_replaces_only_that(
    make_session: MakeSession, store: FaultyStore, is_answered: bool
) -> None:
    one, other = make_session(seed=1, flush_interval=5), make_session(seed=2)
    await written(one, a='before')
    gate = store.hold('put', applied=True)
    if not is_answered:
        store.lose_answers(1)
    put(one, 'a', 'step')
    await gate.started.wait()
    take_back(one, 'a', 'before')
    store.release()
    await written(other, a='theirs')
    await one.flush()
    assert await stored(store, one.key) == values(one) == {'a': 'theirs'}
