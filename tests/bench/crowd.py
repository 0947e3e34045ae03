"""A hundred thousand sessions in one process beside a thousand: memory of each, and CPU of each that is active."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from time import process_time

import msgspec

from nicegui_stash.model.document import SESSION_PART, SliceId, new_document, stamp, to_bytes
from nicegui_stash.model.limits import Policy
from nicegui_stash.session.keys import Keys
from nicegui_stash.session.registry import Registry
from nicegui_stash.session.session import Session
from nicegui_stash.stores.base import ETag, NotModified, StoredObject
from nicegui_stash.stores.memory import MemoryStore

from .measure import Row, Target

FEW, MANY = 1000, 100_000
SECONDS = 10
SLICE = SliceId('Form', 1)
VALUES = {f'field_{number}': 'x' * 70 for number in range(10)}


def body(now: int) -> bytes:
    document = new_document(born=now)
    document.values(SLICE, SESSION_PART).update(
        (name, msgspec.Raw(msgspec.json.encode(value))) for name, value in VALUES.items()
    )
    stamp(document, 'a-writer-process', 1, now, [(SLICE, SESSION_PART)])
    return to_bytes(document)


class Copying(MemoryStore):
    """Answers with bytes of their own, as a store elsewhere does: a session keeps those that it was read from."""

    async def get(self, key: str, *, unless: ETag | None = None) -> StoredObject | NotModified | None:
        found = await super().get(key, unless=unless)
        return StoredObject(bytes(bytearray(found.body)), found.etag) if isinstance(found, StoredObject) else found


async def crowd_of(number: int, active: int) -> tuple[float, float]:
    """Load so many sessions of 1 KB; return the resident KB of each, and the CPU in µs of a change of an active one."""
    keys = Keys(['bench'])
    store = Copying('crowd')
    registry = Registry(store, keys, Policy(flush_interval=1.0))
    stored = body(int(registry.now * 1000))
    warm, ids = [f'warm {index}' for index in range(200)], [f'session {index}' for index in range(number)]
    for id_ in [*warm, *ids]:
        await store.put(keys.of(id_)[0], stored, mode='create')
    warmed = await load(registry, warm)  # what the first one needs for all
    before = resident()
    sessions = await load(registry, ids)
    kept = (resident() - before) / number
    gc.freeze()
    cpu = await changing(sessions[:: number // active])
    if registry.statistics().sessions != len(warmed) + number:
        raise RuntimeError('sessions were evicted, so that there was no crowd')
    await registry.aclose()
    return kept / 1024, cpu


async def load(registry: Registry, ids: Iterable[str]) -> list[Session]:
    sessions = [registry.session(id_) for id_ in ids]
    for session in sessions:
        if not await session.load(60):
            raise RuntimeError('a session was not loaded')
    return sessions


async def changing(active: list[Session]) -> float:
    """Change a field of each active session once a second; return the µs of CPU time that each change took.

    Changes are spread over the second, as those of people are.
    """
    loop, begin, start = asyncio.get_running_loop(), asyncio.get_running_loop().time(), process_time()
    for number in range(SECONDS * len(active)):
        due = begin + number / len(active)
        if (ahead := due - loop.time()) > 0:
            await asyncio.sleep(ahead)
        text = msgspec.Raw(f'"{number:070}"'.encode())
        active[number % len(active)].set(SLICE, SESSION_PART, 'field_0', text)
    for session in active:
        await session.flush()
    return (process_time() - start) / (SECONDS * len(active)) * 1e6


def resident() -> int:
    """Return the bytes of memory that this process has."""
    gc.collect()
    return int(Path('/proc/self/statm').read_text().split()[1]) * os.sysconf('SC_PAGE_SIZE')


def alone(number: int, active: int) -> tuple[float, float]:
    return asyncio.run(crowd_of(number, active))


async def measure(folder: Path, rounds: int) -> list[Row]:
    """Each crowd lives in a process of its own, in turns. A thousand that are all active wake the loop as often."""
    del folder
    crowds: dict[tuple[int, int], list[tuple[float, float]]] = {
        (FEW, FEW // 100): [],
        (FEW, FEW): [],
        (MANY, MANY // 100): [],
    }
    for _ in range(rounds):
        for crowd, found in crowds.items():
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context('spawn')) as pool:
                found.append(await asyncio.get_running_loop().run_in_executor(pool, alone, *crowd))
    (kb_few, few), (_, all_few), (kb_many, many) = (tuple(zip(*found, strict=True)) for found in crowds.values())
    what, same = f'{MANY:,} sessions, 1 % active', Target('ratio', 1.2)
    return [
        Row(f'{what}: CPU of a change', 'µs', list(many), list(few), f'{FEW:,}, 1 % active', same),
        Row(f'{what}: CPU of a change', 'µs', list(many), list(all_few), f'{FEW:,}, all active', same),
        Row(f'{what}: resident memory of each', 'KB', list(kb_many), list(kb_few), f'{FEW:,}', same),
    ]
