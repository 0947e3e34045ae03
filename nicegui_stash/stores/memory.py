"""A store in the memory of this process: for tests, demos and apps that may forget at a restart."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import AsyncIterator
from typing import NamedTuple

from ..errors import Conflict, Refused
from .base import NOT_MODIFIED, ETag, Guarantee, Mode, NotModified, ObjectInfo, StoredObject
from .keys import check_key, folder_of


class _Entry(NamedTuple):
    found: StoredObject
    modified: float


_entries: dict[str, _Entry] = {}
"""The objects of all stores of the process, by `<name>/<key>`."""
_numbers = itertools.count(1)
_lock = threading.Lock()


class MemoryStore:
    """Objects of `memory://<name>`: they live as long as the process, and every store of the same name shows them.

    A put is atomic for the whole process, other threads and event loops included. Nothing ever awaits, so an
    operation is over when its call returns. Etags are never used twice.
    """

    guarantee: Guarantee = 'process'
    flush_interval: float = 0.1

    def __init__(self, name: str = '') -> None:
        """Open the objects below `name` (segments like those of a key), by default those of all names."""
        self._root = f'{check_key(name)}/' if name else ''

    def __repr__(self) -> str:
        return f'MemoryStore({self._root[:-1]!r})'

    async def get(self, key: str, *, unless: ETag | None = None) -> StoredObject | NotModified | None:
        """Read an object; no copy is made of its body."""
        entry = _entries.get(self._root + check_key(key))
        if entry is None:
            return None
        return NOT_MODIFIED if entry.found.etag == unless else entry.found

    async def put(self, key: str, body: bytes, *, mode: Mode) -> ETag:
        """Write an object in its mode; `Refused` where a key lies below another key."""
        path = self._root + check_key(key)
        with _lock:
            entry = _entries.get(path)
            if (None if entry is None else entry.found.etag) != (None if mode == 'create' else mode.etag):
                raise Conflict('put', key, 'it exists' if mode == 'create' else 'it has another etag or is gone')
            if entry is None and any(path[:end] in _entries for end, letter in enumerate(path) if letter == '/'):
                raise Refused('put', key, 'its folder is an object', 'here a key cannot lie below another key')
            etag = ETag(str(next(_numbers)))
            _entries[path] = _Entry(StoredObject(body, etag), time.time())
            return etag

    async def delete(self, key: str) -> None:
        """Remove an object, if there is one."""
        path = self._root + check_key(key)
        with _lock:
            _entries.pop(path, None)

    async def list(self, prefix: str = '') -> AsyncIterator[ObjectInfo]:
        """Iterate over a snapshot of the objects whose key starts with `prefix`."""
        folder_of(prefix)
        start = len(self._root)
        with _lock:
            found = [
                ObjectInfo(path[start:], len(entry.found.body), entry.modified)
                for path, entry in _entries.items()
                if path.startswith(self._root + prefix)
            ]
        for info in found:
            yield info

    async def aclose(self) -> None:
        """Do nothing: the objects belong to the process."""
