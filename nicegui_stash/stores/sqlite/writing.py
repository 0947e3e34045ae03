"""Group commit: all changes that wait, decided one after another in one transaction, flushed to the disk once."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import Conflict, OutcomeUnknown, StoreError
from ..base import ETag, Mode
from .connected import Connected
from .database import Connection, Database
from .errors import Unusable, concerns_one, database_error, needs_reopening

_INSERT = 'INSERT OR IGNORE INTO objects (key, etag, modified, body) VALUES (?, ?, ?, ?)'
_UPDATE = 'UPDATE objects SET etag = ?, modified = ?, body = ? WHERE key = ? AND etag = ?'
_DELETE = 'DELETE FROM objects WHERE key = ?'


@dataclass(frozen=True, slots=True)
class Put:
    """An object to be written, in the mode of `Store.put`."""

    key: str
    body: bytes
    mode: Mode
    operation = 'put'

    @property
    def size(self) -> int:
        return len(self.body)


@dataclass(frozen=True, slots=True)
class Delete:
    """An object to be removed."""

    key: str
    operation = 'delete'
    size = 0


Change = Put | Delete
Outcome = ETag | StoreError | None


class Writer:
    """The connection that writes. A change is answered when it is on the disk, or was not made."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connected = Connected(database, database.create)

    def answer(self, changes: Sequence[Change], /) -> Sequence[Outcome]:
        """Make the changes whose condition holds, all in one transaction."""
        try:
            connection = self._connected.connection()
            self._database.patiently(lambda: connection.execute('BEGIN IMMEDIATE'))
        except (sqlite3.Error, OSError, Unusable) as error:
            return self._failed(changes, error)
        try:
            now = time.time_ns() // 1_000_000
            outcomes = [_make(connection, change, now) for change in changes]
        except sqlite3.Error as error:
            self._roll_back(connection)
            if concerns_one(error) and len(changes) > 1:
                return [outcome for change in changes for outcome in self.answer((change,))]
            return self._failed(changes, error)
        try:
            connection.execute('COMMIT')
        except sqlite3.Error as error:
            self._roll_back(connection)
            return self._failed(changes, error, committing=True)
        if not self._database.has(connection):
            return [OutcomeUnknown(change.operation, change.key, 'the database was removed') for change in changes]
        return outcomes

    def close(self) -> None:
        """Move what is in the log into the file, if no other process has it open, and close it."""
        self._connected.close()

    def _failed(
        self, changes: Sequence[Change], error: sqlite3.Error | OSError | Unusable, *, committing: bool = False
    ) -> list[StoreError]:
        if needs_reopening(error):
            self._connected.close()
        failed: list[StoreError] = []
        for change in changes:
            failed.append(database_error(change.operation, change.key, error, committing=committing))
            failed[-1].__cause__ = error
        return failed

    def _roll_back(self, connection: Connection) -> None:
        if connection.in_transaction:  # some errors have rolled back already
            connection.execute('ROLLBACK')


def _make(connection: Connection, change: Change, now: int) -> ETag | Conflict | None:
    if isinstance(change, Delete):
        connection.execute(_DELETE, (change.key,))
        return None
    etag = ETag(next(connection.etags))
    if change.mode == 'create':
        is_applied = connection.execute(_INSERT, (change.key, etag, now, change.body)).rowcount == 1
    else:
        row = (etag, now, change.body, change.key, change.mode.etag)
        is_applied = connection.execute(_UPDATE, row).rowcount == 1
    if is_applied:
        return etag
    return Conflict('put', change.key, 'it exists' if change.mode == 'create' else 'it has another etag or is gone')
