"""Documents of a store, several at once, for whoever looks at each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Final

from ..errors import CannotOpen, MalformedDocument, UnknownFormat
from ..model.document import Document
from ..model.sealing import Sealing
from ..session.keys import is_document_key
from ..session.loading import opened_document
from ..session.store_io import Away, Denied, Read, read
from ..stores.base import ObjectInfo, Store, StoredObject
from .sweep import Watcher

WORKERS: Final = 16
"""How many objects are treated at once."""


async def listed(store: Store, prefix: str, *, most: int | None = None) -> list[ObjectInfo]:
    """Return the rows of all documents below a prefix, or of at most so many. Raises `StoreError`."""
    found: list[ObjectInfo] = []
    rows = store.list(f'{prefix}/' if prefix else '')
    async for row in rows:
        if is_document_key(row.key, prefix):
            found.append(row)
            if len(found) == most:
                break
    if isinstance(rows, AsyncGenerator):
        await rows.aclose()  # else what it holds stays open until it is collected
    return found


async def read_each(
    store: Store, keys: Sequence[str], take: Callable[[str, Read | Away | Denied], None], watcher: Watcher
) -> None:
    """Read each object, and hand what came of it to `take`, in any order. What `take` raises ends it."""

    async def look(key: str) -> None:
        take(key, await read(store, key))

    await treat_each(keys, look, watcher)


async def treat_each(keys: Sequence[str], treat: Callable[[str], Awaitable[None]], watcher: Watcher) -> None:
    """Treat each object, `WORKERS` at once. What `treat` raises ends it, and cancels what is under way."""
    waiting, done = iter(keys), 0

    async def work() -> None:
        nonlocal done
        for key in waiting:
            await treat(key)
            done += 1
            watcher.show(done, len(keys))

    workers = [asyncio.ensure_future(work()) for _ in range(WORKERS)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


def document_of(sealing: Sealing, key: str, outcome: Read | Away | Denied) -> Document | str | None:
    """Return the document of a key, why it cannot be read, or `None` if it has gone meanwhile.

    Raises `StoreError` if the store is away.
    """
    if not isinstance(outcome, Read):
        raise outcome.error
    if not isinstance(outcome.found, StoredObject):
        return None
    try:
        return opened_document(sealing, key, outcome.found.body)[0]
    except CannotOpen as error:
        return f'{error} ({error.hint})'
    except UnknownFormat as error:
        return f'format {error.found}, of a newer nicegui_stash'
    except MalformedDocument:
        return 'not a document'
