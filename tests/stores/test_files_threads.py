from __future__ import annotations

import asyncio
import fcntl
import os
import threading
from pathlib import Path

import pytest

from nicegui_stash.errors import Unavailable
from nicegui_stash.stores import FileStore, Replace, StoredObject

PATIENCE = 300
"""Seconds after which a thread at a gate goes on, so that a broken store fails a test and does not hang it."""


async def test_a_reader_never_sees_a_torn_body(files: FileStore, folder: Path) -> None:
    size = 300_000
    etag = await files.put('x', b'a' * size, mode='create')
    reader = FileStore(folder)
    done = asyncio.Event()
    seen = set[bytes]()

    async def read() -> None:
        while not done.is_set():
            found = await reader.get('x')
            assert isinstance(found, StoredObject)
            assert len(found.body) == size
            assert found.body.count(found.body[:1]) == size
            seen.add(found.body[:1])

    readers = [asyncio.create_task(read()) for _ in range(3)]
    number = 0
    while number < 150 or len(seen) < 2:
        number += 1
        etag = await files.put('x', bytes([ord('a') + number % 26]) * size, mode=Replace(etag))
    done.set()
    await asyncio.gather(*readers)
    await reader.aclose()


@pytest.mark.proves('slow-store')
async def test_a_put_does_not_hold_the_event_loop(files: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    at_the_disk = threading.Event()
    real = os.fsync

    def slow(file: int) -> None:
        at_the_disk.set()
        gate.wait(PATIENCE) or gate.set()
        real(file)

    monkeypatch.setattr(os, 'fsync', slow)
    puts = [asyncio.create_task(files.put(f'k{number}', b'body', mode='create')) for number in range(20)]
    assert await asyncio.to_thread(at_the_disk.wait, PATIENCE)
    # Every writer is stuck, or will be; reads have threads of their own.
    assert await files.get('other') is None
    assert not any(put.done() for put in puts)
    gate.set()
    await asyncio.gather(*puts)


async def test_closing_waits_for_a_put_whose_caller_was_cancelled(
    files: FileStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    at_the_disk = threading.Event()
    real = os.replace

    def slow(source: str, target: str) -> None:
        at_the_disk.set()
        gate.wait(PATIENCE) or gate.set()
        real(source, target)

    monkeypatch.setattr(os, 'replace', slow)
    put = asyncio.create_task(files.put('x', b'body', mode='create'))
    assert await asyncio.to_thread(at_the_disk.wait, PATIENCE)
    put.cancel()
    with pytest.raises(asyncio.CancelledError):
        await put
    assert not (folder / 'x').exists()
    closing = asyncio.create_task(files.aclose())
    gate.set()
    await closing
    assert (folder / 'x').read_bytes() == b'body'


async def test_a_closed_store_has_no_threads(folder: Path) -> None:
    before = {thread for thread in threading.enumerate() if thread.name.startswith('stash-')}
    store = FileStore(folder)
    await store.put('x', b'body', mode='create')
    await store.get('x')
    assert {thread for thread in threading.enumerate() if thread.name.startswith('stash-')} - before
    await store.aclose()
    assert {thread for thread in threading.enumerate() if thread.name.startswith('stash-')} <= before


def test_a_store_outlives_its_event_loop(folder: Path) -> None:
    store = FileStore(folder)
    etag = asyncio.run(store.put('x', b'one', mode='create'))
    asyncio.run(store.put('x', b'two', mode=Replace(etag)))
    found = asyncio.run(store.get('x'))
    asyncio.run(store.aclose())
    assert isinstance(found, StoredObject)
    assert found.body == b'two'


async def test_a_lock_that_nobody_gives_back_makes_a_put_unavailable(folder: Path) -> None:
    patient, impatient = FileStore(folder), FileStore(folder, lock_patience=0.05)
    etag = await patient.put('x', b'one', mode='create')
    (lock,) = (folder / '@locks').iterdir()
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Unavailable, match='held by somebody else'):
            await impatient.put('x', b'two', mode=Replace(etag))
        assert await impatient.get('x') == StoredObject(b'one', etag)
        waiting = asyncio.create_task(patient.put('x', b'three', mode=Replace(etag)))
        fcntl.flock(held, fcntl.LOCK_UN)
        await waiting
    assert (folder / 'x').read_bytes() == b'three'
    await patient.aclose()
    await impatient.aclose()
