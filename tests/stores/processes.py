"""Writers that are processes of their own; run by the tests as `python processes.py <scene> <folder> …`.

Children are forked from here, where nothing but this file and the store is loaded and no thread is running yet.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable

from nicegui_stash.errors import Conflict
from nicegui_stash.stores.base import ETag, Replace, StoredObject, replacing
from nicegui_stash.stores.file.files import FileStore
from nicegui_stash.stores.file.folder import Folder

SIZE = 200_000
"""Bytes of a body of `overwrite_forever`, all alike."""


def child(work: Callable[[], None]) -> int:
    """Fork a process that works and ends; return its id."""
    process = os.fork()
    if process == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return process


async def increment(folder: str, times: int) -> None:
    """Count up by one, as often as told, under the condition that nobody else came between."""
    store = FileStore(folder, lock_patience=300)  # a lock is no queue: on a busy machine one of eight waits long
    for _ in range(times):
        while True:
            found = await store.get('count')
            assert isinstance(found, StoredObject)
            try:
                await store.put('count', b'%d' % (int(found.body) + 1), mode=Replace(found.etag))
            except Conflict:
                continue
            break
    await store.aclose()


def increments(folder: str, processes: str, times: str) -> None:
    """Let processes count up together; fail if one of them failed."""
    Folder(folder).put('count', b'0', 'create')
    children = [child(lambda: asyncio.run(increment(folder, int(times)))) for _ in range(int(processes))]
    statuses = [os.waitpid(process, 0)[1] for process in children]
    assert not any(statuses), statuses


def overwrite_forever(folder: str, reports: int) -> None:
    """Overwrite one object with uniform bodies, telling after each put that it was done."""
    store = Folder(folder)
    found = store.read('x')
    etag: ETag | None = found.etag if isinstance(found, StoredObject) else None
    number = 0
    while True:
        number += 1
        etag = store.put('x', bytes([number % 256]) * SIZE, replacing(etag))
        os.write(reports, b'.')


def kill_in_a_loop(folder: str, times: str) -> None:
    """Kill a writing process after a few puts, again and again; print what is stored then: length, distinct bytes."""
    for number in range(int(times)):
        listen, reports = os.pipe()
        process = child(lambda reports=reports: overwrite_forever(folder, reports))
        os.close(reports)
        for _ in range(1 + number % 5):
            assert os.read(listen, 1) == b'.'
        os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        os.close(listen)
        assert os.WTERMSIG(status) == signal.SIGKILL, status
        found = Folder(folder).read('x')
        assert isinstance(found, StoredObject)
        print(len(found.body), len(set(found.body)))


def kill_at(folder: str, step: str) -> None:
    """Put an object, then be killed in the middle of a second put, right before or after one of its system calls."""
    when, _, name = step.partition('-')
    store = Folder(folder)
    etag = store.put('x', b'old', 'create')

    def work() -> None:
        real = getattr(os, name)

        def deadly(*args: object, **options: object) -> object:
            if when == 'after':
                real(*args, **options)
            os.kill(os.getpid(), signal.SIGKILL)
            signal.pause()
            return None

        setattr(os, name, deadly)
        store.put('x', b'new', Replace(etag))

    _, status = os.waitpid(child(work), 0)
    assert os.WTERMSIG(status) == signal.SIGKILL, status


def fork_within_a_put(folder: str) -> None:
    """Put an object again while a process that was forked during the first put is still there."""
    store = Folder(folder, lock_patience=0.5)
    etag = store.put('x', b'zero', 'create')  # so that the next fsync is that of a body, under the lock
    children: list[int] = []
    real = os.fsync

    def forking(file: int) -> None:
        if not children:
            children.append(child(signal.pause))
        real(file)

    os.fsync = forking
    try:
        etag = store.put('x', b'one', Replace(etag))
        store.put('x', b'two', Replace(etag))
    finally:
        for process in children:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)


if __name__ == '__main__':
    scenes: dict[str, Callable[..., None]] = {
        'increments': increments,
        'kill_in_a_loop': kill_in_a_loop,
        'kill_at': kill_at,
        'fork_within_a_put': fork_within_a_put,
    }
    scenes[sys.argv[1]](*sys.argv[2:])
