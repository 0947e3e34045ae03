"""Servers on one database that are processes of their own; run as `python -m tests.stores.sqlite_processes <scene> …`.

Children are forked from here, where nothing but this file and the store is loaded and no thread is running yet.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable

from nicegui_stash.errors import Conflict, Unavailable
from nicegui_stash.stores import SQLiteStore
from nicegui_stash.stores.base import ETag, StoredObject, replacing

from .sqlite_watching import watch

SIZE = 20_000
"""Bytes of a body of `kill_in_a_loop`, all alike."""
AT_ONCE = 20
"""Puts that wait together there."""


def child(work: Callable[[], Awaitable[None]]) -> int:
    """Fork a process that works and ends; return its id."""
    process = os.fork()
    if process == 0:
        status = 1
        try:
            asyncio.run(work())
            status = 0
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            os._exit(status)
    return process


def finished(processes: list[int]) -> None:
    statuses = [os.waitpid(process, 0)[1] for process in processes]
    assert not any(statuses), statuses


async def stored(store: SQLiteStore, key: str) -> StoredObject:
    found = await store.get(key)
    assert isinstance(found, StoredObject), key
    return found


async def increment(store: SQLiteStore, times: int) -> None:
    """Count up by one, as often as told, under the condition that nobody else came between."""
    for _ in range(times):
        while True:
            found = await store.get('count')
            count = int(found.body) if isinstance(found, StoredObject) else 0
            etag = found.etag if isinstance(found, StoredObject) else None
            try:
                await store.put('count', b'%d' % (count + 1), mode=replacing(etag))
            except Conflict:
                continue
            break


def increments(path: str, processes: str, times: str) -> None:
    """Let processes that all make the database count up together; print the sum."""

    async def work() -> None:
        store = SQLiteStore(path, lock_patience=300)
        await increment(store, int(times))
        await store.aclose()

    finished([child(work) for _ in range(int(processes))])
    show(path, 'count')


def show(path: str, key: str) -> None:
    """Print an object, read by a process of its own."""

    async def look() -> None:
        store = SQLiteStore(path)
        sys.stdout.write((await stored(store, key)).body.decode() + '\n')
        sys.stdout.flush()
        await store.aclose()

    finished([child(look)])


def creates(path: str, processes: str, rounds: str) -> None:
    """Let processes create the same objects; print who won each, and what is stored."""
    listen, report = os.pipe()
    start, starts = os.pipe()

    async def work(name: str) -> None:
        store = SQLiteStore(path, lock_patience=300)
        os.close(starts)
        os.read(start, 1)  # ends when all are there
        for number in range(int(rounds)):
            try:
                await store.put(f'k{number}', name.encode(), mode='create')
            except Conflict:
                continue
            os.write(report, f'{number} {name}\n'.encode())
        await store.aclose()

    children = [child(lambda name=f'racer-{number}': work(name)) for number in range(int(processes))]
    os.close(starts)
    os.close(report)
    with os.fdopen(listen) as reports:
        won = sorted(reports.read().splitlines(), key=lambda line: int(line.split()[0]))
    finished(children)

    async def look() -> None:
        store = SQLiteStore(path)
        kept = [f'{number} {(await stored(store, f"k{number}")).body.decode()}' for number in range(int(rounds))]
        sys.stdout.write(f'{len(won)} {won == kept}\n')
        sys.stdout.flush()
        await store.aclose()

    finished([child(look)])


def kill_in_a_loop(path: str, times: str) -> None:
    """Kill a process with many puts under way, again and again; print how many answered ones are lost, or torn."""
    dice = random.Random(1)
    lost = torn = answered = 0

    async def overwrite(report: int) -> None:
        store = SQLiteStore(path)

        async def one(key: str) -> None:
            found = await store.get(key)
            etag = found.etag if isinstance(found, StoredObject) else None
            number = found.body[0] if isinstance(found, StoredObject) else 0
            while True:
                number = (number + 1) % 256
                etag = await store.put(key, bytes([number]) * SIZE, mode=replacing(etag))
                os.write(report, bytes([int(key), number]))

        await asyncio.gather(*(one(str(key)) for key in range(AT_ONCE)))

    for _ in range(int(times)):
        listen, report = os.pipe()
        process = child(lambda report=report: overwrite(report))
        os.close(report)
        told = b''.join(os.read(listen, 2) for _ in range(dice.randrange(1, 100)))
        os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        assert os.WTERMSIG(status) == signal.SIGKILL, status
        with os.fdopen(listen, 'rb') as rest:
            told += rest.read()
        latest = dict(zip(told[::2], told[1::2], strict=True))
        answered += len(latest)
        back, answer = os.pipe()

        async def look(answer: int = answer, latest: dict[int, int] = latest) -> None:
            store = SQLiteStore(path)
            missing = broken = 0
            for key, number in latest.items():
                body = (await stored(store, str(key))).body
                broken += body != body[:1] * SIZE
                missing += body[0] not in {number, (number + 1) % 256}  # the last put may be stored and not answered
            os.write(answer, bytes([missing, broken]))
            await store.aclose()

        finished([child(look)])
        os.close(answer)
        with os.fdopen(back, 'rb') as counts:
            missing, broken = counts.read()
        lost, torn = lost + missing, torn + broken
    sys.stdout.write(f'{lost} {torn} {answered >= int(times)}\n')


def stop_at(statement: str, how: signal.Signals, *, after: bool) -> None:
    """Let this process send itself a signal at the first such statement, and execute nothing after it.

    It goes to the thread that executes: one for the process may reach another thread first, and this one commits.
    """
    done: list[str] = []

    def act(sql: str) -> None:
        if sql == statement and not done:
            done.append(sql)
            signal.pthread_kill(threading.get_ident(), how)

    sqlite3.connect = watch(**{'after' if after else 'before': act})[1]


def kill_at(path: str, when: str, statement: str) -> None:
    """Put an object; kill a process in the middle of a second put; print what is stored, and that a third one works."""

    async def first() -> None:
        store = SQLiteStore(path)
        await store.put('x', b'old', mode='create')
        await store.aclose()

    async def second() -> None:
        store = SQLiteStore(path)
        found = await stored(store, 'x')
        stop_at(statement, signal.SIGKILL, after=when == 'after')
        await store.put('x', b'new', mode=replacing(found.etag))

    async def third() -> None:
        store = SQLiteStore(path, lock_patience=1)
        found = await stored(store, 'x')
        await store.put('x', found.body + b' and next', mode=replacing(found.etag))
        await store.aclose()

    finished([child(first)])
    _, status = os.waitpid(child(second), 0)
    assert os.WTERMSIG(status) == signal.SIGKILL, status
    finished([child(third)])
    show(path, 'x')


def freeze(path: str, statement: str) -> None:
    """Stop a process at a statement of its put; print what another one can do then, and what both have done at last."""

    async def first() -> None:
        store = SQLiteStore(path)
        await store.put('x', b'0', mode='create')
        await store.aclose()

    async def frozen() -> None:
        store = SQLiteStore(path)
        await stored(store, 'x')  # so that only the connection that writes is opened from now on
        stop_at(statement, signal.SIGSTOP, after=True)
        await increment_x(store)
        await store.aclose()

    async def other() -> None:
        store = SQLiteStore(path, lock_patience=0.3)
        try:
            await increment_x(store)
            told = 'put'
        except Unavailable:
            told = 'unavailable'
        sys.stdout.write(f'{told}, read {(await stored(store, "x")).body.decode()}\n')
        sys.stdout.flush()
        await store.aclose()

    async def increment_x(store: SQLiteStore) -> None:
        while True:
            found = await stored(store, 'x')
            try:
                await store.put('x', b'%d' % (int(found.body) + 1), mode=replacing(found.etag))
            except Conflict:
                continue
            return

    finished([child(first)])
    process = child(frozen)
    _, status = os.waitpid(process, os.WUNTRACED)
    assert os.WIFSTOPPED(status), status
    finished([child(other)])
    os.kill(process, signal.SIGCONT)
    finished([process])
    finished([child(other)])


def fork_with_an_open_store(path: str, processes: str, times: str) -> None:
    """Fork while the store is open and puts are under way; let all count up with what they inherited; print the sum."""

    async def work() -> None:
        store = SQLiteStore(path, lock_patience=300)
        await increment(store, 1)
        counting = asyncio.create_task(increment(store, int(times)))
        children: list[int] = []
        for _ in range(int(processes)):
            await store.get('count')
            process = os.fork()
            if process == 0:
                _go_on_in_the_child(store, int(times))
            children.append(process)
        await counting
        for process in children:
            _, status = await asyncio.to_thread(os.waitpid, process, 0)
            assert status == 0, status
        assert await store.advice() == []
        await store.aclose()

    finished([child(work)])
    show(path, 'count')


def _go_on_in_the_child(store: SQLiteStore, times: int) -> None:
    status = 1
    try:
        asyncio.events._set_running_loop(None)  # of the parent
        asyncio.set_event_loop(asyncio.new_event_loop())

        async def work() -> None:
            await increment(store, times)
            await store.aclose()

        asyncio.get_event_loop().run_until_complete(work())
        status = 0
    finally:
        os._exit(status)


async def _put_together(path: str) -> None:
    store = SQLiteStore(path)
    store.check()
    await store.get('x')
    etag = await store.put('alone', b'body', mode='create')
    os.write(1, b'alone is durable\n')
    await asyncio.gather(
        store.put('alone', b'again', mode=replacing(ETag(etag))),
        *(store.put(f'k{number}', b'body' * 300, mode='create') for number in range(100)),
    )
    os.write(1, b'all are durable\n')
    await store.aclose()


def put_together(path: str) -> None:
    """Put one object, then a hundred at once, and say when they are durable; for strace."""
    asyncio.run(_put_together(path))


if __name__ == '__main__':
    scenes: dict[str, Callable[..., None]] = {
        'increments': increments,
        'creates': creates,
        'kill_in_a_loop': kill_in_a_loop,
        'kill_at': kill_at,
        'freeze': freeze,
        'fork_with_an_open_store': fork_with_an_open_store,
        'put_together': put_together,
    }
    scenes[sys.argv[1]](*sys.argv[2:])
