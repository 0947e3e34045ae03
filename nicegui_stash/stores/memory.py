"""A store in the memory of this process: for tests, demos and apps that may forget at a restart."""

from __future__ import annotations

import itertools
import threading
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

# fsspec has no annotations.
from fsspec.implementations.memory import MemoryFile, MemoryFileSystem  # pyright: ignore[reportMissingTypeStubs]

from ..errors import Conflict
from .base import NOT_MODIFIED, ETag, Guarantee, Mode, NotModified, ObjectInfo, StoredObject
from .keys import check_key, folder_of, is_key
from .oserrors import store_error

if TYPE_CHECKING:
    _Etags = WeakKeyDictionary[MemoryFile, ETag]

# fsspec keeps one set of memory files for the process and gives them no revision: these are shared likewise.
# An etag belongs to a file, not to a path: whoever else writes through fsspec makes a new file, and so a new etag.
_etags: _Etags = WeakKeyDictionary()
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
        """Open the objects below `name` (segments like those of a key), of the whole memory filesystem by default."""
        self._root = f'/{check_key(name)}/' if name else '/'
        self._fs: Any = MemoryFileSystem(skip_instance_cache=True)

    def __repr__(self) -> str:
        return f'MemoryStore({self._root[1:-1]!r})'

    async def get(self, key: str, *, unless: ETag | None = None) -> StoredObject | NotModified | None:
        """Read an object; no copy is made of its body."""
        path = self._root + check_key(key)
        with _lock:
            file = self._file(path)
            if file is None:
                return None
            etag = _etag(file)
            return NOT_MODIFIED if etag == unless else StoredObject(file.getvalue(), etag)

    async def put(self, key: str, body: bytes, *, mode: Mode) -> ETag:
        """Write an object in its mode; `Refused` where a key lies below another key."""
        path = self._root + check_key(key)
        with _lock:
            file = self._file(path)
            expected = None if mode == 'create' else mode.etag
            if expected != (None if file is None else _etag(file)):
                raise Conflict('put', key, 'it exists' if mode == 'create' else 'it has another etag or is gone')
            try:
                self._fs.pipe_file(path, body)
            except OSError as error:
                raise store_error('put', key, error) from error
            return _etag(self._fs.store[path])

    async def delete(self, key: str) -> None:
        """Remove an object, if there is one."""
        path = self._root + check_key(key)
        with _lock:
            if self._file(path) is not None:
                self._fs.rm_file(path)

    async def list(self, prefix: str = '') -> AsyncIterator[ObjectInfo]:
        """Iterate over a snapshot of the objects whose key starts with `prefix`."""
        folder_of(prefix)
        start = len(self._root)
        with _lock:
            found = [
                ObjectInfo(path[start:], file.size, file.modified.timestamp())
                for path, file in self._fs.store.items()
                if path.startswith(self._root + prefix) and is_key(path[start:])
            ]
        for info in found:
            yield info

    async def aclose(self) -> None:
        """Do nothing: the objects belong to the process."""

    def _file(self, path: str) -> MemoryFile | None:
        return self._fs.store.get(path)


def _etag(file: MemoryFile) -> ETag:
    etag = _etags.get(file)
    if etag is None:
        etag = _etags[file] = ETag(str(next(_numbers)))
    return etag
