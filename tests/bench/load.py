"""Ten thousand sessions of 1 KB loaded from files at once: how long, what is written, what each keeps in memory."""

from __future__ import annotations

import asyncio
import gc
import json
import tracemalloc
from collections.abc import Iterable
from pathlib import Path
from time import perf_counter, process_time
from uuid import uuid4

import msgspec
from nicegui.persistence import FilePersistentDict

from nicegui_stash.model.document import SESSION_PART, SliceId, new_document, stamp, to_bytes
from nicegui_stash.model.limits import Policy
from nicegui_stash.session.keys import Keys
from nicegui_stash.session.registry import Registry
from nicegui_stash.session.session import Session
from nicegui_stash.stores.file.files import FileStore

from .measure import Row, Samples, Target, without_garbage_collection
from .simulation import serving, written_by_nicegui

SESSIONS, WEIGHED = 10_000, 2_000
VALUES = {f'field_{number}': 'x' * 70 for number in range(10)}
SLICE = SliceId('Form', 1)


def fill(folder: Path, keys: Keys, ids: list[str], now: int) -> None:
    """Write what both sides are to load: the same fields, about 1 KB per session."""
    document = new_document()
    values = document.values(SLICE, SESSION_PART)
    values.update((name, msgspec.Raw(msgspec.json.encode(value))) for name, value in VALUES.items())
    stamp(document, 'a-writer-process', 1, now, [(SLICE, SESSION_PART)])
    ours, theirs = to_bytes(document), json.dumps(VALUES)
    (folder / 'nicegui').mkdir()
    for id_ in ids:
        path = folder / 'stash' / keys.of(id_)[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(ours)
        their_file(folder, id_).write_text(theirs, encoding='utf-8')


def their_file(folder: Path, id_: str) -> Path:
    return folder / 'nicegui' / f'storage-user-{id_}.json'


async def load_ours(registry: Registry, ids: list[str]) -> list[Session]:
    sessions = [registry.session(id_) for id_ in ids]
    if not all(await asyncio.gather(*(session.load(60) for session in sessions))):
        raise RuntimeError('a session was not loaded')
    return sessions


async def load_theirs(folder: Path, ids: list[str]) -> list[FilePersistentDict]:
    users = [FilePersistentDict(their_file(folder, id_), encoding='utf-8') for id_ in ids]
    await asyncio.gather(*(user.initialize() for user in users))
    return users


def revisions(files: Iterable[Path]) -> dict[Path, tuple[int, int]]:
    return {file: (file.stat().st_mtime_ns, file.stat().st_ino) for file in files}


async def measure(folder: Path, rounds: int) -> list[Row]:
    """Load all sessions in turns, look whether a file was touched, then once more to weigh them."""
    keys, ids = Keys(['bench']), [str(uuid4()) for _ in range(SESSIONS)]
    store = FileStore(folder / 'stash')
    registry = Registry(store, keys, Policy())
    fill(folder, keys, ids, int(registry.now * 1000))
    samples = Samples()
    async with serving(lambda: None):
        our_files, their_files = list((folder / 'stash').rglob('*.json')), [their_file(folder, id_) for id_ in ids]
        for _ in range(-1, rounds):  # in the first round the files are new, and quicker to replace than later ones
            before, theirs_before = revisions(our_files), revisions(their_files)
            with without_garbage_collection():
                start, used = perf_counter(), process_time()
                sessions = await load_ours(registry, ids)
                samples.add('ours', perf_counter() - start)
                samples.add('our CPU', process_time() - used)
            del sessions
            with without_garbage_collection():
                start, used = perf_counter(), process_time()
                users = await load_theirs(folder, ids)
                samples.add('initialize', perf_counter() - start)
                await written_by_nicegui()
                samples.add('theirs', perf_counter() - start)
                samples.add('their CPU', process_time() - used)
            del users
            samples.add('rewritten', sum(before[file] != now for file, now in revisions(our_files).items()))
            samples.add('they rewrote', sum(theirs_before[file] != now for file, now in revisions(their_files).items()))
        kept, given_back = await _weigh(registry, ids[:WEIGHED])
        their_kept = await _weigh_theirs(folder, ids[:WEIGHED])
    await registry.aclose()
    samples = samples.without_first()
    name, both = '10,000 sessions of 1 KB', 'FilePersistentDict, with what it writes'
    return [
        Row(f'{name}: load', 's', samples['ours'], samples['theirs'], both, Target('ratio', 0.25)),
        Row(f'{name}: load', 's', samples['ours'], samples['initialize'], 'FilePersistentDict.initialize'),
        Row(f'{name}: CPU', 's', samples['our CPU'], samples['their CPU'], both),
        Row(
            f'{name}: files written by loading',
            '',
            samples['rewritten'],
            samples['they rewrote'],
            'FilePersistentDict',
            Target('value', 0),
        ),
        Row('memory per session', 'KB', [kept], [their_kept], 'FilePersistentDict', Target('ratio', 1)),
        Row('memory per session after eviction', 'KB', [given_back], target=Target('value', 0.1)),
    ]


async def _weigh(registry: Registry, ids: list[str]) -> tuple[float, float]:
    """Return the KB that a loaded session keeps, and what is left of it when nobody needs it any more."""
    await load_ours(registry, ids)  # what the first one needs for all, such as threads
    tracemalloc.start()
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    sessions = await load_ours(registry, ids)
    await asyncio.sleep(0.1)  # the tasks that loaded end
    gc.collect()
    kept = tracemalloc.get_traced_memory()[0] - before
    del sessions
    gc.collect()
    left = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    if registry.statistics().sessions:
        raise RuntimeError('sessions that nobody needs were not evicted')
    return kept / len(ids) / 1024, left / len(ids) / 1024


async def _weigh_theirs(folder: Path, ids: list[str]) -> float:
    tracemalloc.start()
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    users = await load_theirs(folder, ids)
    await written_by_nicegui()
    gc.collect()
    kept = (tracemalloc.get_traced_memory()[0] - before) / len(users) / 1024
    tracemalloc.stop()
    return kept
