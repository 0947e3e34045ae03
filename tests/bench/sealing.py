"""What sealing costs: a session's put and get of 1 KB, sealed and unsealed, on memory, the cheapest store, and SQLite.

A put is a change and its flush; a get is the first read by a server that does not know the session. CPU of all threads.
"""

from __future__ import annotations

from pathlib import Path
from time import process_time, thread_time

import msgspec

from nicegui_stash.model.document import SESSION_PART, SliceId, new_document, to_bytes
from nicegui_stash.model.limits import Policy
from nicegui_stash.model.sealing import Sealing
from nicegui_stash.session.keys import Keys, object_key
from nicegui_stash.session.registry import Registry
from nicegui_stash.stores.base import Store
from nicegui_stash.stores.memory import MemoryStore
from nicegui_stash.stores.sqlite.store import SQLiteStore

from .measure import Row, Samples, Target, without_garbage_collection

SLICE = SliceId('Form', 1)
BODY = 1000
TIMES = 300
SECRETS = ['a secret of the benchmark']


async def per_pair(store: Store, name: str, number: int, *, encrypts: bool) -> float:
    """Return the microseconds of CPU of one put and one get."""
    registry, other = (
        Registry(store, Keys(SECRETS), Policy(flush_interval=0), sealing=Sealing(SECRETS, encrypts=encrypts))
        for _ in range(2)
    )
    sessions = [registry.session(f'{name} {each}') for each in range(TIMES)]
    for session in sessions:
        await session.load(60)
        session.set(SLICE, SESSION_PART, 'text', msgspec.Raw(f'"{number:0{BODY}}"'.encode()))
        await session.flush()
    with without_garbage_collection():
        start = process_time()
        for each, session in enumerate(sessions):
            session.set(SLICE, SESSION_PART, 'text', msgspec.Raw(f'"{number + 1:0{BODY}}"'.encode()))
            await session.flush()
            await other.session(f'{name} {each}').load(60)
        took = process_time() - start
    await registry.aclose()
    await other.aclose()
    return took / TIMES * 1e6


def alone() -> float:
    """Return the microseconds of CPU of sealing and opening 1 KB, with nothing around."""
    document = new_document()
    document.values(SLICE, SESSION_PART)['text'] = msgspec.Raw(f'"{0:0{BODY}}"'.encode())
    body, key = to_bytes(document), object_key(SECRETS[0], 'an id')
    start, sealing = thread_time(), Sealing(SECRETS, encrypts=True)
    for _ in range(TIMES):
        sealing.open(key, sealing.seal(key, document, body))
    return (thread_time() - start) / TIMES * 1e6


async def measure(folder: Path, rounds: int) -> list[Row]:
    stores: dict[str, Store] = {'memory': MemoryStore('sealing'), 'sqlite': SQLiteStore(folder / 'stash.db')}
    samples = Samples()
    for number in range(-1, rounds):
        for name, store in stores.items():
            for kind in ('sealed', 'unsealed'):
                pair = await per_pair(store, kind, number + 1, encrypts=kind == 'sealed')
                samples.add(f'{name} {kind}', pair)
        samples.add('alone', alone())
    samples = samples.without_first()
    for store in stores.values():
        await store.aclose()
    return [
        *(
            Row(
                f"a session's put and get of 1 KB, {name}",
                'µs',
                samples[f'{name} sealed'],
                samples[f'{name} unsealed'],
                'unsealed',
                Target('ratio', 1.3),
            )
            for name in stores
        ),
        Row('sealing and opening 1 KB alone', 'µs', samples['alone']),
    ]
