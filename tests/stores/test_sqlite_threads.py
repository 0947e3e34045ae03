"""Group commit, and that neither the event loop nor a reader ever waits for the disk."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nicegui_stash.errors import Conflict, Unavailable
from nicegui_stash.stores import Replace, SQLiteStore, StoredObject
from nicegui_stash.stores.sqlite import batches

from .sqlite_watching import PATIENCE, Gate, real_connect, statements, watch

__all__ = ['statements']


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SQLiteStore]:
    store = SQLiteStore(tmp_path / 'stash.db', lock_patience=PATIENCE)
    store.check()
    yield store
    await store.aclose()


@pytest.fixture
def gate(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> Gate:
    """Where the first commit of the store waits."""
    gate = Gate()
    monkeypatch.setattr(sqlite3, 'connect', watch(before=gate)[1])
    return gate


async def reached(gate: Gate) -> None:
    assert await asyncio.to_thread(gate.reached.wait, PATIENCE)


def stash_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith('stash-')}


@pytest.mark.proves('flush')
async def test_all_puts_that_wait_are_committed_at_once(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate()
    watching, connect = watch(before=gate)
    monkeypatch.setattr(sqlite3, 'connect', connect)
    first = asyncio.create_task(store.put('first', b'', mode='create'))
    await reached(gate)
    waiting = [asyncio.create_task(store.put(f'k{number}', b'body', mode='create')) for number in range(500)]
    await asyncio.sleep(0)  # each of them has its turn
    gate.open()
    await asyncio.gather(first, *waiting)
    assert watching.statements.count('BEGIN IMMEDIATE') == watching.statements.count('COMMIT') == 2


async def test_all_puts_of_one_turn_of_the_event_loop_are_one_commit(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    watching, connect = watch()
    monkeypatch.setattr(sqlite3, 'connect', connect)
    await store.put('first', b'', mode='create')  # opens the file
    watching.statements.clear()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # the thread takes the interpreter as soon as it has anything to do
    try:
        await asyncio.gather(*(store.put(f'k{number}', b'body', mode='create') for number in range(500)))
    finally:
        sys.setswitchinterval(interval)
    assert watching.statements.count('COMMIT') == 1


async def test_what_was_asked_in_the_turn_in_which_a_store_is_closed_is_done(store: SQLiteStore) -> None:
    putting = asyncio.create_task(store.put('k', b'body', mode='create'))
    await asyncio.sleep(0)  # asked, and not handed over yet
    await store.aclose()
    assert await putting
    again = SQLiteStore(store._database.path)
    assert [row.key async for row in again.list()] == ['k']
    await again.aclose()


async def test_of_two_changes_in_one_commit_each_has_its_own_answer(store: SQLiteStore, gate: Gate) -> None:
    first = asyncio.create_task(store.put('first', b'', mode='create'))
    await reached(gate)
    puts = [asyncio.create_task(store.put('x', body, mode='create')) for body in (b'one', b'two')]
    others = [asyncio.create_task(store.delete('first')), asyncio.create_task(store.put('y', b'', mode='create'))]
    await asyncio.sleep(0)
    gate.open()
    won, lost = await asyncio.gather(*puts, return_exceptions=True)
    await asyncio.gather(first, *others)
    assert isinstance(lost, Conflict)
    assert await store.get('x') == StoredObject(b'one', won)
    assert await store.get('first') is None


async def test_a_commit_takes_no_more_than_its_bytes(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, 'MOST_BYTES', 10)
    gate = Gate()
    watching, connect = watch(before=gate)
    monkeypatch.setattr(sqlite3, 'connect', connect)
    first = asyncio.create_task(store.put('first', b'', mode='create'))
    await reached(gate)
    waiting = [asyncio.create_task(store.put(f'k{number}', b'12345', mode='create')) for number in range(6)]
    await asyncio.sleep(0)
    gate.open()
    await asyncio.gather(first, *waiting)
    assert watching.statements.count('COMMIT') == 1 + 3


@pytest.mark.proves('slow-store')
async def test_neither_the_event_loop_nor_a_read_waits_for_a_commit(store: SQLiteStore, gate: Gate) -> None:
    put = asyncio.create_task(store.put('x', b'body', mode='create'))
    await reached(gate)
    assert await store.get('x') is None
    assert [row async for row in store.list()] == []
    assert not put.done()
    gate.open()
    etag = await put
    assert await store.get('x') == StoredObject(b'body', etag)


async def test_a_put_that_was_cancelled_before_its_turn_is_dropped_and_one_under_way_is_made(
    store: SQLiteStore, gate: Gate
) -> None:
    under_way = asyncio.create_task(store.put('under-way', b'', mode='create'))
    await reached(gate)
    waiting = asyncio.create_task(store.put('waiting', b'', mode='create'))
    await asyncio.sleep(0)
    for put in (under_way, waiting):
        put.cancel()
        with pytest.raises(asyncio.CancelledError):
            await put
    gate.open()
    await store.put('later', b'', mode='create')
    assert [row.key async for row in store.list()] == ['later', 'under-way']


async def test_closing_waits_for_a_put_whose_caller_was_cancelled(
    store: SQLiteStore, tmp_path: Path, gate: Gate
) -> None:
    put = asyncio.create_task(store.put('x', b'body', mode='create'))
    await reached(gate)
    put.cancel()
    with pytest.raises(asyncio.CancelledError):
        await put
    closing = asyncio.create_task(store.aclose())
    gate.open()
    await closing
    assert [path.name for path in tmp_path.iterdir()] == ['stash.db'], 'the log was moved into the file'
    other = SQLiteStore(tmp_path / 'stash.db')
    assert [row.key async for row in other.list()] == ['x']
    await other.aclose()


async def test_a_closed_store_has_no_threads_and_says_that_it_is_closed(tmp_path: Path) -> None:
    before = stash_threads()
    store = SQLiteStore(tmp_path / 'other.db')
    await store.put('x', b'body', mode='create')
    await store.get('x')
    assert len(stash_threads() - before) == 2
    await store.aclose()
    assert stash_threads() <= before
    with pytest.raises(Unavailable, match='closed'):
        await store.get('x')
    await store.aclose()


async def test_the_threads_of_a_store_that_nobody_closed_end_with_it(tmp_path: Path) -> None:
    before = stash_threads()
    store = SQLiteStore(tmp_path / 'other.db')
    await store.put('x', b'body', mode='create')
    await store.get('x')
    started = stash_threads() - before
    del store
    for thread in started:
        await asyncio.to_thread(thread.join, PATIENCE)
    assert stash_threads() <= before


def test_a_store_outlives_its_event_loop(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / 'stash.db')
    etag = asyncio.run(store.put('x', b'one', mode='create'))
    asyncio.run(store.put('x', b'two', mode=Replace(etag)))
    found = asyncio.run(store.get('x'))
    asyncio.run(store.aclose())
    assert isinstance(found, StoredObject)
    assert found.body == b'two'


async def test_a_lock_that_nobody_gives_back_makes_a_put_unavailable_and_no_read(
    store: SQLiteStore, tmp_path: Path
) -> None:
    etag = await store.put('x', b'one', mode='create')
    impatient = SQLiteStore(tmp_path / 'stash.db', lock_patience=0.05)
    holder = real_connect(tmp_path / 'stash.db', isolation_level=None)
    holder.execute('BEGIN IMMEDIATE')
    with pytest.raises(Unavailable, match='another process holds the lock'):
        await impatient.put('x', b'two', mode=Replace(etag))
    assert await impatient.get('x') == StoredObject(b'one', etag)
    waiting = asyncio.create_task(store.put('x', b'three', mode=Replace(etag)))
    await asyncio.sleep(0)
    holder.execute('ROLLBACK')
    holder.close()
    etag = await waiting
    assert await store.get('x') == StoredObject(b'three', etag)
    await impatient.aclose()


async def test_a_lock_that_is_held_at_the_start_does_not_keep_the_app_from_starting(
    store: SQLiteStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    holder = real_connect(tmp_path / 'stash.db', isolation_level=None)
    holder.execute('BEGIN IMMEDIATE')
    impatient = SQLiteStore(tmp_path / 'stash.db', lock_patience=0.05)
    impatient.check()
    holder.close()
    assert 'another process holds the lock' in caplog.text
    await impatient.aclose()


async def test_a_listing_has_the_order_of_the_keys_over_several_reads(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('nicegui_stash.stores.sqlite.store._LIST_CHUNK', 7)
    keys = [f'{number % 3}/{number}-{letter}' for number in range(20) for letter in 'aZ_.9']
    await asyncio.gather(*(store.put(key, key.encode(), mode='create') for key in keys))
    rows = [row async for row in store.list()]
    assert [row.key for row in rows] == sorted(keys)
    assert [row.size for row in rows] == [len(row.key) for row in rows]
    assert [row.key async for row in store.list('1/1')] == sorted(key for key in keys if key.startswith('1/1'))


async def test_an_error_that_nobody_foresaw_is_answered_and_leaves_no_transaction(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ArithmeticError

    with monkeypatch.context() as patch:
        patch.setattr('nicegui_stash.stores.sqlite.writing._make', broken)
        with pytest.raises(ArithmeticError):
            await store.put('x', b'one', mode='create')
    await store.put('x', b'two', mode='create')


async def test_an_idle_session_asks_for_no_body(store: SQLiteStore, statements: list[str]) -> None:
    etag = await store.put('x', b'body', mode='create')
    await store.get('x', unless=etag)
    (sql,) = [sql for sql in statements if 'SELECT etag' in sql]
    with real_connect(store._database.path) as connection:
        assert connection.execute(sql, (etag, 'x')).fetchone() == (etag, None)
    connection.close()
