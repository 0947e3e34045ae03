"""A store in a local folder: every process of this host may use it, and what was put survives a crash of the host."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from ...errors import ConfigurationError
from ..base import Changed, ETag, Guarantee, Mode, NotModified, ObjectInfo, StoredObject
from .folder import Folder

_LIST_CHUNK = 500
_LOOK_EVERY = 0.25


class FileStore:
    """Objects as files below a folder, put under `flock`, by rename, and flushed to the disk.

    A put is decided among all processes and threads of this host, not among hosts that share the folder over a
    network. It is on the disk when it returns; on macOS as far as `fsync` goes there. Readers need no lock.

    An etag is the file's modification time, inode and size. Each put sets the time itself, in ns and later than
    the time of the object that it replaces, so that no two bodies of a key share an etag even where the clock stands
    still or steps back; a conditional read of an unchanged object reads no body. An edit by hand is noticed too.

    A put whose caller was cancelled may still be applied: it is with its thread. Files are readable for their owner
    only. Windows has no `flock`: opening raises `ConfigurationError` there.
    """

    guarantee: Guarantee = 'host'
    flush_interval: float = 0.1

    def __init__(self, folder: str | os.PathLike[str], *, lock_patience: float = 5.0) -> None:
        """Name the folder (`~` is expanded); it is made by the first put or by `check`.

        `lock_patience`: seconds until a put is `Unavailable` because another process holds the lock of its key.
        """
        if sys.platform == 'win32':
            raise ConfigurationError(
                'url',
                'a folder cannot be a store on Windows, which has no flock',
                'Write sqlite:///stash.db, or leave the url out',
            )
        self._folder = Folder(os.path.abspath(os.path.expanduser(folder)), lock_patience)
        # Neither the application's blocking work nor slow puts can hold up a read; no thread belongs to an event loop.
        self._readers = ThreadPoolExecutor(4, thread_name_prefix='stash-read')
        self._writers = ThreadPoolExecutor(8, thread_name_prefix='stash-write')

    def __repr__(self) -> str:
        return f'FileStore({self._folder.root!r})'

    def check(self, prefix: str = '') -> None:
        """Make the folder and write into it, or raise `ConfigurationError`; blocks, for the start of the server.

        What killed puts have left is removed afterwards, in a thread.
        """
        del prefix
        self._folder.check()
        self._readers.submit(self._folder.tidy)

    async def get(self, key: str, *, unless: ETag | None = None) -> StoredObject | NotModified | None:
        """Read an object, in one hop to a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._folder.read, key, unless)

    async def put(self, key: str, body: bytes, *, mode: Mode) -> ETag:
        """Write an object in its mode and flush it to the disk.

        `Refused` also where a key lies below another key: a file is no folder.
        """
        return await asyncio.get_running_loop().run_in_executor(self._writers, self._folder.put, key, body, mode)

    async def delete(self, key: str) -> None:
        """Remove an object, if there is one; its folder stays."""
        await asyncio.get_running_loop().run_in_executor(self._writers, self._folder.remove, key)

    async def list(self, prefix: str = '') -> AsyncIterator[ObjectInfo]:
        """Iterate over the objects whose key starts with `prefix`; remove what killed puts have left."""
        loop = asyncio.get_running_loop()
        rows = self._folder.walk(prefix)
        while chunk := await loop.run_in_executor(self._readers, tuple, islice(rows, _LIST_CHUNK)):
            for row in chunk:
                yield row

    async def watch(self) -> AsyncIterator[Changed | None]:
        """Say four times a second that anything may have changed: a look at an unchanged file reads no body."""
        while True:
            yield None
            await asyncio.sleep(_LOOK_EVERY)

    async def aclose(self) -> None:
        """Wait for the operations under way, also of cancelled callers, and end the threads."""
        await asyncio.to_thread(self._writers.shutdown)
        await asyncio.to_thread(self._readers.shutdown)
