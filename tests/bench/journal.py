"""1,000 sessions that each change once a second: durable in a journal, beside a bare commit, and puts to a bucket."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from pathlib import Path
from statistics import median
from time import perf_counter

import msgspec

from nicegui_stash.model.document import SESSION_PART, SliceId
from nicegui_stash.model.limits import Policy
from nicegui_stash.session.keys import Keys
from nicegui_stash.session.registry import Registry
from nicegui_stash.session.session import Session
from nicegui_stash.stores.base import ETag, Mode
from nicegui_stash.stores.memory import MemoryStore
from nicegui_stash.stores.sqlite.journal import JournalFolder

from .measure import Row, Samples, Target, without_garbage_collection

SESSIONS = 1000
WARM_UP, SECONDS = 1.5, 20.0
"""How long they change before puts are counted, as the first put does not wait, and how long they are counted."""
SLICE = SliceId('Form', 1)
BODY = 1000
"""Bytes of the field that changes."""


class Bucket(MemoryStore):
    """Answers as object storage does, after 20 ms, and counts its puts."""

    puts = 0

    async def put(self, key: str, body: bytes, *, mode: Mode) -> ETag:
        self.puts += 1
        await asyncio.sleep(0.02)
        return await super().put(key, body, mode=mode)


async def changing(store: Bucket, folder: Path | None, flush_interval: float) -> tuple[list[float], int]:
    """Let all sessions change once a second; return how long, in ms, a change took to be durable, and the puts.

    Without a folder there is no journal, and nobody waits.
    """
    registry = Registry(
        store,
        Keys(['bench']),
        Policy(flush_interval=flush_interval),
        journals=JournalFolder(str(folder), 's3://bench') if folder else None,
    )
    waited: list[float] = []

    async def change(session: Session, number: int) -> None:
        await asyncio.sleep(number / SESSIONS)  # spread over the second
        end = asyncio.get_running_loop().time() + WARM_UP + SECONDS
        for count in itertools.count():
            if asyncio.get_running_loop().time() >= end:
                return
            start = perf_counter()
            session.set(SLICE, SESSION_PART, 'text', msgspec.Raw(f'"{count:0{BODY}}"'.encode()))
            if folder:
                await session.flush()
                waited.append((perf_counter() - start) * 1000)
            await asyncio.sleep(1)

    sessions = [registry.session(str(number)) for number in range(SESSIONS)]
    for session in sessions:
        await session.load(60)
    with without_garbage_collection():
        changes = asyncio.gather(*(change(session, number) for number, session in enumerate(sessions)))
        await asyncio.sleep(WARM_UP)
        before = store.puts
        await asyncio.sleep(SECONDS)
        puts = store.puts - before
        await changes
    await registry.drain(60)
    await registry.aclose()
    return waited, puts


def committing(path: Path, times: int = 300) -> float:
    """Return the median, in ms, of a commit of one row with the same bytes, as safe as the journal's."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute('PRAGMA journal_mode = WAL')
    connection.execute('PRAGMA synchronous = FULL')
    connection.execute('CREATE TABLE IF NOT EXISTS rows (sequence INTEGER PRIMARY KEY, body BLOB NOT NULL)')
    waited: list[float] = []
    for number in range(times):
        start = perf_counter()
        connection.execute('INSERT OR REPLACE INTO rows VALUES (?, ?)', (number, b'0' * BODY))
        waited.append((perf_counter() - start) * 1000)
    connection.close()
    return median(waited)


async def measure(folder: Path, rounds: int) -> list[Row]:
    samples = Samples()
    for number in range(rounds):
        samples.add('bare', await asyncio.to_thread(committing, folder / 'bare.db'))
        waited, puts = await changing(Bucket(f'journal-{number}'), folder / f'journal-{number}', 15.0)
        samples.add('journal', median(waited))
        samples.add('puts', puts)
        samples.add('puts without', (await changing(Bucket(f'without-{number}'), None, 1.0))[1])
    durable = f'{SESSIONS:,} sessions, a change a second: p50 from accepted to durable'
    return [
        Row(durable, 'ms', samples['journal'], samples['bare'], 'a bare commit', Target('ratio', 3)),
        Row(
            'puts with a journal, 15 s apart',
            '',
            samples['puts'],
            samples['puts without'],
            '1 s apart',
            Target('ratio', 0.1),
        ),
    ]
