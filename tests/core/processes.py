"""Servers that are processes of their own; run by the tests as `python -m tests.core.processes <scene> <url> …`.

Each is forked from here, where everything is loaded and no thread is running yet.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import json
import os
import random
import signal
import sqlite3
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from nicegui_stash.errors import StoreError
from nicegui_stash.model.document import SESSION_PART, SliceId
from nicegui_stash.model.limits import Policy
from nicegui_stash.session.keys import Keys
from nicegui_stash.session.registry import Registry
from nicegui_stash.session.session import Session
from nicegui_stash.stores.opening import open_store
from tests.stores.sqlite_processes import stop_at

COUNTER = SliceId('Counter', 1)


def put(session: Session, name: str, value: object) -> None:
    session.set(COUNTER, SESSION_PART, name, msgspec.Raw(msgspec.json.encode(value)))


def fork(work: Callable[[Session], Awaitable[None]], url: str) -> int:
    """Fork a server that loads the session, works on it and ends; return its process id."""
    process = os.fork()
    if process == 0:
        status = 1
        try:
            asyncio.run(serve(work, url))
            status = 0
        finally:
            os._exit(status)
    return process


async def serve(work: Callable[[Session], Awaitable[None]], url: str) -> None:
    store = open_store(url)
    policy = Policy(flush_interval=min(store.flush_interval, 0.01))
    session = Registry(store, Keys(['a secret']), policy).session('an id')
    if not await session.load(300):
        raise AssertionError(session.problem)
    await work(session)
    await store.aclose()


def tell(*answers: object) -> None:
    sys.stdout.write(' '.join(map(str, answers)) + '\n')


def stored(url: str) -> dict[str, Any]:
    """What a fresh process reads."""
    listen, report = os.pipe()

    async def look(session: Session) -> None:
        found = session.document.slice(COUNTER)
        values = {name: msgspec.json.decode(raw) for name, raw in (found.data if found else {}).items()}
        with os.fdopen(report, 'w') as answer:
            json.dump(values, answer)

    process = fork(look, url)
    os.close(report)
    with os.fdopen(listen) as answer:
        values = json.load(answer)
    if os.waitpid(process, 0)[1] != 0:
        raise AssertionError
    return values


def die_after_flush(url: str, rounds: str) -> None:
    """Change, flush, and die at once; return how many values a fresh process did not find, and how many it did."""
    values: set[str] = set()
    lost = 0
    for number in range(int(rounds)):
        value = uuid.uuid4().hex

        async def work(session: Session, name: str = f'field-{number % 10}', value: str = value) -> None:
            put(session, name, value)
            await session.flush()
            os.kill(os.getpid(), signal.SIGKILL)

        _, status = os.waitpid(fork(work, url), 0)
        if os.WTERMSIG(status) != signal.SIGKILL:
            raise AssertionError(status)
        found = stored(url)[f'field-{number % 10}']
        lost += found != value
        values.add(found)
    tell(lost, len(values))


def die_at_any_time(url: str, rounds: str) -> None:
    """Kill a server that changes and flushes all the time; return the numbers of lost flushes and of all flushes."""
    dice = random.Random(1)
    lost = flushed = 0
    for place in (f'{url}-{number}' for number in range(int(rounds))):
        listen, report = os.pipe()

        async def work(session: Session, report: int = report) -> None:
            number = 0
            while True:
                number += 1
                put(session, 'count', number)
                put(session, f'field-{number % 7}', [number] * number)
                await session.flush()
                os.write(report, b'.')
                put(session, 'unflushed', number)

        process = fork(work, place)
        os.close(report)
        durable = sum(len(os.read(listen, 1)) for _ in range(dice.randrange(1, 6)))
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        durable += len(os.read(listen, 1000))
        os.close(listen)
        found = stored(place)  # the last flush may be in the store and not told
        whole = found[f'field-{durable % 7}'] == [durable] * durable
        lost += not whole or found['count'] not in (durable, durable + 1)
        flushed += durable
    tell(lost, flushed)


def write_together(url: str, servers: str, changes: str) -> None:
    """Let servers change one session together; return the stored JSON."""

    def server(name: int) -> int:
        async def work(session: Session) -> None:
            for number in range(int(changes)):
                put(session, f'server-{name}-field-{number % 50}', f'{name}-{number}')
                put(session, f'server-{name}-change-{number}', f'{name}-{number}')
                if number % 10 == 0:
                    await session.flush()
                await asyncio.sleep(0.001)
            await session.flush()

        return fork(work, url)

    statuses = [os.waitpid(process, 0)[1] for process in [server(name) for name in range(int(servers))]]
    if any(statuses):
        raise AssertionError(statuses)
    tell(json.dumps(stored(url)))


def die_unflushed(url: str, rounds: str) -> None:
    """Change without a flush, wait for two group commits, and die; return how many values a fresh process missed.

    Another field changes all the time, so that commits follow one another: that which is under way at the change, and
    the next one, which has it.
    """
    commits = [0]

    class Counted(sqlite3.Connection):
        def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
            done = super().execute(sql, *arguments)
            commits[0] += sql == 'COMMIT'
            return done

    sqlite3.connect = functools.partial(sqlite3.connect, factory=Counted)  # type: ignore[assignment]
    dice = random.Random(1)
    lost = 0

    async def make(session: Session) -> None:  # or the commit that makes the table would count
        put(session, 'step', 0)
        await session.flush()

    os.waitpid(fork(make, url), 0)
    for number in range(int(rounds)):
        pause = dice.random() * 0.03

        async def work(session: Session, number: int = number, pause: float = pause) -> None:
            async def change() -> None:
                for step in itertools.count():
                    put(session, 'step', step)
                    await asyncio.sleep(0.001)

            changing = asyncio.create_task(change())
            await asyncio.sleep(pause)
            put(session, f'field-{number % 10}', number)
            before = commits[0]
            while commits[0] < before + 2:
                await asyncio.sleep(0)
            os.kill(os.getpid(), signal.SIGKILL)
            await changing

        _, status = os.waitpid(fork(work, url), 0)
        if os.WTERMSIG(status) != signal.SIGKILL:
            raise AssertionError(status)
        lost += stored(url).get(f'field-{number % 10}') != number
    tell(lost)


SHAPES: tuple[Callable[[int], Any], ...] = (
    lambda number: number,
    lambda number: f'text {number} \u00e4\u6f22\U0001f600 ' * (number % 50),
    lambda number: number / 7,
    lambda number: [number] * (number % 300),
    lambda number: {'number': number, 'nested': [{'is': number % 2 == 0, 'none': None}] * (number % 20)},
    lambda number: None if number % 3 else number,
    lambda number: number % 2 == 0,
)
"""Values of several types, each made of one number."""


def die_torn(url: str, rounds: str) -> None:
    """Kill a server that changes fields of several types together; return how often they were not of one change."""
    dice = random.Random(1)
    torn, seen = 0, set[int]()
    for _ in range(int(rounds)):
        listen, report = os.pipe()

        async def work(session: Session, report: int = report, *, is_first: bool = True) -> None:
            found = session.document.slice(COUNTER)
            number = msgspec.json.decode(found.data['f0']) if found else 0
            while True:
                number += 1
                for place, shape in enumerate(SHAPES):
                    put(session, f'f{place}', shape(number))
                if is_first:  # so that each life leaves something, however little time it has
                    await session.flush()
                    is_first = False
                    os.write(report, b'.')
                await asyncio.sleep(0.0005)

        process = fork(work, url)
        os.close(report)
        os.read(listen, 1)
        time.sleep(dice.random() * 0.04)
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        os.close(listen)
        values = stored(url)
        torn += values != {f'f{place}': shape(values['f0']) for place, shape in enumerate(SHAPES)}
        seen.add(values['f0'])
    tell(torn, len(seen))


def stand_still(url: str, seconds: str) -> None:
    """Freeze a server while it holds the lock, for so long; tell what another one did then, and what is stored."""

    async def frozen(session: Session) -> None:
        stop_at('BEGIN IMMEDIATE', signal.SIGSTOP, after=True)
        put(session, 'frozen', 'put by the one that stood still')
        await session.flush()

    async def other(session: Session) -> None:
        failures = 0
        put(session, 'other', 1)
        while session.pending:
            try:
                await session.flush()
            except StoreError:
                failures += 1
                put(session, 'other', 1 + failures)
                os.write(report, b'.')
        put(session, 'failures', failures)
        await session.flush()

    process = fork(frozen, url)
    _, status = os.waitpid(process, os.WUNTRACED)
    begin = time.monotonic()
    listen, report = os.pipe()
    working = fork(other, url)
    os.close(report)
    if not os.read(listen, 1):
        raise AssertionError('the other one ended without a failure')
    time.sleep(max(0.0, float(seconds) - (time.monotonic() - begin)))
    os.kill(process, signal.SIGCONT)
    statuses = [os.waitpid(one, 0)[1] for one in (process, working)]
    found = stored(url)
    is_whole = found['other'] == 1 + found['failures'] and found['frozen'].startswith('put by')
    tell(os.WIFSTOPPED(status), statuses, found['failures'] > 0, is_whole)


def show(url: str) -> None:
    """Tell what a fresh process reads, as JSON."""
    tell(json.dumps(stored(url)))


if __name__ == '__main__':
    scenes: dict[str, Callable[..., None]] = {
        'die_after_flush': die_after_flush,
        'die_at_any_time': die_at_any_time,
        'die_torn': die_torn,
        'die_unflushed': die_unflushed,
        'write_together': write_together,
        'show': show,
        'stand_still': stand_still,
    }
    scenes[sys.argv[1]](*sys.argv[2:])
