"""What is noted for an inspector: since when a change waits, what was put of each field, and how long answers took."""

from __future__ import annotations

import asyncio

import pytest

from nicegui_stash.model.document import SESSION_PART, SliceId
from nicegui_stash.session.record import INTERVAL, INTERVALS, Answers, Record
from nicegui_stash.testing import FaultyStore

from .carts import OLD, V1
from .conftest import MakeRegistry, MakeSession
from .scene import VISIT, Page, put, raw


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_a_change_waits_since_it_was_accepted_and_not_since_the_session_was_opened(
    make_session: MakeSession, store: FaultyStore
) -> None:
    store.down = True
    session = make_session()
    page = Page(session)  # so that the session tries to read all the time
    assert not await session.load(60)
    await asyncio.sleep(60)
    assert session.pending_since is None
    accepted = now()
    put(session, 'a', 1)
    await asyncio.sleep(30)
    put(session, 'b', 2)
    assert session.pending_since == accepted
    store.down = False
    await session.flush()
    assert session.pending_since is None
    page.leave()


async def test_what_is_accepted_during_a_put_waits_since_the_put_began(
    make_session: MakeSession, store: FaultyStore
) -> None:
    session = make_session(exists=False, flush_interval=10)
    gate = store.hold('put')
    put(session, 'a', 1)
    await gate.started.wait()
    began = now()
    await asyncio.sleep(5)
    put(session, 'b', 2)
    gate.release()
    await asyncio.sleep(1)
    assert (session.pending, session.pending_since) == (1, began)


async def test_it_counts_what_is_put_of_each_declared_field_and_the_rest_together(make_registry: MakeRegistry) -> None:
    registry = make_registry(flush_interval=0)
    registry.declare(V1)
    record = registry.keep_record()
    assert registry.keep_record() is record
    session = registry.session('an id', exists=False)
    for value in ('x', 'xyz'):
        session.set(OLD, SESSION_PART, 'currency', raw(value))
        session.set(OLD, SESSION_PART, 'items', raw([value]))
        await session.flush()
    for number in range(1000):  # as whoever names fields after what a visitor has entered
        session.set(SliceId('stash.remember', 1), VISIT, f'field {number}', raw(number % 10))
    await session.flush()
    assert {place: (puts.count, puts.size) for place, puts in record.puts.items()} == {
        ('Cart', 1, 'items'): (2, 12),
        ('Cart', 1, ''): (2, 8),
        ('stash.remember', 1, ''): (1000, 1000),
    }


async def test_it_notes_how_long_the_store_takes(make_registry: MakeRegistry, store: FaultyStore) -> None:
    registry = make_registry(flush_interval=0)
    record = registry.keep_record()
    session = registry.session('an id')
    gate = store.hold('get')
    loading = asyncio.ensure_future(session.load(10))
    await gate.started.wait()
    await asyncio.sleep(3)
    gate.release()
    assert await loading
    gate = store.hold('put')
    put(session, 'a', 1)
    await gate.started.wait()
    await asyncio.sleep(2)
    gate.release()
    await session.flush()
    (read,), (write,) = record.answers['get'], record.answers['put']
    assert (read.count, read.longest, write.count, write.mean) == (1, pytest.approx(3), 1, pytest.approx(2))


def test_it_keeps_ten_minutes_of_answers_however_many_there_are() -> None:
    time = 0.0
    record = Record(lambda: time, {})
    for _ in range(10 * INTERVALS):
        for _ in range(3):
            record.answered('get', time - 0.01)
            time += INTERVAL / 3
    rows = record.answers['get']
    assert len(rows) == INTERVALS
    assert all(isinstance(row, Answers) and 2 <= row.count <= 4 for row in rows)
