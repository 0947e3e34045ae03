"""A document that is stored under an older secret: found, moved, and erased there for good."""

from __future__ import annotations

import asyncio

import pytest

from nicegui_stash.errors import OutcomeUnknown, Unavailable
from nicegui_stash.session.registry import Registry
from nicegui_stash.stores.base import ETag, NotModified, StoredObject
from nicegui_stash.testing import FaultyStore

from .conftest import MakeRegistry, MakeSession, WallClock
from .scene import document, keep, put, stored, values
from .virtual import idle


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


@pytest.mark.proves('erased')
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
