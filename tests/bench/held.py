"""How long the event loop is held by a put of 500 KB: the longest gap that a task sees which asks for every turn."""

from __future__ import annotations

import asyncio
import resource
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import perf_counter
from typing import Any

from nicegui import app, ui

from nicegui_stash import Stash, stored

from .documents import Filled
from .measure import Row, Target, without_garbage_collection
from .simulation import new_browser, open_page, serving, storage_of, written_by_nicegui

SIZE = 500_000
opened: list[Any] = []


def declare(folder: Path) -> Stash:
    stash = Stash(str(folder / 'stash'), flush_interval=0.0)

    @stash.page('/')
    class Form(Filled):
        count: int = stored(0)

        def build(self) -> None:
            ui.label('a form')
            opened.append(self)

    return stash


def preemptions() -> int:
    """Return how often the kernel took the CPU away from this thread, where it counts that."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nivcsw if sys.platform == 'linux' else 0


async def longest_gap(work: Callable[[], Awaitable[Any]]) -> float:
    """Return in ms the longest time between two turns of a busy task while some work goes on.

    A turn in which another process was given the CPU is left out: it says something about that one.
    """
    gaps, done = [0.0], False

    async def tick() -> None:
        last, taken = perf_counter(), preemptions()
        while not done:
            await asyncio.sleep(0)
            now, taken_now = perf_counter(), preemptions()
            if taken_now == taken:
                gaps.append(now - last)
            last, taken = perf_counter(), taken_now

    ticker = asyncio.create_task(tick())
    await asyncio.sleep(0)
    await work()
    done = True
    await ticker
    return max(gaps) * 1000


async def measure(folder: Path, rounds: int) -> list[Row]:
    """Change one number beside 500 KB of text and wait until it is stored, in turns; and wait as long for nothing."""
    async with serving(lambda: declare(folder)) as stash:
        client = await open_page(new_browser(), '/')
        page = opened[-1]
        page.fill(SIZE)
        await stash.flush(page)
        numbers = iter(range(1, 10**9))

        async def put() -> None:
            page.count = next(numbers)
            await stash.flush(page)

        async def write() -> None:
            app.storage.user['count'] = next(numbers)
            await asyncio.sleep(0)
            await written_by_nicegui()

        async def nothing() -> None:
            await asyncio.sleep(0.005)

        ours, theirs, idle = [], [], []
        with storage_of(client):
            app.storage.user['text'] = 'x' * SIZE
            await written_by_nicegui()
            for _ in range(rounds):
                with without_garbage_collection():
                    idle.append(await longest_gap(nothing))
                    ours.append(await longest_gap(put))
                    theirs.append(await longest_gap(write))
    return [
        Row('event loop held by a put of 500 KB', 'ms', ours, theirs, 'app.storage.user', Target('value', 1.0)),
        Row('event loop held by a put of 500 KB', 'ms', ours, idle, 'nothing going on'),
    ]
