"""Reading all documents of a store, several at once, for the commands that look at each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from ..maintenance.sweep import Watcher
from ..session.keys import is_document_key
from ..session.store_io import Away, Denied, Read, read
from ..stores.base import ObjectInfo, Store

READERS: Final = 16
"""How many objects are read at once."""


async def listed(store: Store, prefix: str) -> list[ObjectInfo]:
    """Return the rows of all documents below a prefix. Raises `StoreError`."""
    rows = store.list(f'{prefix}/' if prefix else '')
    return [row async for row in rows if is_document_key(row.key, prefix)]


async def read_each(
    store: Store, keys: Sequence[str], take: Callable[[str, Read | Away | Denied], None], watcher: Watcher
) -> None:
    """Read each object, and hand what came of it to `take`, in any order. What `take` raises ends it."""
    waiting, done = iter(keys), 0

    async def look() -> None:
        nonlocal done
        for key in waiting:
            take(key, await read(store, key))
            done += 1
            watcher.show(done, len(keys))

    await asyncio.gather(*(look() for _ in range(READERS)))
