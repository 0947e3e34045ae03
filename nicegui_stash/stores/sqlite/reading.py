"""Reading while a commit is under way: each reader sees what was committed before it asked, and waits for no writer."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import StoreError
from ..base import NOT_MODIFIED, ETag, NotModified, ObjectInfo, StoredObject
from .connected import Connected
from .database import Connection, Database
from .errors import Unusable, database_error, needs_reopening

_GET = 'SELECT etag, CASE WHEN etag = ? THEN NULL ELSE body END FROM objects WHERE key = ?'
_LIST = """
SELECT key, length(body), modified FROM objects WHERE key > ? AND key >= ? AND key < ? ORDER BY key LIMIT ?
"""
_AFTER = '\x7f'
"""Greater than every character of a key."""


@dataclass(frozen=True, slots=True)
class Get:
    """An object to be read, unless it has this etag."""

    key: str
    unless: ETag | None
    operation = 'get'
    size = 0


@dataclass(frozen=True, slots=True)
class Rows:
    """So many rows of a listing, in the order of their keys, after one key."""

    prefix: str
    after: str
    most: int
    operation = 'list'
    size = 0

    @property
    def key(self) -> str:
        return self.prefix


@dataclass(frozen=True, slots=True)
class Inspection:
    """A look at every page of the file."""

    key = 'objects'
    operation = 'open'
    size = 0


@dataclass(frozen=True, slots=True)
class Version:
    """What differs after each commit of another connection."""

    key = 'objects'
    operation = 'get'
    size = 0


Look = Get | Rows | Inspection | Version


class Reader:
    """The connection that reads. It makes no file: without one there is no object."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connected = Connected(database, database.open_existing)

    def answer(self, looks: Sequence[Look], /) -> Sequence[Any]:
        """Answer all in one state of the database, so that its locks are taken once."""
        try:
            connection = self._connected.connection()
            if connection is None:
                return [() if isinstance(look, Rows) else None for look in looks]
            connection.execute('BEGIN')
            # The first read takes the state, and may have to wait for who opens or closes the file; no other has to.
            self._database.patiently(lambda: connection.execute('PRAGMA user_version').fetchone())
        except (sqlite3.Error, OSError, Unusable) as error:
            self._connected.close()
            return [_failed(look, error) for look in looks]
        answers = [_look(connection, look) for look in looks]
        if any(isinstance(answer, StoreError) and needs_reopening(answer.__cause__ or answer) for answer in answers):
            self._connected.close()
        else:
            connection.execute('COMMIT')
        return answers

    def close(self) -> None:
        self._connected.close()


def _look(connection: Connection, look: Look) -> Any:
    try:
        return _answer(connection, look)
    except sqlite3.Error as error:
        return _failed(look, error)


def _failed(look: Look, error: sqlite3.Error | OSError | Unusable) -> StoreError:
    failed = database_error(look.operation, look.key, error)
    failed.__cause__ = error
    return failed


def _answer(connection: Connection, look: Look) -> Any:
    match look:
        case Get(key, unless):
            return _read(connection, key, unless)
        case Rows(prefix, after, most):
            rows = connection.execute(_LIST, (after, prefix, prefix + _AFTER, most)).fetchall()
            return tuple(ObjectInfo(key, size, modified / 1000) for key, size, modified in rows)
        case Version():  # a number for this connection alone
            return connection, connection.execute('PRAGMA data_version').fetchone()[0]
        case Inspection():
            return connection.execute('PRAGMA quick_check(1)').fetchone()[0]


def _read(connection: Connection, key: str, unless: ETag | None) -> StoredObject | NotModified | None:
    found = connection.execute(_GET, (unless, key)).fetchone()
    if found is None:
        return None
    etag, body = found
    return NOT_MODIFIED if body is None else StoredObject(body, ETag(etag))
