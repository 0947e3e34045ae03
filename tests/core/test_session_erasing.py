"""What was erased never comes back: not from another server, not from its pending changes, not from an older secret."""

from __future__ import annotations

import asyncio

import pytest

from nicegui_stash.document import SliceId
from nicegui_stash.errors import OutcomeUnknown, Unavailable
from nicegui_stash.registry import Registry
from nicegui_stash.stores.base import ETag, NotModified, StoredObject
from nicegui_stash.testing import FaultyStore

from .conftest import MakeRegistry, MakeSession, WallClock
from .scene import COUNTER, TAB, VISIT, Page, document, keep, put, stored, values
from .virtual import idle

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


# ---- older secrets


async def moved(make_registry: MakeRegistry) -> tuple[Registry, str]:
    """A document stored under an older secret, and a registry that names objects by a new one."""
    old = make_registry(secrets=('old',)).session('an id', exists=False)
    put(old, 'count', 1)
    await old.flush()
    return make_registry(secrets=('new', 'old')), old.key


async def test_what_has_expired_does_not_come_back_with_a_put_that_failed(
    make_session: MakeSession, store: FaultyStore, clock: WallClock
) -> None:
    first = make_session(exists=False)
    put(first, 'old', 1)
    await first.flush()
    clock.advance(days=34)
    session = make_session(seed=2)
    assert await session.load(1)
    store.fail_next('put', OutcomeUnknown('put', 'x', 'not applied'))
    put(session, 'new', 2)
    await session.flush()
    assert values(session) == {'new': 2}
    assert await stored(store, session.key) == {'new': 2}


async def test_a_document_under_an_older_secret_is_found_moved_and_erased_there(
    make_registry: MakeRegistry, store: FaultyStore
) -> None:
    registry, old_key = await moved(make_registry)
    session = registry.session('an id')
    assert await session.load(1)
    assert (session.condition, values(session), session.key != old_key) == ('found', {'count': 1}, True)
    assert await document(store, session.key) is None
    put(session, 'note', 'x')
    await session.flush()
    await idle()
    assert await stored(store, session.key) == {'count': 1, 'note': 'x'}
    left = await document(store, old_key)
    assert left is not None
    assert (left['erased'], left['slices']) == (True, {})


async def test_what_was_moved_and_forgotten_does_not_come_back_from_the_older_secret(
    make_registry: MakeRegistry, store: FaultyStore
) -> None:
    registry, _ = await moved(make_registry)
    session = registry.session('an id')
    await session.load(1)
    session.forget()
    await session.flush()
    await store.delete(session.key)  # the tombstone was swept
    again = make_registry(secrets=('new', 'old')).session('an id')
    await again.load(1)
    assert (again.condition, values(again)) == ('fresh', {})


@pytest.mark.parametrize('lost', ['unknown', 'conflict'])
async def test_the_older_object_is_erased_also_when_the_answer_to_the_move_is_lost(
    make_registry: MakeRegistry, store: FaultyStore, lost: str
) -> None:
    registry, old_key = await moved(make_registry)
    session = registry.session('an id')
    await session.load(1)
    store.lose_answers() if lost == 'unknown' else store.conflict_after_apply()
    put(session, 'note', 'x')
    await session.flush()
    await idle()
    left = await document(store, old_key)
    assert left is not None
    assert left.get('erased') is True


async def test_a_visitor_who_only_looks_is_moved_before_the_older_object_expires(
    make_registry: MakeRegistry, store: FaultyStore, clock: WallClock
) -> None:
    registry, _ = await moved(make_registry)
    session = registry.session('an id')
    await session.load(1)
    session.touch()
    assert session.pending == 0
    clock.advance(days=4)
    session.touch()
    await session.flush()
    assert await stored(store, session.key) == {'count': 1}


class Partly(FaultyStore):
    """A store that cannot read some keys."""

    unreadable: str = ''

    async def get(self, key: str, *, unless: ETag | None = None) -> StoredObject | NotModified | None:
        if key == self.unreadable:
            raise Unavailable('get', key, 'this one alone')
        return await super().get(key, unless=unless)


async def test_while_an_older_key_cannot_be_read_nothing_is_known(
    make_registry: MakeRegistry, store: FaultyStore
) -> None:
    _, old_key = await moved(make_registry)
    partly = Partly(store)
    partly.unreadable = old_key
    session = make_registry(on=partly, secrets=('new', 'old')).session('an id')
    put(session, 'count', 'typed')
    assert await session.load(1) is False
    await asyncio.sleep(5)
    assert (session.is_read, session.pending, partly.calls['put']) == (False, 1, 0)
    partly.unreadable = ''
    await asyncio.sleep(6)
    assert (session.is_read, session.pending, values(session)) == (True, 0, {'count': 1})


async def test_an_older_object_of_an_unknown_format_is_left_alone_and_nothing_is_put_beside_it(
    make_registry: MakeRegistry, store: FaultyStore
) -> None:
    registry, old_key = await moved(make_registry)
    await keep(store, old_key, b'{"format":2}')
    session = registry.session('an id')
    assert await session.load(1) is False
    put(session, 'count', 2)
    await asyncio.sleep(100)
    assert (session.condition, session.pending) == ('unreadable', 1)
    assert await document(store, session.key) is None
    await store.delete(old_key)


async def test_an_older_object_that_is_no_document_is_left_alone(
    make_registry: MakeRegistry, store: FaultyStore, caplog: pytest.LogCaptureFixture
) -> None:
    registry, old_key = await moved(make_registry)
    await keep(store, old_key, b'not json')
    session = registry.session('an id')
    assert await session.load(1)
    put(session, 'count', 2)
    await session.flush()
    found = await store.get(old_key)
    assert found.body == b'not json'  # type: ignore[union-attr]
    assert 'stored under an older secret, is left alone' in caplog.text


async def test_the_newest_secret_that_has_a_document_wins(make_registry: MakeRegistry, store: FaultyStore) -> None:
    for secret, count in (('oldest', 1), ('old', 2)):
        session = make_registry(secrets=(secret,)).session('an id', exists=False)
        put(session, 'count', count)
        await session.flush()
    session = make_registry(secrets=('new', 'old', 'oldest')).session('an id')
    await session.load(1)
    assert values(session) == {'count': 2}


async def test_what_was_forgotten_under_one_secret_does_not_come_back_from_an_even_older_one(
    make_registry: MakeRegistry, store: FaultyStore
) -> None:
    for secret in ('oldest', 'old'):
        session = make_registry(secrets=(secret,)).session('an id', exists=False)
        put(session, 'count', 1)
        if secret == 'old':
            session.forget()
        await session.flush()
    session = make_registry(secrets=('new', 'old', 'oldest')).session('an id')
    assert await session.load(1)
    assert (session.condition, values(session)) == ('fresh', {})
