"""Reading again whether others wrote: pending changes stay, and the pages follow."""

from __future__ import annotations

import asyncio

import pytest

from nicegui_stash.session.store_io import DEADLINE
from nicegui_stash.testing import FaultyStore

from .conftest import MakeSession
from .scene import COUNTER, Page, document, put, stored, values
from .virtual import idle


def now() -> float:
    return asyncio.get_running_loop().time()


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
    assert one._state.shared.counts['conflicts'] == 0


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


@pytest.mark.parametrize(('timeout', 'ends_after'), [(2.0, 2.0), (DEADLINE, DEADLINE), (10 * DEADLINE, DEADLINE)])
async def test_a_revalidation_of_a_store_that_hangs_ends_with_its_own_limit_or_the_deadline(
    make_session: MakeSession, store: FaultyStore, timeout: float, ends_after: float
) -> None:
    session = make_session(exists=False)
    put(session, 'a', 1)
    await session.flush()
    store.hold('get')
    begin = now()
    await session.revalidate(timeout)
    assert now() - begin == pytest.approx(ends_after)


async def test_a_revalidation_of_an_unchanged_document_notifies_no_page(
    make_session: MakeSession, store: FaultyStore
) -> None:
    session = make_session(exists=False)
    put(session, 'a', 1)
    await session.flush()
    page = Page(session)
    assert await session.revalidate(1) is True
    assert (page.replacements, store.calls['get']) == (0, 1)


@pytest.mark.proves('slow-store')
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


async def test_an_object_that_was_swept_is_written_again_with_the_next_change(
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
