"""Erased values never come back: not from another server, not from its pending changes, not from an older secret."""

from __future__ import annotations

import asyncio

import pytest

from nicegui_stash.model.document import SliceId
from nicegui_stash.testing import FaultyStore

from .conftest import MakeSession, WallClock
from .scene import COUNTER, TAB, VISIT, Page, document, put, stored, values

OTHER = SliceId('Other', 1)


async def test_a_forgotten_document_is_a_tombstone(make_session: MakeSession, store: FaultyStore) -> None:
    session = make_session(exists=False)
    page = Page(session)
    put(session, 'count', 1)
    put(session, 'note', 'x', VISIT)
    await session.flush()
    put(session, 'count', 2)
    session.forget()
    assert (values(session), values(session, VISIT), page.replacements) == ({}, {}, 1)
    assert (session.pending, session.pending_bytes) == (1, 0)
    await session.flush()
    found = await document(store, session.key)
    assert found is not None
    assert (found['erased'], found['epoch'], found['slices']) == (True, 1, {})


async def test_a_tombstone_is_read_as_nothing_and_ends_with_the_next_change(
    make_session: MakeSession, store: FaultyStore
) -> None:
    session = make_session(exists=False)
    put(session, 'count', 1)
    session.forget()
    await session.flush()
    later = make_session(seed=2)
    assert await later.load(1)
    assert (later.condition, values(later)) == ('fresh', {})
    later.touch()
    assert later.pending == 0
    put(later, 'count', 5)
    await later.flush()
    found = await document(store, session.key)
    assert found is not None
    assert (found.get('erased'), found['epoch'], await stored(store, later.key)) == (None, 1, {'count': 5})


@pytest.mark.proves('erased')
@pytest.mark.parametrize('erase', ['forget', 'reset'])
async def test_what_another_server_has_pending_from_before_never_comes_back(
    make_session: MakeSession, store: FaultyStore, erase: str
) -> None:
    one, other = make_session(exists=False, seed=1), make_session(seed=2, flush_interval=1000.0)
    put(one, 'count', 1)
    await one.flush()
    await other.load(1)
    page = Page(other)
    put(other, 'warm', 0)
    await other.flush()
    put(other, 'count', 2)
    put(other, 'secret', 'x')
    put(other, 'note', 'draft', VISIT)
    put(other, 'kept', 'y', slice_id=OTHER)
    one.forget() if erase == 'forget' else one.reset(COUNTER)
    await one.flush()
    await other.flush()
    assert (values(other), values(other, VISIT), other.pending, page.replacements) == ({}, {}, 0, 1)
    assert not await stored(store, one.key)
    assert await stored(store, one.key, OTHER) == (None if erase == 'forget' else {'kept': 'y'})
    put(other, 'count', 3)
    await other.flush()
    assert await stored(store, one.key) == {'count': 3}


@pytest.mark.parametrize('erase', ['forget', 'reset'])
async def test_what_is_changed_after_ones_own_erasure_holds_whatever_the_other_server_wrote(
    make_session: MakeSession, store: FaultyStore, erase: str
) -> None:
    one, other = make_session(exists=False, seed=1, flush_interval=1000.0), make_session(seed=2)
    put(one, 'count', 1)
    await one.flush()
    await other.load(1)
    one.forget() if erase == 'forget' else one.reset(COUNTER)
    put(one, 'count', 'new')
    put(one, 'filter', 'new', TAB)
    put(other, 'secret', 'x')
    await other.flush()
    await one.flush()
    assert await stored(store, one.key) == {'count': 'new'}
    await other.revalidate(1)
    assert (values(other), values(other, TAB)) == ({'count': 'new'}, {'filter': 'new'})


@pytest.mark.parametrize('erase', ['forget', 'reset'])
async def test_an_erasure_whose_answer_is_lost_is_done_once(
    make_session: MakeSession, store: FaultyStore, erase: str
) -> None:
    one, other = make_session(exists=False, seed=1), make_session(seed=2)
    put(one, 'count', 1)
    await one.flush()
    get = store.hold('get')
    store.lose_answers()
    one.forget() if erase == 'forget' else one.reset(COUNTER)
    flush = asyncio.ensure_future(one.flush())
    await get.started.wait()
    store._before.clear()
    await other.load(1)
    put(other, 'count', 'after the erasure')
    await other.flush()
    get.release()
    await flush
    assert await stored(store, one.key) == values(one) == {'count': 'after the erasure'}


async def test_two_forgets_at_once_leave_one_tombstone(make_session: MakeSession, store: FaultyStore) -> None:
    one, other = make_session(exists=False, seed=1), make_session(seed=2)
    put(one, 'count', 1)
    await one.flush()
    await other.load(1)
    one.forget()
    other.forget()
    await asyncio.gather(one.flush(), other.flush())
    found = await document(store, one.key)
    assert found is not None
    assert (found['erased'], found['epoch'], found['slices']) == (True, 2, {})


async def test_a_forget_reaches_the_store_while_it_is_away_and_after(
    make_session: MakeSession, store: FaultyStore
) -> None:
    session = make_session(exists=False)
    put(session, 'count', 1)
    await session.flush()
    store.down = True
    session.forget()
    put(session, 'count', 2)
    session.forget()
    await asyncio.sleep(30)
    store.down = False
    await asyncio.sleep(10)
    found = await document(store, session.key)
    assert found is not None
    assert (found['erased'], found['slices']) == (True, {})


async def test_a_reset_is_told_to_all_pages_and_touches_no_other_slice(
    make_session: MakeSession, store: FaultyStore
) -> None:
    session = make_session(exists=False)
    pages = [Page(session), Page(session)]
    put(session, 'count', 1)
    put(session, 'filter', 'f', TAB)
    put(session, 'kept', 2, slice_id=OTHER)
    session.reset(COUNTER)
    assert [page.replacements for page in pages] == [1, 1]
    assert (values(session), values(session, TAB), values(session, slice_id=OTHER)) == ({}, {}, {'kept': 2})
    await session.flush()
    found = await document(store, session.key)
    assert found is not None
    assert found['slices']['Counter']['1']['']['reset'] == 1


# ---- time


async def test_what_has_expired_is_not_shown_and_goes_with_the_next_change_and_what_is_accepted_after_it_stays(
    make_session: MakeSession, store: FaultyStore, clock: WallClock
) -> None:
    session = make_session(exists=False, ttl=1000.0)
    put(session, 'count', 1)
    put(session, 'expired', True)
    await session.flush()
    clock.advance(seconds=1000)
    fresh = make_session(ttl=1000.0)
    await fresh.load(1)
    assert (fresh.condition, values(fresh)) == ('found', {'count': 1, 'expired': True})
    clock.advance(seconds=1)
    late = make_session(ttl=1000.0)
    assert await late.load(1)
    assert (late.condition, late.is_read, values(late)) == ('expired', True, {})
    put(late, 'other', 2)
    await late.flush()
    assert await stored(store, session.key) == {'other': 2}
    put(session, 'count', 3)
    await session.flush()
    found = await stored(store, session.key)
    assert found == {'other': 2, 'count': 3}, 'a server that slept for longer than the ttl has accepted that since'
