"""Staying connected to a file that may be removed or replaced, by whoever does not know that it is in use."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from typing import Generic, TypeVar

from .database import Connection, Database

C = TypeVar('C', bound=Connection | None)

log = logging.getLogger('nicegui_stash')


class Connected(Generic[C]):
    """One connection, opened when it is needed and again after trouble. Used by one thread at a time."""

    def __init__(self, database: Database, open_: Callable[[], C]) -> None:
        """`open_` opens the connection, or says that there is none."""
        self._database = database
        self._open = open_
        self._connection: C | None = None

    @property
    def is_open(self) -> bool:
        return self._connection is not None

    def connection(self) -> C:
        """Return the open connection, or what `open_` returns; raises what it raises."""
        if self._connection is not None and not self._database.has(self._connection):
            log.warning('the database %s was removed or replaced while it was in use', self._database.path)
            self.close()  # of a file that has moved SQLite leaves the log alone: its name may be another file's by now
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    def close(self) -> None:
        """Close the connection; the next call of `connection` opens another."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            connection.close()
        except sqlite3.Error as error:  # all commits are in the log, where the next opening finds them
            log.warning('the database %s could not be tidied up: %s', self._database.path, error)
