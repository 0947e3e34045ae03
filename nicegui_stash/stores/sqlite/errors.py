"""The one place where an error of SQLite becomes an error of the store."""

from __future__ import annotations

import sqlite3
from typing import Final

from ...errors import OutcomeUnknown, Refused, StoreError, Unavailable
from ..oserrors import store_error

_NO_RIGHT = 'give the user that runs the server the right to read and write the database, and its folder'
_REPAIR = 'stop the app and restore a backup, or run `sqlite3 FILE .recover`; the file is left as it is'

_REFUSALS: Final = {
    sqlite3.SQLITE_FULL: 'make room, or let the database lie elsewhere',
    sqlite3.SQLITE_READONLY: _NO_RIGHT,
    sqlite3.SQLITE_PERM: _NO_RIGHT,
    sqlite3.SQLITE_CORRUPT: _REPAIR,
    sqlite3.SQLITE_TOOBIG: 'store less in one session',
}
_PASSING: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})


class Unusable(Exception):
    """The file cannot be this store, whatever is repeated. `hint` is the line to write, or what to do."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(f'{reason} ({hint})')
        self.reason = reason
        self.hint = hint


def primary(error: BaseException) -> int:
    """Return SQLite's result code without its details; 0 for an error that Python's module raised by itself."""
    return getattr(error, 'sqlite_errorcode', 0) & 0xFF


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another connection holds a lock, so that the same call may succeed a moment later."""
    return primary(error) in _PASSING


def concerns_one(error: sqlite3.Error) -> bool:
    """Whether one object is the cause, so that others may be written: its page is damaged, or it is too large."""
    return primary(error) in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_TOOBIG}


def needs_reopening(error: BaseException) -> bool:
    """Whether a fresh connection may see what was mended meanwhile."""
    return isinstance(error, sqlite3.Error) and primary(error) not in _PASSING | {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_TOOBIG,
    }


def database_error(
    operation: str, key: str, error: sqlite3.Error | OSError | Unusable, *, committing: bool = False
) -> StoreError:
    """Translate an error. `committing`: the commit was asked for, so without a definite answer it is unknown.

    A commit whose write failed is not applied: without its last frame, no recovery takes it.
    """
    if isinstance(error, Unusable):
        return Refused(operation, key, error.reason, error.hint)
    if isinstance(error, OSError):
        return store_error(operation, key, error)
    if primary(error) == sqlite3.SQLITE_NOTADB:
        return Refused(operation, key, 'the file is not an SQLite database', 'move the file away, or name another')
    if is_busy(error):
        return Unavailable(operation, key, 'another process holds the lock of the database')
    if hint := _REFUSALS.get(primary(error)):
        return Refused(operation, key, _reason(error), hint)
    is_unknown = committing and getattr(error, 'sqlite_errorcode', 0) != sqlite3.SQLITE_IOERR_WRITE
    return (OutcomeUnknown if is_unknown else Unavailable)(operation, key, _reason(error))


def _reason(error: sqlite3.Error) -> str:
    name = getattr(error, 'sqlite_errorname', type(error).__name__)
    return f'{error} ({name})'
