"""Before the first read succeeded, changes are provisional: what is stored wins, and nothing is ever put unread."""

from __future__ import annotations

import asyncio

import pytest

from nicegui_stash.errors import Unavailable
from nicegui_stash.testing import FaultyStore

from .conftest import MakeRegistry, MakeSession
from .scene import COUNTER, VISIT, Page, put, stored, tasks_of, values
from .virtual import idle


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.fixture
async def written(make_session: MakeSession) -> str:
    """The key of a document that an earlier server wrote: a list of three items."""
    session = make_session(exists=False, seed=7)
    put(session, 'items', [1, 2, 3])
    await session.flush()
    return session.key


async def test_a_session_is_read_once_for_fifty_that_load_it_at_once(
    make_registry: MakeRegistry, store: FaultyStore, written: str
) -> None:
    registry = make_registry()
    gate = store.hold('get')
    sessions = [registry.session('an id') for _ in range(50)]
    loads = [asyncio.ensure_future(session.load(5)) for session in sessions]
    await gate.started.wait()
    gate.release()
    assert await asyncio.gather(*loads) == [True] * 50
    assert (store.keys['get'], values(sessions[0])) == ([written], {'items': [1, 2, 3]})
    assert len(set(map(id, sessions))) == 1


async def test_a_load_returns_when_its_time_is_up_and_the_read_goes_on(
    make_session: MakeSession, store: FaultyStore, written: str
) -> None:
    session = make_session()
    page = Page(session)
    gate = store.hold('get')
    begin = now()
    assert await session.load(0.5) is False
    assert (now() - begin, session.is_read) == (pytest.approx(0.5), False)
    gate.release()
    await idle()
    assert (session.is_read, page.replacements, store.calls['get']) == (True, 1, 1)
    assert values(session) == {'items': [1, 2, 3]}


async def test_a_cancelled_load_does_not_cancel_the_others(
    make_session: MakeSession, store: FaultyStore, written: str
) -> None:
    session = make_session()
    gate = store.hold('get')
    impatient, patient = (asyncio.ensure_future(session.load(5)) for _ in range(2))
    await gate.started.wait()
    impatient.cancel()
    await idle()
    gate.release()
    assert await patient is True


async def test_a_load_from_a_store_that_is_away_returns_at_the_first_failure(
    make_session: MakeSession, store: FaultyStore, written: str
) -> None:
    session = make_session()
    page = Page(session)
    store.down = True
    begin = now()
    assert await session.load(5) is False
    assert await session.load(5) is False
    assert (now(), store.calls['get'], session.activity) == (begin, 1, 'offline')
    store.down = False
    await asyncio.sleep(6)
    assert (session.is_read, page.replacements, session.activity) == (True, 1, 'saved')


async def test_reading_stops_for_a_page_that_is_gone(
    make_registry: MakeRegistry, store: FaultyStore, written: str
) -> None:
    registry = make_registry()
    session = registry.session('an id')
    page = Page(session)
    store.down = True
    await session.load(5)
    page.leave()
    await asyncio.sleep(10)
    assert store.calls['get'] <= 2
    assert await tasks_of(registry) == set()
    store.down = False
    assert await session.load(5) is True


@pytest.mark.proves('unreadable')
async def test_what_is_stored_wins_over_what_was_typed_before_it_could_be_read(
    make_session: MakeSession, store: FaultyStore, written: str
) -> None:
    session = make_session()
    page, other = Page(session), Page(session)
    store.down = True
    assert await session.load(1) is False
    put(session, 'items', ['typed into an empty list'])
    put(session, 'note', 'new')
    put(session, 'draft', 'new', VISIT)
    assert values(session) == {'items': ['typed into an empty list'], 'note': 'new'}
    store.down = False
    await asyncio.sleep(10)
    assert values(session) == {'items': [1, 2, 3], 'note': 'new'}
    assert page.overruled == other.overruled == [('items', ['typed into an empty list'])]
    assert page.replacements == 1
    assert await stored(store, written) == {'items': [1, 2, 3], 'note': 'new'}
    assert values(session, VISIT) == {'draft': 'new'}
    assert (session.pending, session.pending_bytes) == (0, 0)


async def test_a_typed_value_equal_to_the_stored_one_is_not_rejected(
    make_session: MakeSession, store: FaultyStore, written: str
) -> None:
    session = make_session()
    page = Page(session)
    put(session, 'items', [1, 2, 3])
    await session.load(1)
    await idle()
    assert (page.overruled, session.pending, store.calls['put']) == ([], 0, 1)


@pytest.mark.proves('unreadable')
async def test_nothing_is_put_before_the_document_is_read(
    make_session: MakeSession, store: FaultyStore, written: str
) -> None:
    session = make_session()
    gate = store.hold('get')
    put(session, 'items', [])
    flush = asyncio.ensure_future(session.flush())
    await gate.started.wait()
    await asyncio.sleep(20)
    put(session, 'note', 'x')
    assert (store.calls['put'], session.pending) == (1, 2)
    gate.release()
    await flush
    await session.flush()
    assert store.calls['put'] == 2
    assert await stored(store, written) == {'items': [1, 2, 3], 'note': 'x'}


async def test_a_flush_of_a_document_that_cannot_be_read_raises_and_keeps_everything(
    make_session: MakeSession, store: FaultyStore, written: str
) -> None:
    session = make_session()
    store.down = True
    put(session, 'note', 'x')
    with pytest.raises(Unavailable):
        await session.flush()
    assert (session.pending, session.is_read) == (1, False)
    store.down = False
    await session.flush()
    assert await stored(store, written) == {'items': [1, 2, 3], 'note': 'x'}


async def test_what_was_changed_after_a_forget_before_the_first_read_holds(
    make_session: MakeSession, store: FaultyStore, written: str
) -> None:
    for erase in ('forget', 'reset'):
        session = make_session()
        page = Page(session)
        store.down = True
        await session.load(1)
        put(session, 'items', ['gone'])
        session.forget() if erase == 'forget' else session.reset(COUNTER)
        put(session, 'items', [erase])
        store.down = False
        await session.flush()
        assert await stored(store, written) == {'items': [erase]}
        assert page.overruled == []


async def test_a_session_that_cannot_be_stored_yet_is_put_without_a_read(
    make_session: MakeSession, store: FaultyStore
) -> None:
    session = make_session(exists=False)
    put(session, 'count', 1)
    await session.flush()
    assert store.calls == {'put': 1}


async def test_a_new_session_that_meets_a_document_keeps_both(
    make_session: MakeSession, store: FaultyStore, written: str
) -> None:
    session = make_session(exists=False)
    put(session, 'items', ['first request, on another server'])
    put(session, 'note', 'x')
    await session.flush()
    assert await stored(store, written) == {'items': ['first request, on another server'], 'note': 'x'}
