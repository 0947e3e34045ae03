"""A thousand changes at 1 ms intervals into a 50 KB document: puts, what they cost, how soon the first is safe."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from nicegui import app, ui
from nicegui.persistence import file_persistent_dict

from nicegui_stash import Stash, stored
from nicegui_stash.stores import Mode
from nicegui_stash.stores.file.files import FileStore

from .documents import Filled
from .measure import Row, Target, without_garbage_collection
from .simulation import new_browser, open_page, serving, storage_of, until, written_by_nicegui

CHANGES, INTERVAL, SIZE = 1000, 0.001, 50_000
FLUSH_INTERVAL = FileStore.flush_interval
opened: list[Any] = []


def declare(folder: Path) -> Stash:
    stash = Stash(str(folder / 'stash'))

    @stash.page('/')
    class Form(Filled):
        count: int = stored(0)

        def build(self) -> None:
            ui.label('a form')
            opened.append(self)

    return stash


@dataclass
class Writes:
    """When each write of either side was done, and how many bytes it had."""

    done: list[float] = field(default_factory=list[float])
    sizes: list[int] = field(default_factory=list[int])

    def watch_stash(self) -> None:
        put = FileStore.put

        async def watched(store: FileStore, key: str, body: bytes, *, mode: Mode) -> Any:
            etag = await put(store, key, body, mode=mode)
            self._note(len(body))
            return etag

        FileStore.put = watched

    def watch_nicegui(self) -> None:
        dumps = file_persistent_dict.dumps

        def watched(*args: Any, **kwargs: Any) -> str:
            text = dumps(*args, **kwargs)
            self._note(len(text))
            return text

        file_persistent_dict.dumps = watched

    def _note(self, size: int) -> None:
        self.done.append(perf_counter())
        self.sizes.append(size)

    def clear(self) -> None:
        self.done.clear()
        self.sizes.clear()


async def burst(assign: Callable[[int], None], count: int) -> float:
    """Assign at fixed times; return how many seconds it took."""
    start = perf_counter()
    for number in range(count):
        assign(number)
        await asyncio.sleep(max(0.0, start + (number + 1) * INTERVAL - perf_counter()))
    return perf_counter() - start


async def measure(folder: Path, rounds: int) -> list[Row]:
    """Let both sides take the same bursts in turns, and a loop that only keeps time, whose cost is neither's."""
    ours, theirs = Writes(), Writes()
    ours.watch_stash()
    theirs.watch_nicegui()
    async with serving(lambda: declare(folder)) as stash:
        client = await open_page(new_browser(), '/')
        page = opened[-1]
        page.fill(SIZE)
        await stash.flush(page)
        with storage_of(client):
            app.storage.user['text'] = 'x' * SIZE

            def assign_ours(number: int) -> None:
                page.count = -1 - number if page.count >= 0 else number

            def assign_theirs(number: int) -> None:
                app.storage.user['count'] = number

            puts, allowed, megabytes, cpu = [], [], [], []
            their_writes, their_megabytes, their_cpu, idle = [], [], [], []
            for _ in range(rounds):
                await asyncio.sleep(2 * FLUSH_INTERVAL)  # a quiet session
                with without_garbage_collection():
                    start = process_time()
                    await burst(lambda _: None, CHANGES)
                    idle.append(process_time() - start)

                    ours.clear()
                    start = process_time()
                    seconds = await burst(assign_ours, CHANGES)
                    await stash.flush(page)
                    cpu.append(process_time() - start)
                    puts.append(float(len(ours.done)))
                    allowed.append(seconds / FLUSH_INTERVAL + 2)
                    megabytes.append(sum(ours.sizes) / 1e6)

                    theirs.clear()
                    start = process_time()
                    await burst(assign_theirs, CHANGES)
                    await written_by_nicegui()
                    their_cpu.append(process_time() - start)
                    their_writes.append(float(len(theirs.done)))
                    their_megabytes.append(sum(theirs.sizes) / 1e6)
            lone, first = await _durable(ours, assign_ours, lambda: stash.flush(page), rounds + 2)
    net = [max(0.0, used - nothing) for used, nothing in zip(cpu, idle, strict=True)]
    their_net = [max(1e-6, used - nothing) for used, nothing in zip(their_cpu, idle, strict=True)]
    name = '1000 changes at 1 ms, 50 KB'
    return [
        Row(f'{name}: puts', '', puts, allowed, 'allowed', Target('ratio', 1)),
        Row(f'{name}: puts', '', puts, their_writes, 'by app.storage.user'),
        Row(f'{name}: put', 'MB', megabytes, their_megabytes, 'by app.storage.user'),
        Row(f'{name}: CPU', 's', cpu, their_cpu, 'by app.storage.user'),
        Row(f'{name}: CPU without the timer', 's', net, their_net, 'by app.storage.user', Target('ratio', 0.2)),
        Row('the first change of a burst durable', 'ms', first, lone, 'a lone one', Target('ratio', 1.25)),
    ]


async def _durable(
    writes: Writes, assign: Callable[[int], None], flush: Callable[[], Awaitable[None]], rounds: int
) -> tuple[list[float], list[float]]:
    """Return in ms the time until the put of a lone change, and of the first of a burst, returned: best of ten."""
    lone, first = [], []
    for _ in range(rounds):
        taken: tuple[list[float], list[float]] = [], []
        for _ in range(10):
            for samples, count in zip(taken, (1, 30), strict=True):
                await flush()
                await asyncio.sleep(1.5 * FLUSH_INTERVAL)  # a quiet session: its next put need not be spaced
                writes.clear()
                start = perf_counter()
                await burst(assign, count)
                await until(lambda: writes.done)
                samples.append((writes.done[0] - start) * 1000)
        lone.append(min(taken[0]))
        first.append(min(taken[1]))
    return lone, first
