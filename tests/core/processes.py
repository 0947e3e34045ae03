"""Servers that are processes of their own; run by the tests as `python -m tests.core.processes <scene> <url> …`.

Each is forked from here, where everything is loaded and no thread is running yet.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from nicegui_stash.model.document import SESSION_PART, SliceId
from nicegui_stash.model.limits import Policy
from nicegui_stash.session.keys import Keys
from nicegui_stash.session.registry import Registry
from nicegui_stash.session.session import Session
from nicegui_stash.stores.opening import open_store

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
    session = Registry(store, Keys(['a secret']), Policy(flush_interval=0.01)).session('an id')
    if not await session.load(30):
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


def show(url: str) -> None:
    """Tell what a fresh process reads, as JSON."""
    tell(json.dumps(stored(url)))


if __name__ == '__main__':
    scenes: dict[str, Callable[..., None]] = {
        'die_after_flush': die_after_flush,
        'die_at_any_time': die_at_any_time,
        'write_together': write_together,
        'show': show,
    }
    scenes[sys.argv[1]](*sys.argv[2:])
