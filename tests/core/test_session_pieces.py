"""JSON that is still in pieces is joined before anybody sees it: at the put, at a read, for another page."""

from __future__ import annotations

import json

import pytest

from nicegui_stash.errors import ValueTooLarge
from nicegui_stash.model.document import SESSION_PART, Part, Slice
from nicegui_stash.model.operations import Written
from nicegui_stash.model.pieces import Pieces
from nicegui_stash.testing import FaultyStore

from .conftest import MakeRegistry, MakeSession
from .scene import COUNTER, TAB, Page, pending_changes, put, raw, stored, values
from .virtual import idle

TEXTS = [f'text number {number}' for number in range(100)]


def growing(*more: str) -> Pieces:
    """The JSON of the texts, with some appended in place."""
    pieces = Pieces.of(raw(TEXTS), len(TEXTS))
    for text in more:
        assert pieces is not None
        pieces = pieces.spliced(pieces.count, 0, json.dumps(text).encode(), 1)
    assert pieces is not None
    return pieces


async def test_pieces_are_joined_once_at_the_put(
    make_session: MakeSession, store: FaultyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = make_session(exists=False)
    joins: list[int] = []
    join = Pieces.raw
    monkeypatch.setattr(Pieces, 'raw', lambda self: joins.append(len(self)) or join(self))
    for number in range(50):
        session.set(COUNTER, SESSION_PART, 'texts', growing(*map(str, range(number + 1))))
    assert (session.pending, session.pending_bytes, joins) == (1, len(growing(*map(str, range(50)))), [])
    await session.flush()
    assert len(joins) == 1
    assert await stored(store, session.key) == {'texts': TEXTS + [str(number) for number in range(50)]}
    assert session.pending_bytes == 0


async def test_another_page_sees_the_joined_value(make_session: MakeSession) -> None:
    session = make_session(exists=False)
    other = Page(session)
    session.set(COUNTER, SESSION_PART, 'texts', growing('a'))
    assert other.changes == [(COUNTER, SESSION_PART, 'texts')]
    assert values(session) == {'texts': [*TEXTS, 'a']}
    session.set(COUNTER, SESSION_PART, 'texts', growing('a', 'b'))
    put(session, 'count', 1)
    assert values(session) == {'texts': [*TEXTS, 'a', 'b'], 'count': 1}


async def test_a_later_whole_value_replaces_what_was_in_pieces(make_session: MakeSession, store: FaultyStore) -> None:
    session = make_session(exists=False)
    session.set(COUNTER, SESSION_PART, 'texts', growing('a'))
    put(session, 'texts', [*TEXTS, 'a'])  # the same
    assert session.pending == 1
    session.set(COUNTER, SESSION_PART, 'texts', growing('b'))
    put(session, 'texts', ['short'])
    await session.flush()
    assert await stored(store, session.key) == {'texts': ['short']}


async def test_what_is_too_large_in_pieces_is_refused(make_session: MakeSession, store: FaultyStore) -> None:
    session = make_session(exists=False, max_value_bytes=len(growing('a')))
    session.set(COUNTER, SESSION_PART, 'texts', growing('a'))
    with pytest.raises(ValueTooLarge):
        session.set(COUNTER, SESSION_PART, 'texts', growing('ab'))
    await session.flush()
    assert await stored(store, session.key) == {'texts': [*TEXTS, 'a']}


async def test_pieces_outlive_a_conflict_and_are_applied_again(make_registry: MakeRegistry, store: FaultyStore) -> None:
    mine, theirs = (make_registry().session('an id') for _ in range(2))
    for session in (mine, theirs):
        await session.load(1)
    session = mine
    put(theirs, 'theirs', 1)
    await theirs.flush()
    session.set(COUNTER, SESSION_PART, 'texts', growing('a'))
    await session.flush()
    assert await stored(store, session.key) == {'theirs': 1, 'texts': [*TEXTS, 'a']}


async def test_pieces_accepted_before_the_first_read_are_compared_with_what_is_stored(
    make_registry: MakeRegistry, store: FaultyStore
) -> None:
    earlier = make_registry().session('an id', exists=False)
    put(earlier, 'texts', [*TEXTS, 'a'])
    put(earlier, 'other', [*TEXTS, 'a'])
    await earlier.flush()
    session = make_registry().session('an id')
    page = Page(session)
    session.set(COUNTER, SESSION_PART, 'texts', growing('a'))
    session.set(COUNTER, SESSION_PART, 'other', growing('b'))
    session.set(COUNTER, SESSION_PART, 'new', growing('c'))
    await session.load(1)
    await session.flush()
    assert page.overruled == [('other', [*TEXTS, 'b'])]
    assert values(session) == {'texts': [*TEXTS, 'a'], 'other': [*TEXTS, 'a'], 'new': [*TEXTS, 'c']}


@pytest.mark.parametrize('after', ['update', 'reset', 'forget', 'drop', 'copy'])
async def test_pieces_go_along_with_whatever_else_is_accepted(
    make_session: MakeSession, store: FaultyStore, after: str
) -> None:
    session = make_session(exists=False)
    session.set(COUNTER, TAB, 'texts', growing('a'))
    if after == 'update':

        def change(found: Slice) -> list[Written]:
            texts = json.loads(bytes((found.values(TAB) or {})['texts']))
            return [(SESSION_PART, 'count', raw(len(texts)))]

        await session.update(COUNTER, change)
        assert values(session) == {'count': 101}
    elif after == 'copy':
        session.copy_part(COUNTER, TAB, Part('tabs', 'other'))
        assert values(session, Part('tabs', 'other')) == {'texts': [*TEXTS, 'a']}
    else:
        {'reset': lambda: session.reset(COUNTER), 'forget': session.forget, 'drop': lambda: session.drop(COUNTER, TAB)}[
            after
        ]()
        assert values(session, TAB) == {}
    session.set(COUNTER, TAB, 'texts', growing('b'))
    await session.flush()
    assert values(session, TAB) == {'texts': [*TEXTS, 'b']}
    assert session.pending_bytes == 0


async def test_what_the_store_has_lost_is_put_again_with_what_is_in_pieces(
    make_registry: MakeRegistry, store: FaultyStore
) -> None:
    registry = make_registry()
    session = registry.session('an id', exists=False)
    session.set(COUNTER, SESSION_PART, 'texts', growing('a'))
    await session.flush()
    await store.delete(session.key)
    session.set(COUNTER, SESSION_PART, 'others', growing('b'))
    await session.flush()
    await idle()
    assert await stored(store, session.key) == {'texts': [*TEXTS, 'a'], 'others': [*TEXTS, 'b']}
    assert pending_changes(registry) == (0, 0)
