"""A change is accepted by a plain call, shown to the other pages at once, and refused before it does any harm."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from nicegui_stash.errors import StoreError, TooMuchPending, ValueTooLarge
from nicegui_stash.model.document import SESSION_PART, Part, Slice, SliceId, to_bytes
from nicegui_stash.model.operations import Written
from nicegui_stash.testing import FaultyStore

from .conftest import MakeRegistry, MakeSession
from .scene import COUNTER, TAB, VISIT, Page, put, raw, stored, tasks_of, values
from .virtual import idle


@pytest.mark.proves('next-view')
async def test_a_change_is_accepted_before_it_is_durable(make_session: MakeSession, store: FaultyStore) -> None:
    session = make_session(exists=False)
    gate = store.hold('put')
    put(session, 'count', 1)
    assert (values(session), session.pending, session.activity) == ({'count': 1}, 1, 'pending')
    await gate.started.wait()
    assert (session.pending, session.activity, await store.inner.get(session.key)) == (1, 'saving', None)
    gate.release()
    await session.flush()
    assert (session.pending, session.pending_bytes, session.activity) == (0, 0, 'saved')
    assert await stored(store, session.key) == {'count': 1}


async def test_the_same_bytes_are_no_change(make_session: MakeSession, store: FaultyStore) -> None:
    session = make_session(exists=False)
    put(session, 'count', 1)
    await session.flush()
    page = Page(session)
    put(session, 'count', 1)
    await idle()
    assert (session.pending, page.changes, store.calls['put']) == (0, [], 1)


async def test_a_visitor_who_changes_nothing_leaves_no_object_and_asks_for_none(
    make_registry: MakeRegistry, store: FaultyStore
) -> None:
    registry = make_registry()
    session = registry.session('an id', exists=False)
    page = Page(session)
    session.hold(COUNTER, SESSION_PART)
    assert session.is_read
    session.touch()
    await session.flush()
    page.leave()
    assert await tasks_of(registry) == set()
    assert dict(store.calls) == {}


@pytest.mark.proves('next-view')
async def test_each_change_notifies_the_other_pages_but_not_the_one_that_made_it(make_session: MakeSession) -> None:
    session = make_session(exists=False)
    mine, other = Page(session), Page(session)
    session.set(COUNTER, VISIT, 'note', raw('x'), source=mine)
    session.set(COUNTER, SESSION_PART, 'count', raw(1), source=other)
    assert mine.changes == [(COUNTER, SESSION_PART, 'count')]
    assert other.changes == [(COUNTER, VISIT, 'note')]
    mine.leave()
    put(session, 'count', 2)
    assert len(mine.changes) == 1
    mine_again = Page()
    session.detach(mine_again)


async def test_an_absent_value_gives_way_to_what_is_there(make_session: MakeSession) -> None:
    session = make_session(exists=False)
    put(session, 'count', 1)
    session.set(COUNTER, SESSION_PART, 'count', raw(2), absent=True)
    session.set(COUNTER, SESSION_PART, 'other', raw(3), absent=True)
    assert values(session) == {'count': 1, 'other': 3}


async def test_a_migrated_slice_is_adopted_where_nothing_is_written(
    make_session: MakeSession, store: FaultyStore
) -> None:
    session = make_session(exists=False)
    newer = SliceId('Counter', 2)
    put(session, 'count', 'mine', slice_id=newer)
    migrated = Slice(data={'count': raw('old'), 'size': raw(5)})
    migrated.tabs['tab-1'] = Slice(data={'filter': raw('f')})  # type: ignore[assignment]
    session.adopt(newer, migrated)
    assert values(session, slice_id=newer) == {'count': 'mine', 'size': 5}
    assert values(session, TAB, newer) == {'filter': 'f'}
    await session.flush()
    assert await stored(store, session.key, newer) == {'count': 'mine', 'size': 5}


async def test_a_duplicated_tab_gets_a_copy_that_is_independent_from_then_on(make_session: MakeSession) -> None:
    session = make_session(exists=False)
    duplicate = Part('tabs', 'tab-2')
    put(session, 'filter', 'a', TAB)
    put(session, 'order', 'up', TAB)
    put(session, 'order', 'down', duplicate)
    session.copy_part(COUNTER, TAB, duplicate)
    assert values(session, duplicate) == {'order': 'down', 'filter': 'a'}
    put(session, 'filter', 'b', TAB)
    assert values(session, duplicate)['filter'] == 'a'
    session.copy_part(COUNTER, Part('tabs', 'unknown'), duplicate)
    session.copy_part(SliceId('Unknown', 1), TAB, duplicate)
    assert values(session, duplicate) == {'order': 'down', 'filter': 'a'}


async def test_a_dropped_visit_is_gone_at_once_and_from_the_store_with_the_next_put(
    make_session: MakeSession, store: FaultyStore
) -> None:
    session = make_session(exists=False)
    put(session, 'count', 1)
    put(session, 'note', 'half-ty', VISIT)
    await session.flush()
    put(session, 'note', 'half-typed', VISIT)
    session.drop(COUNTER, VISIT)
    assert values(session, VISIT) == {}
    assert session.pending_bytes == 0
    await session.flush()
    found = await store.get(session.key)
    assert VISIT.id.encode() not in found.body  # type: ignore[union-attr]
    session.drop(COUNTER, VISIT)
    session.drop(SliceId('Unknown', 1), VISIT)
    assert session.pending == 0


# ---- limits


async def test_a_value_that_is_too_large_is_refused_and_nothing_is_changed(
    make_session: MakeSession, store: FaultyStore
) -> None:
    session = make_session(exists=False, max_value_bytes=10)
    before = to_bytes(session.document)
    with pytest.raises(ValueTooLarge) as caught:
        put(session, 'note', 'x' * 9)
    assert str(caught.value) == 'Counter.note: 11 bytes of JSON are more than max_value_bytes=10'
    await idle()
    assert (to_bytes(session.document), session.pending, session.pending_bytes, dict(store.calls)) == (before, 0, 0, {})
    put(session, 'note', 'x' * 8)
    await session.flush()
    with pytest.raises(ValueTooLarge):
        put(session, 'note', 'x' * 9)
    assert values(session) == {'note': 'x' * 8}


async def test_a_document_that_would_be_too_large_refuses_what_grows_and_takes_what_shrinks(
    make_session: MakeSession,
) -> None:
    session = make_session(exists=False, max_document_bytes=1000)
    put(session, 'a', 'x' * 300)
    put(session, 'b', 'x' * 300)
    with pytest.raises(ValueTooLarge, match='the document would exceed max_document_bytes=1000'):
        put(session, 'c', 'x' * 500)
    assert set(values(session)) == {'a', 'b'}
    put(session, 'a', 'y' * 299)
    put(session, 'c', 'x' * 50)
    await session.flush()
    assert len(to_bytes(session.document)) < 1000
    for number in range(1000):
        try:
            put(session, f'field-{number}', number)
        except ValueTooLarge:
            break
    assert len(to_bytes(session.document)) < 1000 + 100  # what is put with it, such as times, is not counted before


async def test_a_document_that_is_too_large_already_can_only_shrink(
    make_session: MakeSession, store: FaultyStore
) -> None:
    session = make_session(exists=False)
    put(session, 'a', 'x' * 900)
    put(session, 'b', 'x' * 900)
    await session.flush()
    strict = make_session(seed=2, max_document_bytes=1000)
    await strict.load(1)
    put(strict, 'a', 'x' * 500)
    for name, length in (('a', 501), ('b', 901), ('c', 1)):
        with pytest.raises(ValueTooLarge):
            put(strict, name, 'y' * length)
    put(strict, 'b', '')
    put(strict, 'c', 'fits again')
    await strict.flush()
    assert await stored(store, strict.key) == {'a': 'x' * 500, 'b': '', 'c': 'fits again'}


@pytest.mark.parametrize('erase', ['forget', 'reset', 'drop'])
async def test_a_change_right_after_an_erasure_is_not_lost(
    make_session: MakeSession, store: FaultyStore, erase: str
) -> None:
    session = make_session(exists=False)
    put(session, 'old', 1, VISIT)
    if erase == 'drop':
        session.drop(COUNTER, VISIT)
    else:
        session.forget() if erase == 'forget' else session.reset(COUNTER)
    put(session, 'new', 2, VISIT)
    assert values(session, VISIT) == {'new': 2}
    await session.flush()
    later = make_session(seed=2)
    await later.load(1)
    assert values(later, VISIT) == {'new': 2}


@pytest.mark.parametrize('erase', ['forget', 'reset', 'drop'])
async def test_an_erasure_makes_room_at_once_also_while_the_store_is_away(
    make_session: MakeSession, store: FaultyStore, erase: str
) -> None:
    session = make_session(exists=False, max_document_bytes=1000)
    put(session, 'note', 'x' * 800, VISIT)
    store.down = True
    if erase == 'drop':
        session.drop(COUNTER, VISIT)
    else:
        session.forget() if erase == 'forget' else session.reset(COUNTER)
    put(session, 'note', 'y' * 700)
    assert values(session) == {'note': 'y' * 700}


@pytest.mark.proves('outage')
async def test_what_is_pending_is_bounded_per_session_and_per_process(
    make_registry: MakeRegistry, store: FaultyStore, caplog: pytest.LogCaptureFixture
) -> None:
    registry = make_registry(max_session_pending=100, max_process_pending=150)
    one, other = (registry.session(id_, exists=False) for id_ in ('one', 'other'))
    store.down = True
    put(one, 'a', 'x' * 88)
    before = to_bytes(one.document)
    for _ in range(3):
        with pytest.raises(TooMuchPending, match=r'Counter\.b: the store is away and too much is pending'):
            put(one, 'b', 'x' * 88)
    assert to_bytes(one.document) == before
    put(other, 'a', 'x' * 48)
    with pytest.raises(TooMuchPending):
        put(other, 'b', 'x' * 48)
    assert (one.pending_bytes, other.pending_bytes, registry.statistics().pending_bytes) == (90, 50, 140)
    assert registry.statistics().refused_changes == 4
    assert sum('too much is pending' in record.message for record in caplog.records) == 1
    store.down = False
    await asyncio.sleep(60)
    assert registry.statistics().pending_bytes == 0
    put(one, 'b', 'x' * 88)
    assert values(one) == {'a': 'x' * 88, 'b': 'x' * 88}


async def test_a_field_that_is_changed_again_and_again_counts_once(
    make_registry: MakeRegistry, store: FaultyStore
) -> None:
    registry = make_registry(max_session_pending=1000)
    session = registry.session('an id', exists=False)
    store.down = True
    for number in range(100):
        put(session, 'note', f'{number:098}')
    assert (session.pending, session.pending_bytes) == (1, 100)
    session.drop(COUNTER, SESSION_PART)
    session.reset(COUNTER)
    assert (session.pending_bytes, registry.statistics().pending_bytes) == (0, 0)


# ---- read, modify, write


def incremented(found: Slice) -> list[Written]:
    return [(SESSION_PART, 'count', raw(int(bytes(found.data.get('count', b'0'))) + 1))]


async def test_an_update_is_durable_when_it_returns(make_session: MakeSession, store: FaultyStore) -> None:
    session = make_session()
    page = Page(session)
    assert await session.load(1)
    await session.update(COUNTER, incremented)
    assert await stored(store, session.key) == {'count': 1}
    assert page.replacements >= 1
    assert session.pending == 0


@pytest.mark.proves('two-servers')
async def test_updates_of_many_servers_are_all_counted(make_session: MakeSession, store: FaultyStore) -> None:
    sessions = [make_session(seed=seed) for seed in range(5)]
    await asyncio.gather(*(session.load(1) for session in sessions))
    await asyncio.gather(*(session.update(COUNTER, incremented) for session in sessions for _ in range(4)))
    assert await stored(store, sessions[0].key) == {'count': 20}


async def test_an_update_whose_answer_is_lost_is_counted_once(make_session: MakeSession, store: FaultyStore) -> None:
    session = make_session()
    await session.load(1)
    store.lose_answers(1)
    store.conflict_after_apply(1)
    await session.update(COUNTER, incremented)
    await session.update(COUNTER, incremented)
    assert await stored(store, session.key) == {'count': 2}


async def test_changes_before_and_after_an_update_keep_their_order(
    make_session: MakeSession, store: FaultyStore
) -> None:
    session, other = make_session(), make_session(seed=2)
    await session.load(1)
    put(other, 'other', 1)
    await other.flush()
    put(session, 'count', 10)
    update = asyncio.ensure_future(session.update(COUNTER, incremented))
    await asyncio.sleep(0)
    assert values(session) == {'count': 11}
    put(session, 'last', 1)
    await update
    put(session, 'count', 5)
    await session.flush()
    assert await stored(store, session.key) == {'other': 1, 'count': 5, 'last': 1}


async def test_an_update_that_raises_changes_nothing(make_session: MakeSession, store: FaultyStore) -> None:
    session = make_session(exists=False, max_value_bytes=50)
    before = to_bytes(session.document)

    def fails(found: Slice) -> list[Written]:
        raise ZeroDivisionError

    def large(found: Slice) -> list[Written]:
        return [(SESSION_PART, 'note', raw('x' * 100))]

    with pytest.raises(ZeroDivisionError):
        await session.update(COUNTER, fails)
    with pytest.raises(ValueTooLarge):
        await session.update(COUNTER, large)
    await idle()
    assert (to_bytes(session.document), session.pending, store.calls['put']) == (before, 0, 0)


@pytest.mark.proves('outage')
async def test_updates_that_are_pending_are_bounded_as_changes_are(
    make_registry: MakeRegistry, store: FaultyStore
) -> None:
    registry = make_registry(max_session_pending=5000)
    session = registry.session('an id', exists=False)
    store.down = True

    def noted(found: Slice) -> list[Written]:
        return [(SESSION_PART, 'note', raw('x' * 1998))]

    for change in (noted, noted):
        with pytest.raises(StoreError):
            await session.update(COUNTER, change)
    assert (session.pending_bytes, registry.statistics().pending_bytes) == (4000, 4000)
    for change in (noted, incremented):  # a small one counts as well: its function is kept
        with pytest.raises(TooMuchPending):
            await session.update(COUNTER, change)
    assert (set(values(session)), session.pending) == ({'note'}, 2)
    store.down = False
    await session.flush()
    assert registry.statistics().pending_bytes == 0


async def test_all_that_an_update_writes_must_fit_into_the_document(
    make_session: MakeSession, store: FaultyStore
) -> None:
    session = make_session(exists=False, max_document_bytes=1000)

    def writing(length: int, *names: str) -> Callable[[Slice], list[Written]]:
        return lambda found: [(SESSION_PART, name, raw('x' * length)) for name in names]

    with pytest.raises(ValueTooLarge, match='Counter: the document would exceed max_document_bytes=1000'):
        await session.update(COUNTER, writing(300, 'a', 'b', 'c', 'd'))
    assert (values(session), session.pending, store.calls['put']) == ({}, 0, 0)
    store.down = True
    with pytest.raises(StoreError):
        await session.update(COUNTER, writing(300, 'a', 'b'))
    with pytest.raises(ValueTooLarge):
        put(session, 'c', 'x' * 500)  # what an update wrote is counted before it is put
    store.down = False
    await session.update(COUNTER, writing(310, 'a', 'b'))
    assert len(to_bytes(session.document)) < 1000


async def test_activity_is_told_once_however_many_pages_show_the_session(make_session: MakeSession) -> None:
    session, told = make_session(exists=False), []

    class Watcher:
        def activity_changed(self, *, settled: bool) -> None:
            told.append(session.activity)

    watcher = Watcher()
    session.watch(watcher)
    pages = [Page(session) for _ in range(3)]
    put(session, 'count', 1)
    assert told == ['pending']
    await session.flush()
    session.unwatch(watcher)
    session.unwatch(watcher)
    put(session, 'count', 2)
    await session.flush()
    assert told == ['pending', 'saving', 'saved'], 'and nothing that is no news'
    assert [page.changes for page in pages] == [[(COUNTER, SESSION_PART, 'count')] * 2] * 3
