"""Visitors without a cookie could fill any store: only so many sessions a minute are stored for the first time."""

from __future__ import annotations

import asyncio
import gc
import logging

import pytest

from nicegui_stash.errors import Refused
from nicegui_stash.session.new_sessions import LONGEST, MINUTE, NewSessions
from nicegui_stash.session.registry import Registry
from nicegui_stash.session.session import Session
from nicegui_stash.testing import FaultyStore

from .conftest import MakeRegistry
from .scene import Page, put, stored, values

LIMIT = 60  # one a second, when the first minute's worth is used up


def visit(registry: Registry, number: int) -> tuple[Session, Page]:
    """Open a page of a new visitor, who changes something."""
    session = registry.session(f'visitor {number}', exists=False)
    page = Page(session)
    put(session, 'count', number)
    return session, page


async def objects(store: FaultyStore) -> int:
    return len([row async for row in store.inner.list()])


@pytest.mark.proves('many-new')
async def test_beyond_the_limit_new_sessions_stay_in_memory_until_it_is_their_turn(
    make_registry: MakeRegistry, store: FaultyStore, caplog: pytest.LogCaptureFixture
) -> None:
    registry = make_registry(max_new_sessions=LIMIT)
    visits = [visit(registry, number) for number in range(LIMIT + 10)]
    await asyncio.sleep(0.5)
    assert await objects(store) == LIMIT
    session, page = visits[-1]
    assert (session.activity, session.problem, values(session)) == (
        'refused',
        'too many sessions are new',
        {'count': 69},
    )
    with pytest.raises(Refused, match=r'too many sessions are new.*max_new_sessions'):
        await session.flush()
    assert registry.statistics().held_back == 10
    await asyncio.sleep(5)
    assert LIMIT + 4 <= await objects(store) <= LIMIT + 6
    page.leave()  # who has a turn keeps it
    await asyncio.sleep(10)
    assert await stored(store, session.key) == {'count': 69}
    assert (session.activity, session.problem) == ('saved', None)
    assert (registry.statistics().held_back, registry.statistics().let_go) == (10, 0)
    ours = [record.levelno for record in caplog.records if record.name == 'nicegui_stash']
    assert ours == [logging.WARNING]
    assert 'more than max_new_sessions=60' in caplog.text


@pytest.mark.parametrize('begin', [0.0, 4096 - 29.7, 131072 - 41.6])
def test_a_minutes_worth_has_its_turn_at_once_whatever_the_clock_says(begin: float) -> None:
    for per_minute in (7, 60, 600):
        new_sessions = NewSessions(per_minute)
        assert [new_sessions.turn(begin) for _ in range(per_minute)] == [0.0] * per_minute
        assert new_sessions.turn(begin) == pytest.approx(MINUTE / per_minute)


async def test_after_a_quiet_minute_as_many_are_stored_at_once_again(
    make_registry: MakeRegistry, store: FaultyStore
) -> None:
    registry = make_registry(max_new_sessions=LIMIT)
    for minute in range(1, 4):
        kept = [visit(registry, 1000 * minute + number) for number in range(LIMIT)]
        await asyncio.sleep(0.5)
        assert await objects(store) == minute * LIMIT
        assert registry.statistics().held_back == 0
        await asyncio.sleep(MINUTE)
        assert len(kept) == LIMIT


async def test_who_is_stored_already_is_not_held_back(make_registry: MakeRegistry, store: FaultyStore) -> None:
    first = make_registry()
    for number in range(10):
        visit(first, number)
    await first.drain(10)
    second = make_registry(max_new_sessions=2)
    for number in range(10):
        session = second.session(f'visitor {number}')
        await session.load(1)
        put(session, 'count', number + 100)
        await session.flush()
        assert await stored(store, session.key) == {'count': number + 100}
    assert second.statistics().held_back == 0


@pytest.mark.proves('many-new')
async def test_a_flood_whose_pages_are_closed_leaves_neither_objects_nor_sessions_in_memory(
    make_registry: MakeRegistry, store: FaultyStore
) -> None:
    registry = make_registry(max_new_sessions=LIMIT)
    waiting = LIMIT + int(LONGEST)
    for number in range(waiting + 500):
        _, page = visit(registry, number)
        page.leave()
    stays, page = visit(registry, 9999)
    await asyncio.sleep(2)
    gc.collect()
    statistics = registry.statistics()
    assert await objects(store) <= LIMIT + 3
    assert statistics.sessions <= waiting + 10
    assert statistics.let_go >= 490
    assert values(stays) == {'count': 9999}
    await asyncio.sleep(LONGEST + 3 * MINUTE)
    assert await stored(store, stays.key) == {'count': 9999}
    assert await objects(store) <= waiting + 12
    page.leave()


async def test_the_end_of_the_process_stores_who_was_held_back(make_registry: MakeRegistry, store: FaultyStore) -> None:
    registry = make_registry(max_new_sessions=2)
    visits = [visit(registry, number) for number in range(20)]
    await asyncio.sleep(0.5)
    assert await objects(store) == 2
    assert await registry.drain(5) == []
    assert await objects(store) == len(visits)


async def test_code_without_a_page_is_not_held_back(make_registry: MakeRegistry, store: FaultyStore) -> None:
    registry = make_registry(max_new_sessions=2)
    for number in range(10):
        session = registry.session(f'person {number}')
        put(session, 'count', number)
        await session.flush()
    assert await objects(store) == 10


async def test_who_is_held_back_can_be_erased(make_registry: MakeRegistry, store: FaultyStore) -> None:
    registry = make_registry(max_new_sessions=1)
    visit(registry, 0)
    await asyncio.sleep(0.5)
    session, page = visit(registry, 1)
    await asyncio.sleep(0.5)
    assert registry.statistics().held_back == 1
    session.forget()
    await session.flush()
    assert values(session) == {}
    assert await stored(store, session.key) is None
    page.leave()
