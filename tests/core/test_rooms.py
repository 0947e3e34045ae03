"""A room is a document like a session's, under a key that no session id leads to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nicegui_stash.session.keys import is_document_key, object_key, room_key
from nicegui_stash.stores.base import StoredObject
from nicegui_stash.testing import FaultyStore

from .conftest import MakeRegistry, WallClock
from .scene import kill, put, stored, values
from .sweeps import keys_of, store, sweep
from .test_journal import Host, host

__all__ = ['host', 'store']


@given(st.text(), st.text(), st.sampled_from(['', 'room', 'session', 'identity']))
def test_no_session_id_is_stored_where_a_room_is(name: str, session_id: str, kind: str) -> None:
    key = room_key('a secret', name)
    for each in (session_id, name, f'{kind}\0{name}', f'\0{name}'):
        assert object_key('a secret', each) != key
    assert is_document_key(key), 'so that it is swept, copied and shown'


async def test_a_room_is_found_while_somebody_holds_it(make_registry: MakeRegistry) -> None:
    registry = make_registry()
    room = registry.room('garden')
    assert registry.room('garden') is room
    assert registry.room('Garden') is not room
    assert registry.session('garden') is not room
    assert list(registry.live()) == [registry.session('garden'), room] or room in list(registry.live())


async def test_a_room_and_a_session_of_one_name_share_nothing(make_registry: MakeRegistry, store: FaultyStore) -> None:
    registry = make_registry()
    room, session = registry.room('garden'), registry.session('garden')
    put(room, 'count', 1)
    await room.flush()
    await session.load(1.0)
    assert values(session) == {}
    put(session, 'count', 2)
    await session.flush()
    assert (await stored(store, room.key), await stored(store, session.key)) == ({'count': 1}, {'count': 2})


async def test_a_room_of_an_older_secret_moves_to_the_first(make_registry: MakeRegistry, store: FaultyStore) -> None:
    old = make_registry(secrets=('old',)).room('garden')
    put(old, 'count', 1)
    await old.flush()
    room = make_registry(secrets=('new', 'old')).room('garden')
    assert await room.load(1.0)
    assert values(room) == {'count': 1}
    put(room, 'count', 2)
    await room.flush()
    assert await stored(store, room_key('new', 'garden')) == {'count': 2}


async def test_what_a_killed_server_had_accepted_in_a_room_is_replayed_from_its_journal(
    host: Host, store: FaultyStore
) -> None:
    registry = host.start()
    room = registry.room('garden')
    assert await room.load(1.0)
    put(room, 'first', 1)
    await room.put_pending()
    put(room, 'count', 7)
    await room.flush()
    assert await stored(store, room.key) == {'first': 1}
    await kill(registry)
    host._desks[registry].let_go()
    again = host.start().room('garden')
    assert await again.load(5.0)
    assert values(again) == {'first': 1, 'count': 7}


async def test_a_stopping_server_puts_its_rooms(make_registry: MakeRegistry, store: FaultyStore) -> None:
    registry = make_registry(flush_interval=100.0)
    room = registry.room('garden')
    put(room, 'count', 1)
    await room.put_pending()
    put(room, 'count', 2)
    assert await registry.drain(10.0) == []
    assert await stored(store, room.key) == {'count': 2}


@pytest.mark.parametrize('is_open', [True, False])
async def test_a_room_is_swept_when_no_page_has_shown_it_for_ttl(
    make_registry: MakeRegistry, store: FaultyStore, clock: WallClock, *, is_open: bool
) -> None:
    registry = make_registry()
    room = registry.room('garden')
    put(room, 'count', 1)
    await room.flush()
    room.is_visited = is_open
    for _ in range(40):
        clock.advance(days=1)
        registry.renew()
        await room.flush()
    assert await sweep(store, clock) == ({'kept': 1} if is_open else {'expired': 1})
    assert await keys_of(store) == ({room.key} if is_open else set())
    found = await store.inner.get(room.key)
    assert isinstance(found, StoredObject) == is_open


async def test_what_is_changed_nowhere_is_never_stored(make_registry: MakeRegistry, store: FaultyStore) -> None:
    registry = make_registry()
    nowhere = registry.nowhere('the page has left its room')
    put(nowhere, 'count', 1)
    assert values(nowhere) == {'count': 1}
    assert await registry.drain(1.0) == []
    assert store.calls['put'] == 0
    assert list(registry.live()) == []
