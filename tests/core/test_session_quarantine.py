"""What cannot be read is never overwritten: it is copied away first, or left alone."""

from __future__ import annotations

import asyncio
import logging

import pytest

from nicegui_stash.errors import OutcomeUnknown, Refused, Unavailable
from nicegui_stash.session.loading import quarantine_key
from nicegui_stash.stores import StoredObject
from nicegui_stash.testing import FaultyStore

from .conftest import MakeRegistry, MakeSession
from .scene import Page, keep, put, stored, tasks_of, values
from .virtual import idle

BROKEN = [
    pytest.param(b'', id='empty'),
    pytest.param(b'{"format":1,"epoch":0,"se', id='truncated'),
    pytest.param(b'<html>502 Bad Gateway</html>', id='no JSON'),
    pytest.param(b'{"format":1,"slices":[]}', id='of the wrong shape'),
    pytest.param(b'[' * 100_000, id='nested deeply'),
]
EMPTY = b'{"format":1,"epoch":0,"seen":1763700000000,"applied":{},"slices":{}}'
FOREIGN = b'{"format":2,"all":"different"}'


async def body_of(store: FaultyStore, key: str) -> bytes | None:
    found = await store.inner.get(key)
    return found.body if isinstance(found, StoredObject) else None


@pytest.mark.proves('unreadable')
@pytest.mark.parametrize('body', BROKEN)
async def test_an_object_that_is_no_document_is_kept_before_it_is_replaced(
    make_registry: MakeRegistry, store: FaultyStore, caplog: pytest.LogCaptureFixture, body: bytes
) -> None:
    registry = make_registry()
    session = registry.session('an id')
    await keep(store, session.key, body)
    assert await session.load(1)
    copy = quarantine_key(session.key, body)
    assert (session.condition, values(session)) == ('quarantined', {})
    assert (await body_of(store, copy), await body_of(store, session.key)) == (body, body)
    put(session, 'count', 1)
    await session.flush()
    assert await stored(store, session.key) == {'count': 1}
    assert await body_of(store, copy) == body
    assert registry.statistics().quarantined == 1
    assert store.keys['put'] == [session.key, copy, session.key]
    ours = [record for record in caplog.records if record.name == 'nicegui_stash']
    messages = [record.getMessage() for record in ours if record.levelno == logging.ERROR]
    assert len(messages) == 1
    assert session.key in messages[0]
    assert copy in messages[0]


async def test_what_was_typed_meanwhile_is_put_in_its_place(make_session: MakeSession, store: FaultyStore) -> None:
    session = make_session()
    await keep(store, session.key, b'{')
    put(session, 'count', 1)
    await session.flush()
    assert await stored(store, session.key) == {'count': 1}
    assert await body_of(store, quarantine_key(session.key, b'{')) == b'{'


async def test_a_visitor_who_changes_nothing_replaces_nothing(make_session: MakeSession, store: FaultyStore) -> None:
    for number in range(2):
        session = make_session(seed=number)
        if number == 0:
            await keep(store, session.key, b'{')
        assert await session.load(1)
        await idle()
        assert await body_of(store, session.key) == b'{'


async def test_what_somebody_mended_meanwhile_is_not_replaced(make_session: MakeSession, store: FaultyStore) -> None:
    session = make_session()
    await keep(store, session.key, b'{')
    assert await session.load(1)
    slices = b'{"Counter":{"1":{"":{"data":{"a":1}}}}}'
    await keep(store, session.key, EMPTY.replace(b'"slices":{}', b'"slices":' + slices))
    put(session, 'b', 2)
    await session.flush()
    assert await stored(store, session.key) == {'a': 1, 'b': 2}


async def test_an_object_that_was_damaged_under_a_living_session_is_kept_and_written_again_from_memory(
    make_session: MakeSession, store: FaultyStore
) -> None:
    for how in ('a change', 'a look'):
        session = make_session(exists=False, session_id=how)
        put(session, 'count', 1)
        await session.flush()
        await keep(store, session.key, b'damaged')
        if how == 'a change':
            put(session, 'note', 'x')
        else:
            await session.revalidate(1)
        await session.flush()
        assert await stored(store, session.key) == values(session)
        assert values(session)['count'] == 1
        assert await body_of(store, quarantine_key(session.key, b'damaged')) == b'damaged'


@pytest.mark.parametrize('error', [Unavailable, Refused, OutcomeUnknown])
async def test_where_no_copy_can_be_made_nothing_is_replaced_and_everything_is_kept(
    make_session: MakeSession, store: FaultyStore, error: type[Unavailable]
) -> None:
    session = make_session()
    await keep(store, session.key, b'{')
    store.fail_next('put', *[error('put', 'quarantine', 'not now')] * 3)
    put(session, 'count', 1)
    for _ in range(3):
        with pytest.raises((Unavailable, Refused, OutcomeUnknown), match='not now'):
            await session.flush()
        assert (session.pending, session.is_read, await body_of(store, session.key)) == (1, False, b'{')
    await session.flush()
    assert await stored(store, session.key) == {'count': 1}
    assert await body_of(store, quarantine_key(session.key, b'{')) == b'{'


# ---- an unknown format


@pytest.mark.proves('unreadable')
async def test_an_unknown_format_is_left_alone_and_what_is_pending_is_kept(
    make_registry: MakeRegistry, store: FaultyStore, caplog: pytest.LogCaptureFixture
) -> None:
    registry = make_registry()
    session, other = registry.session('an id'), registry.session('another id')
    page = Page(session)
    for key in (session.key, other.key):
        await keep(store, key, FOREIGN)
    assert await session.load(1) is False
    assert await other.load(1) is False
    put(session, 'count', 1)
    with pytest.raises(Refused, match='document format 2 is not known to this version'):
        await session.flush()
    await asyncio.sleep(1000)
    assert (session.condition, session.activity, session.pending) == ('unreadable', 'refused', 1)
    assert await body_of(store, session.key) == FOREIGN
    assert await body_of(store, quarantine_key(session.key, FOREIGN)) is None
    assert 'document format 2' in (session.problem or '')
    assert sum('document format 2' in record.getMessage() for record in caplog.records) <= 2
    await keep(store, session.key, EMPTY)
    await asyncio.sleep(50)
    assert (session.activity, await stored(store, session.key)) == ('saved', {'count': 1})
    assert page.activities[-2:] == ['saving', 'saved']


async def test_an_unknown_format_that_appears_under_a_living_session_is_left_alone(
    make_session: MakeSession, store: FaultyStore
) -> None:
    session = make_session(exists=False)
    page = Page(session)
    put(session, 'count', 1)
    await session.flush()
    await keep(store, session.key, FOREIGN)
    put(session, 'count', 2)
    with pytest.raises(Refused):
        await session.flush()
    await asyncio.sleep(1000)
    assert (await body_of(store, session.key), session.pending, session.activity) == (FOREIGN, 1, 'refused')
    assert page.activities[-1] == 'refused'
    await store.delete(session.key)


async def test_a_look_at_an_unknown_format_tells_the_pages(make_registry: MakeRegistry, store: FaultyStore) -> None:
    registry = make_registry()
    session = registry.session('an id', exists=False)
    page = Page(session)
    put(session, 'count', 1)
    await session.flush()
    await keep(store, session.key, FOREIGN)
    await session.revalidate(1)
    await idle()
    assert (session.is_read, session.activity, page.activities[-1]) == (False, 'refused', 'refused')
    assert values(session) == {'count': 1}
    page.leave()
    await asyncio.sleep(60)
    assert await tasks_of(registry) == set()
    assert await body_of(store, session.key) == FOREIGN
