"""What the tests of files look at and how they let a system call fail."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from nicegui_stash.stores import FileStore, StoredObject


async def keys_of(store: FileStore, prefix: str = '') -> set[str]:
    """The keys that a listing gives."""
    return {row.key async for row in store.list(prefix)}


async def stored(store: FileStore, key: str) -> StoredObject:
    """An object that has to be there."""
    found = await store.get(key)
    assert isinstance(found, StoredObject)
    return found


def temporaries(folder: Path) -> list[Path]:
    """The temporary files that puts have left."""
    return sorted(folder.rglob('@temporary-*'))


def failing(number: int) -> Callable[..., None]:
    """A system call that fails with an errno."""

    def fail(*_args: object, **_options: object) -> None:
        raise OSError(number, os.strerror(number), '/a/secret/path')

    return fail
