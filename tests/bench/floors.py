"""What the parts cost by themselves, for orientation: encoding, a durable put by hand and by a store."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from time import perf_counter, thread_time
from typing import Any

import msgspec

from nicegui_stash.model.document import SESSION_PART, SliceId, new_document, to_bytes
from nicegui_stash.stores.base import ETag, Store, replacing
from nicegui_stash.stores.file.files import FileStore
from nicegui_stash.stores.memory import MemoryStore

from .measure import Row, without_garbage_collection

SIZES = {'1 KB': 1_000, '50 KB': 50_000, '500 KB': 500_000}
REPEATED = 10


async def measure(folder: Path, rounds: int) -> list[Row]:
    """Time each part in turns with its floor."""
    files, memory = FileStore(folder / 'stash'), MemoryStore('floors')
    rows = [row for name in SIZES for row in await measure_size(folder, files, memory, name, rounds)]
    await files.aclose()
    return rows


async def measure_size(folder: Path, files: Store, memory: Store, name: str, rounds: int) -> list[Row]:
    """Take a document of ten fields."""
    raws = {f'field_{number}': msgspec.Raw(msgspec.json.encode('x' * (SIZES[name] // 10))) for number in range(10)}
    document, plain = new_document(), {key: msgspec.json.decode(raw) for key, raw in raws.items()}
    document.values(SliceId('Form', 1), SESSION_PART).update(raws)
    body, key = to_bytes(document), f'ab/{SIZES[name]}.json'
    into_file, into_memory = Putting(files, key, body), Putting(memory, key, body)
    samples: dict[str, list[float]] = {}
    for _ in range(rounds):
        with without_garbage_collection():
            for what, taken in (
                ('assemble', cpu_of(lambda: to_bytes(document))),
                ('encode', cpu_of(lambda: msgspec.json.encode(plain))),
                ('file', await clock_of(into_file)),
                ('by hand', await clock_of(lambda: asyncio.to_thread(replace_by_hand, folder / 'by-hand', body))),
                ('memory', await clock_of(into_memory)),
            ):
                samples.setdefault(what, []).append(taken)
    return [
        Row(f'assemble a document of {name}', 'µs', samples['assemble'], samples['encode'], 'encoding it anew'),
        Row(f'put {name} into a file', 'µs', samples['file'], samples['by hand'], 'write, fsync, rename, fsync'),
        Row(f'put {name} into memory', 'µs', samples['memory']),
    ]


class Putting:
    """Puts one body again and again, each under the etag of the one before."""

    def __init__(self, store: Store, key: str, body: bytes) -> None:
        self._store = store
        self._key = key
        self._body = body
        self._etag: ETag | None = None

    async def __call__(self) -> None:
        self._etag = await self._store.put(self._key, self._body, mode=replacing(self._etag))


def replace_by_hand(path: Path, body: bytes) -> None:
    """Do what a durable replacement cannot do without; no lock, no comparison."""
    temporary = f'{path}.tmp'
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT, 0o600)
    os.write(file, body)
    os.fsync(file)
    os.close(file)
    Path(temporary).replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def cpu_of(call: Callable[[], Any]) -> float:
    """Return the microseconds of CPU time of one call."""
    start = thread_time()
    for _ in range(REPEATED):
        call()
    return (thread_time() - start) / REPEATED * 1e6


async def clock_of(call: Callable[[], Awaitable[Any]]) -> float:
    """Return the microseconds on the clock of one awaited call: a disk's time is not CPU time."""
    taken: list[float] = []
    for _ in range(REPEATED):
        start = perf_counter()
        await call()
        taken.append(perf_counter() - start)
    return median(taken) * 1e6
