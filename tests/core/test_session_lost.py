"""What the store has lost is put back from memory, said once, unless a tombstone or `ttl` explains it."""

from __future__ import annotations

import logging

import pytest

from nicegui_stash.errors import OutcomeUnknown
from nicegui_stash.model.document import SliceId
from nicegui_stash.stores import StoredObject
from nicegui_stash.testing import FaultyStore

from .conftest import MakeRegistry, MakeSession, WallClock
from .scene import COUNTER, TAB, VISIT, Page, document, kill, put, raw, stored, values
from .virtual import idle

OTHER = SliceId('Other', 1)


async def body(store: FaultyStore, key: str) -> bytes:
    found = await store.inner.get(key)
    assert isinstance(found, StoredObject)
    return found.body


async def restore(store: FaultyStore, key: str, backup: bytes) -> None:
    await store.inner.delete(key)
    await store.inner.put(key, backup, mode='create')


@pytest.mark.proves('lost')
async def test_an_object_that_is_gone_is_written_back_whole_with_the_next_change(
    make_registry: MakeRegistry, store: FaultyStore, caplog: pytest.LogCaptureFixture
) -> None:
    before = make_registry(seed=1).session('an id', exists=False)
    put(before, 'loaded', 'by the page that is open')
    put(before, 'theirs', 1, slice_id=OTHER)
    put(before, 'draft', 'x', VISIT)
    await before.flush()
    registry = make_registry(seed=2)
    session = registry.session('an id')
    page = Page(session)
    assert await session.load(1)
    put(session, 'mine', 2)
    await session.flush()
    await store.inner.delete(session.key)
    put(session, 'next', 3)
    await session.flush()
    kept = {'loaded': 'by the page that is open', 'mine': 2, 'next': 3}
    assert await stored(store, session.key) == kept == values(session)
    assert await stored(store, session.key, OTHER) == {'theirs': 1}
    found = await document(store, session.key)
    assert found is not None
    assert found['slices']['Counter']['1']['']['visits']['visit-1']['data'] == {'draft': 'x'}
    assert (registry.statistics().put_back, session.activity) == (1, 'saved')
    (told,) = [record.getMessage() for record in caplog.records if 'lost' in record.getMessage()]
    assert told == (
        f'the store has lost what was stored: session {session.key} is gone there, or older than it was, and is put '
        'back from memory, as others will be; statistics() counts them'
    )
    del page


async def test_who_only_looks_puts_it_back_and_all_others_of_the_process_are_looked_at(
    make_registry: MakeRegistry, store: FaultyStore, caplog: pytest.LogCaptureFixture
) -> None:
    registry = make_registry()
    sessions = [registry.session(f'{number}', exists=False) for number in range(50)]
    for number, session in enumerate(sessions):
        put(session, 'count', number)
        await session.flush()
    for session in sessions:
        await store.inner.delete(session.key)
    await sessions[7].revalidate(1)
    await idle()
    while registry.statistics().pending:
        for session in sessions:
            await session.flush()
    assert [await stored(store, session.key) for session in sessions] == [{'count': number} for number in range(50)]
    assert registry.statistics().put_back == 50
    assert sum('lost' in record.getMessage() for record in caplog.records) == 1


async def test_a_visitor_who_never_stored_anything_leaves_no_object(
    make_session: MakeSession, store: FaultyStore
) -> None:
    session = make_session()
    Page(session).leave()
    assert await session.load(1)
    await session.revalidate(1)
    assert (store.calls['put'], session.pending) == (0, 0)


async def test_a_conflict_with_nothing_lost_puts_nothing_back(make_registry: MakeRegistry, store: FaultyStore) -> None:
    registries = [make_registry(seed=seed) for seed in (1, 2)]
    one, other = (registry.session('an id') for registry in registries)
    for number in range(20):
        put(one, 'a', number)
        put(other, 'b', number)
        await one.flush()
        await other.flush()
        if number % 3 == 0:
            store.lose_answers()
        if number % 5 == 0:
            store.fail_next('put', OutcomeUnknown('put', 'x', 'not applied'))
    assert [registry.statistics().put_back for registry in registries] == [0, 0]


# ---- an older backup


async def test_an_older_backup_is_replaced_by_what_memory_holds(
    make_registry: MakeRegistry, store: FaultyStore
) -> None:
    registry = make_registry()
    session = registry.session('an id', exists=False)
    put(session, 'count', 1)
    put(session, 'kept', 'k')
    await session.flush()
    backup = await body(store, session.key)
    put(session, 'count', 2)
    put(session, 'note', 'later')
    await session.flush()
    await restore(store, session.key, backup)
    put(session, 'next', 3)
    await session.flush()
    expected = {'count': 2, 'kept': 'k', 'note': 'later', 'next': 3}
    assert await stored(store, session.key) == expected == values(session)
    assert registry.statistics().put_back == 1


async def test_what_others_wrote_into_the_backup_stays_beneath_what_this_process_put_later(
    make_session: MakeSession, store: FaultyStore
) -> None:
    one = make_session(exists=False, seed=1)
    put(one, 'count', 1)
    put(one, 'theirs', 'old')
    await one.flush()
    backup = await body(store, one.key)
    put(one, 'count', 2)
    await one.flush()
    await one.update(COUNTER, lambda found: [(next(iter(found.parts()))[0], 'sum', raw(5))])
    await restore(store, one.key, backup)
    other = make_session(seed=2)
    assert await other.load(1)
    assert values(other)['count'] == 1
    put(other, 'theirs', 'new')
    put(other, 'more', 'x')
    await other.flush()
    put(one, 'next', 3)
    await one.flush()
    expected = {'count': 2, 'theirs': 'new', 'sum': 5, 'more': 'x', 'next': 3}
    assert await stored(store, one.key) == expected == values(one)
    await other.revalidate(1)
    assert values(other) == expected


async def test_a_document_that_another_server_began_anew_is_completed(
    make_session: MakeSession, store: FaultyStore, clock: WallClock
) -> None:
    one = make_session(exists=False, seed=1)
    put(one, 'count', 1)
    put(one, 'filter', 'f', TAB)
    await one.flush()
    await store.inner.delete(one.key)
    clock.advance(seconds=5)
    other = make_session(seed=2)
    assert await other.load(1)
    put(other, 'colour', 'blue')
    await other.flush()
    put(one, 'next', 2)
    await one.flush()
    await other.revalidate(1)
    assert await stored(store, one.key) == {'colour': 'blue', 'count': 1, 'next': 2} == values(one) == values(other)
    assert values(other, TAB) == {'filter': 'f'}


async def test_a_second_loss_before_the_first_is_mended_loses_nothing(
    make_session: MakeSession, store: FaultyStore, clock: WallClock
) -> None:
    one = make_session(exists=False, seed=1)
    for name in 'abc':
        put(one, name, name)
        await one.flush()
    for number in range(2):
        await store.inner.delete(one.key)
        clock.advance(seconds=5)
        other = make_session(seed=2 + number)
        assert await other.load(1)
        put(other, f'other-{number}', number)
        await other.flush()
        store.fail_next('put', OutcomeUnknown('put', 'x', 'not applied'))
        await one.revalidate(1)
    await one.update(COUNTER, lambda found: [(next(iter(found.parts()))[0], 'seen', raw(sorted(found.data)))])
    found = await stored(store, one.key)
    assert found is not None
    assert {name: found[name] for name in 'abc'} == {name: name for name in 'abc'}
    assert found['seen'] == ['a', 'b', 'c', 'other-0', 'other-1']


async def test_two_servers_that_hold_it_both_keep_what_each_has_put(
    make_session: MakeSession, store: FaultyStore
) -> None:
    one, other = make_session(exists=False, seed=1), make_session(seed=2)
    put(one, 'a', 1)
    await one.flush()
    assert await other.load(1)
    put(other, 'b', 1)
    await other.flush()
    put(other, 'a', 'of the other')
    await other.flush()
    await store.inner.delete(one.key)
    put(one, 'c', 1)
    await one.flush()
    put(other, 'd', 1)
    await other.flush()
    await one.revalidate(1)
    assert await stored(store, one.key) == {'a': 'of the other', 'b': 1, 'c': 1, 'd': 1} == values(one) == values(other)


# ---- what explains it


@pytest.mark.proves('erased')
@pytest.mark.parametrize('how', ['forget', 'reset'])
async def test_what_was_erased_here_does_not_come_back_with_an_older_backup(
    make_session: MakeSession, store: FaultyStore, how: str
) -> None:
    session, witness = make_session(exists=False, seed=1), make_session(seed=2)
    put(session, 'secret', 'x')
    await session.flush()
    backup = await body(store, session.key)
    session.forget() if how == 'forget' else session.reset(COUNTER)
    await session.flush()
    await restore(store, session.key, backup)
    assert await witness.load(1)
    put(witness, 'on top', 1)
    await witness.flush()
    put(session, 'count', 1)
    await session.flush()
    await witness.revalidate(1)
    assert 'secret' not in (await stored(store, session.key) or {})
    assert values(session) == values(witness)
    assert values(session)['count'] == 1


@pytest.mark.proves('erased')
async def test_what_was_forgotten_in_the_document_that_came_after_it_is_not_put_back(
    make_session: MakeSession, store: FaultyStore, clock: WallClock
) -> None:
    one = make_session(exists=False, seed=1)
    put(one, 'secret', 'x')
    await one.flush()
    await store.inner.delete(one.key)
    clock.advance(seconds=5)
    other = make_session(seed=2)
    assert await other.load(1)
    put(other, 'more', 1)
    other.forget()
    await other.flush()
    put(one, 'count', 1)
    await one.flush()
    assert await stored(store, one.key) in ({'count': 1}, None)
    assert values(one) in ({'count': 1}, {})


@pytest.mark.proves('erased', 'sweep')
async def test_what_was_swept_after_ttl_is_not_put_back(
    make_session: MakeSession, store: FaultyStore, clock: WallClock
) -> None:
    session = make_session(exists=False, ttl=1000.0)
    put(session, 'old', 1)
    await session.flush()
    clock.advance(seconds=1001)
    await store.inner.delete(session.key)
    put(session, 'new', 2)
    await session.flush()
    assert await stored(store, session.key) == {'new': 2}


async def test_a_session_that_was_left_is_not_put_back(make_registry: MakeRegistry, store: FaultyStore) -> None:
    registry = make_registry()
    session = registry.session('an id', exists=False)
    put(session, 'count', 1)
    session.forget()
    await session.flush()
    registry.leave('an id', session)
    await store.inner.delete(session.key)
    await session.revalidate(1)
    put(session, 'count', 2)
    await idle()
    assert await document(store, session.key) is None
    fresh = registry.session('an id')
    assert await fresh.load(1)
    assert (values(fresh), registry.statistics().put_back) == ({}, 0)


async def test_it_is_written_back_once_the_store_answers_again(make_registry: MakeRegistry, store: FaultyStore) -> None:
    """As where Redis was restarted without persistence."""
    registry = make_registry()
    session = registry.session('an id', exists=False)
    put(session, 'count', 1)
    await session.flush()
    store.down = True
    await store.inner.delete(session.key)
    put(session, 'next', 2)
    with pytest.raises(Exception, match='taken the store down'):
        await session.flush()
    store.down = False
    await session.flush()
    assert await stored(store, session.key) == {'count': 1, 'next': 2}
    await kill(registry)


@pytest.fixture(autouse=True)
def warnings(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger='nicegui_stash')
