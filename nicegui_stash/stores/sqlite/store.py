"""A store in one SQLite file: every process of this host may use it, and what was put survives a crash of the host."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

from ...errors import ConfigurationError
from ..base import Changed, ETag, Guarantee, Mode, NotModified, ObjectInfo, StoredObject
from ..keys import check_key, folder_of
from .batches import BatchThread
from .database import Database
from .errors import Unusable, database_error, is_busy
from .reading import Get, Inspection, Look, Reader, Rows, Version
from .writing import Change, Delete, Put, Writer

log = logging.getLogger('nicegui_stash')

_LIST_CHUNK = 500
_LOOK_EVERY = 0.05
"""Seconds between two looks whether somebody has committed: a look takes some 0.05 ms."""
_NOTHING = object()


class SQLiteStore:
    """Objects as rows, compared and replaced in a transaction that is on the disk when a put returns.

    One thread takes all puts that wait and commits them at once, so that a thousand of them flush the disk as often as
    one does. Another thread reads meanwhile. The event loop waits for neither. As a put costs that little, those of one
    session need hardly be spaced: a change waits for the commit under way and its own.

    No etag is ever used twice. A put whose caller was cancelled is dropped before its turn; later it is
    applied. What is erased is overwritten in the file. Listings come in the order of the keys.

    The log (`-wal`) and the shared memory (`-shm`) lie beside the file and belong to it. A process that forks closes
    the file first. A file that is removed or replaced while it is in use is opened again, and the log says so.
    """

    guarantee: Guarantee = 'host'
    flush_interval: float = 0.005

    def __init__(self, path: str | os.PathLike[str], *, lock_patience: float = 5.0) -> None:
        """Name the file (`~` is expanded); it is made by the first put or by `check`.

        `lock_patience`: seconds until a put is `Unavailable` because another process holds the database's lock.
        """
        self._database = Database(Path(path).expanduser().absolute(), lock_patience)
        self._writes: BatchThread[Change] = BatchThread('stash-write', Writer(self._database))
        self._reads: BatchThread[Look] = BatchThread('stash-read', Reader(self._database))

    def __repr__(self) -> str:
        return f'SQLiteStore({str(self._database.path)!r})'

    def check(self, prefix: str = '') -> None:
        """Make the database and take its lock, or raise `ConfigurationError`; blocks, for the start of the server."""
        del prefix
        try:
            with self._writes.hold():
                connection = self._database.create()
                try:
                    self._database.patiently(lambda: connection.execute('BEGIN IMMEDIATE'))
                    connection.execute('ROLLBACK')
                finally:
                    connection.close()
        except (sqlite3.Error, OSError, Unusable) as error:
            if isinstance(error, sqlite3.Error) and is_busy(error):
                log.warning('another process holds the lock of the database %s', self._database.path)
                return
            told = database_error('open', str(self._database.path), error)
            raise ConfigurationError(
                'url',
                f'the database {self._database.path} cannot be used as a store: {told.reason}',
                f'{told.hint[:1].upper()}{told.hint[1:]}' or 'Set another url (NICEGUI_STASH_URL)',
            ) from error

    async def get(self, key: str, *, unless: ETag | None = None) -> StoredObject | NotModified | None:
        """Read an object; of one that is unchanged only its etag is compared."""
        return await self._reads.ask(Get(check_key(key), unless))

    async def put(self, key: str, body: bytes, *, mode: Mode) -> ETag:
        """Write an object in its mode; it is on the disk when this returns."""
        return await self._writes.ask(Put(check_key(key), body, mode))

    async def delete(self, key: str) -> None:
        """Remove an object, if there is one."""
        await self._writes.ask(Delete(check_key(key)))

    async def list(self, prefix: str = '') -> AsyncIterator[ObjectInfo]:
        """Iterate over the objects whose key starts with `prefix`, in the order of their keys."""
        folder_of(prefix)
        after = ''
        while rows := await self._reads.ask(Rows(prefix, after, _LIST_CHUNK)):
            for row in rows:
                yield row
            after = rows[-1].key

    async def watch(self) -> AsyncIterator[Changed | None]:
        """Look whether anything was committed, as long as this is iterated over."""
        known: object = _NOTHING
        while True:
            version = await self._reads.ask(Version())
            yield {} if version == known else None
            known = version
            await asyncio.sleep(_LOOK_EVERY)

    async def advice(self) -> list[str]:
        """Say what is wrong with the file, for `doctor`; every page is looked at."""
        found = await self._reads.ask(Inspection())
        return [] if found in {None, 'ok'} else [f'the database is damaged ({found}): restore a backup.']

    async def aclose(self) -> None:
        """Wait for the operations under way, also of cancelled callers, and close the file."""
        await asyncio.to_thread(self._reads.close)  # the writer is last, and moves what is in the log into the file
        await asyncio.to_thread(self._writes.close)
