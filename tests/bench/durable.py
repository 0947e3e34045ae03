"""Sessions that each change 1 KB and wait until it is durable, as fast as they can: a database beside a folder."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, process_time

import msgspec

from nicegui_stash.model.document import SESSION_PART, SliceId
from nicegui_stash.model.limits import Policy
from nicegui_stash.session.keys import Keys
from nicegui_stash.session.registry import Registry
from nicegui_stash.session.session import Session
from nicegui_stash.stores.base import ETag, Mode, Store
from nicegui_stash.stores.file.files import FileStore
from nicegui_stash.stores.memory import MemoryStore
from nicegui_stash.stores.sqlite.store import SQLiteStore

from .measure import Row, Samples, Target, without_garbage_collection

CROWDS = {1: 300, 32: 30, 1000: 5}
"""How many sessions change at once, and how often each."""
PAUSED, PAUSE = 50, 0.005
"""How often a session at rest changes, and the seconds before."""
SLICE = SliceId('Form', 1)


class Costless(MemoryStore):
    """Keeps nothing and answers at once: what is left is the session's own work."""

    _numbers = itertools.count()

    async def put(self, key: str, body: bytes, *, mode: Mode) -> ETag:
        return ETag(str(next(self._numbers)))


async def changing(sessions: list[Session], times: int, samples: Samples, name: str) -> None:
    """Let each session change and flush, one change after another; note the rate, the CPU and the p99 of a change."""
    waited: list[float] = []

    async def change(session: Session) -> None:
        for number in range(times):
            start = perf_counter()
            session.set(SLICE, SESSION_PART, 'text', msgspec.Raw(f'"{number:01000}"'.encode()))
            await session.flush()
            waited.append(perf_counter() - start)

    with without_garbage_collection():
        start, cpu = perf_counter(), process_time()
        await asyncio.gather(*(change(session) for session in sessions))
        seconds, cpu = perf_counter() - start, process_time() - cpu
    samples.add(f'{name} rate', len(waited) / seconds)
    samples.add(f'{name} cpu', cpu / len(waited) * 1e6)
    samples.add(f'{name} p99', quantiles(waited, n=100)[98] * 1000)


async def at_rest(stores: dict[str, Store], samples: Samples) -> None:
    """Let one session of each store change and flush, in turns and with pauses; note the median of a change in ms."""
    registries = {name: Registry(store, Keys(['bench']), Policy()) for name, store in stores.items()}
    waited: dict[str, list[float]] = {name: [] for name in stores}
    sessions = {name: registry.session('at rest') for name, registry in registries.items()}
    for session in sessions.values():
        await session.load(60)
    for number in range(PAUSED):
        for name, session in sessions.items():
            await asyncio.sleep(PAUSE)
            start = perf_counter()
            session.set(SLICE, SESSION_PART, 'text', msgspec.Raw(f'"{number:01000}"'.encode()))
            await session.flush()
            waited[name].append((perf_counter() - start) * 1000)
    for name, registry in registries.items():
        samples.add(f'{name} at rest', median(waited[name]))
        await registry.aclose()


async def measure(folder: Path, rounds: int) -> list[Row]:
    stores: dict[str, Store] = {
        'folder': FileStore(folder / 'files'),
        'sqlite': SQLiteStore(folder / 'stash.db'),
        'memory': MemoryStore('durable'),
        'nothing': Costless('nothing'),
    }
    samples = Samples()
    for name, store in stores.items():
        registry = Registry(store, Keys(['bench']), Policy(flush_interval=store.flush_interval))
        for crowd in CROWDS:
            await changing(sessions_of(registry, crowd), 2, Samples(), name)  # every object is there
        await registry.aclose()
    for _ in range(rounds):
        for name, store in stores.items():
            registry = Registry(store, Keys(['bench']), Policy(flush_interval=store.flush_interval))
            for crowd, times in CROWDS.items():
                sessions = sessions_of(registry, crowd)
                for session in sessions:
                    await session.load(60)
                await changing(sessions, times, samples, f'{name} {crowd}')
            await registry.aclose()
        await at_rest({name: stores[name] for name in ('folder', 'sqlite')}, samples)
    for store in stores.values():
        await store.aclose()
    rest = 'one session at rest: a durable change'
    return [
        *(row for crowd in CROWDS for row in rows_of(samples, crowd)),
        Row(rest, 'ms', samples['sqlite at rest'], samples['folder at rest'], 'folder', Target('ratio', 0.6)),
    ]


def sessions_of(registry: Registry, crowd: int) -> list[Session]:
    return [registry.session(f'{crowd} {number}') for number in range(crowd)]


def rows_of(found: Samples, crowd: int) -> list[Row]:
    targets = {'rate': Target('ratio', float('inf'), 8), 'cpu': Target('ratio', 1 / 9), 'p99': Target('ratio', 1 / 6)}
    rows: list[Row] = []
    for what, (words, unit) in {
        'rate': ('durable changes a second', ''),
        'cpu': ('CPU of one', 'µs'),
        'p99': ('p99 of one', 'ms'),
    }.items():
        folder, database = found[f'folder {crowd} {what}'], found[f'sqlite {crowd} {what}']
        target = targets[what] if crowd == 1000 else None
        rows.append(Row(f'{crowd:,} sessions: {words}', unit, database, folder, 'folder', target))
        if crowd == 1000:
            rows.append(Row(f'{crowd:,} sessions: {words}', unit, database, found[f'memory {crowd} {what}'], 'memory'))
    nothing = found[f'nothing {crowd} cpu']
    rows.append(Row(f'{crowd:,} sessions: CPU of one, the session alone', 'µs', nothing))
    return rows
