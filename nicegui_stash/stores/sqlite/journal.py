"""Journals as SQLite files in a folder: one for each process, which holds its lock while it lives."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final

from ...errors import ConfigurationError, StoreError, Unavailable
from ..folders import make_folder
from ..journal import Leftover, Row
from ..urls import without_credentials
from .batches import BatchThread
from .connected import Connected
from .database import Connection, Database, Layout
from .errors import Unusable, database_error, is_busy, needs_reopening

log = logging.getLogger('nicegui_stash')

_LAYOUT: Final = Layout(
    """
CREATE TABLE IF NOT EXISTS operations (
    sequence INTEGER PRIMARY KEY NOT NULL,
    key TEXT NOT NULL,
    accepted INTEGER NOT NULL,
    body BLOB NOT NULL
)
""",
    application_id=0x5354414A,  # STAJ
    is_exclusive=True,
    network_hint='write a folder of a local disk',
)
_WRITE: Final = 'INSERT OR REPLACE INTO operations (sequence, key, accepted, body) VALUES (?, ?, ?, ?)'
_REMOVE: Final = 'DELETE FROM operations WHERE sequence = ?'
_READ: Final = 'SELECT sequence, key, accepted, body FROM operations ORDER BY sequence'

_PATIENCE: Final = 1.0
"""Seconds to wait for a process that looks whether this file is left over."""
_YOUNG: Final = 60.0
"""Seconds within which an empty file may be one that another process is about to open."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What one commit writes and removes."""

    rows: Sequence[Row]
    gone: Sequence[int]
    operation = 'put'
    key = 'journal'

    @property
    def size(self) -> int:
        return sum(len(row.body) for row in self.rows)


class JournalWriter:
    """The connection to one journal, and its lock."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connected: Connected[Connection] = Connected(database, database.create)
        self._was_open = False

    def open(self) -> Connection:
        """Open the file and take its lock. Raises `Unusable`, `sqlite3.Error` and `OSError`."""
        return self._connected.connection()

    def answer(self, questions: Sequence[Changes], /) -> Sequence[StoreError | None]:
        """Make all changes in one transaction, which is on the disk afterwards."""
        try:
            connection = self.open()
            self._database.patiently(lambda: connection.execute('BEGIN IMMEDIATE'))
        except (sqlite3.Error, OSError, Unusable) as error:
            return self._failed(questions, error)
        try:
            for changes in questions:
                for row in changes.rows:
                    connection.execute(_WRITE, row)
                for sequence in changes.gone:
                    connection.execute(_REMOVE, (sequence,))
            connection.execute('COMMIT')
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):
                if connection.in_transaction:
                    connection.execute('ROLLBACK')
            return self._failed(questions, error)
        if not self._database.has(connection):
            return [Unavailable('put', 'journal', 'its file was removed') for _ in questions]
        return [None] * len(questions)

    def close(self) -> None:
        """Close the file."""
        self._was_open = self._connected.is_open
        self._connected.close()

    def reopen(self) -> None:
        """Take the lock again after a fork, if we had it: whoever starts now would take the file for a leftover."""
        if self._was_open:
            with suppress(sqlite3.Error, OSError, Unusable):  # the next commit says what is wrong
                self.open()

    def remove_if_empty(self) -> None:
        """Close the file, and remove it if nothing is in it; one that cannot be opened stays."""
        with suppress(sqlite3.Error, OSError, Unusable):
            if not self._database.path.exists():
                return
            is_empty = self.open().execute('SELECT NOT EXISTS (SELECT 1 FROM operations)').fetchone()[0]
            self._connected.close()
            if is_empty:
                self._database.path.unlink(missing_ok=True)

    def _failed(
        self, questions: Sequence[Changes], error: sqlite3.Error | OSError | Unusable
    ) -> Sequence[StoreError | None]:
        if needs_reopening(error):
            self._connected.close()
        told = database_error('put', 'journal', error)
        told.__cause__ = error
        return [told] * len(questions)


class SQLiteJournal:
    """One journal: a thread of its own commits what has been accepted, so that no event loop waits for the disk."""

    def __init__(self, path: Path, lock_patience: float = _PATIENCE) -> None:
        self.path = path
        self._writer = JournalWriter(Database(path, lock_patience, _LAYOUT))
        self._thread: BatchThread[Changes] = BatchThread('stash-journal', self._writer, self._writer.reopen)

    def open(self) -> Connection:
        """Open the file now and keep it. Blocks; raises as `JournalWriter.open` does."""
        with self._thread.hold():
            return self._writer.open()

    def let_go(self) -> None:
        """Close the file, whatever is in it. Blocks."""
        with self._thread.hold():
            self._writer.close()

    async def commit(self, rows: Sequence[Row], gone: Sequence[int]) -> None:
        """Write and remove rows in one commit; it is on the disk when this returns. Raises `StoreError`."""
        await self._thread.ask(Changes(rows, gone))

    async def aclose(self) -> None:
        """Wait for the commits under way, and remove the file if it is empty."""
        await asyncio.to_thread(self._thread.close)
        await asyncio.to_thread(self._writer.remove_if_empty)


class JournalFolder:
    """The journals of one store in a folder of this host. A file is named by its store and the writer.

    The lock of a file ends with its process, however that ends. Whoever starts next takes over files without one.
    """

    def __init__(self, folder: str, store_url: str) -> None:
        """Name the folder (`~` is expanded), and the store; its credentials may change."""
        self._folder = Path(folder).expanduser().absolute()
        self._place = blake2b(without_credentials(store_url).encode(), digest_size=6).hexdigest()

    def own(self, writer: str) -> SQLiteJournal:
        """Open the journal of this process, and make the folder. Blocks.

        Raises `ConfigurationError` for a path where no journal can be; a disk that does not take it now may later.
        """
        journal = SQLiteJournal(self._folder / f'{self._place}-{writer}.db')
        try:
            make_folder(str(self._folder))
            journal.open()
        except (Unusable, NotADirectoryError) as error:
            reason = error.reason if isinstance(error, Unusable) else f'{self._folder} is not a folder'
            remedy = 'Set it to a folder of a local disk, or leave it out'
            raise ConfigurationError('journal', reason, remedy) from error
        except (sqlite3.Error, OSError):
            journal.let_go()  # the first commit tries again, and says what is wrong
        return journal

    def leftovers(self) -> Sequence[Leftover]:
        """Take over what processes left that have ended. Blocks."""
        try:
            paths = sorted(self._folder.glob(f'{self._place}-*.db'))
        except OSError:
            return []
        return [found for path in paths if (found := self._take_over(path)) is not None]

    def _take_over(self, path: Path) -> Leftover | None:
        """Lock a journal and read it, as far as it can be read. A damaged one is kept aside."""
        journal = SQLiteJournal(path, 0.0)
        rows: list[Row] = []
        damage: sqlite3.Error | None = None
        try:
            connection = journal.open()
            try:
                rows.extend(Row(*row) for row in connection.execute(_READ))
            except sqlite3.Error as error:
                damage = error
        except sqlite3.Error as error:
            journal.let_go()
            if is_busy(error):  # its process lives
                return None
            damage = error
        except (OSError, Unusable) as error:
            journal.let_go()
            log.warning('the journal %s cannot be read, and is left alone: %s', path, error)
            return None
        if damage is not None:
            journal.let_go()
            return self._set_aside(path, rows, damage)
        if not rows:
            journal.let_go()
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > _YOUNG:
                    path.unlink()
            return None
        return Leftover(_writer_of(path), rows, journal)

    def _set_aside(self, path: Path, rows: Sequence[Row], damage: sqlite3.Error) -> Leftover | None:
        """Rename a damaged journal, and what belongs to it; what was read of it is replayed."""
        log.warning(
            'the journal %s is damaged (%s): %d of its changes are replayed, and it is kept as *.damaged',
            path,
            damage,
            len(rows),
        )
        for each in path.parent.glob(f'{path.name}*'):
            with suppress(OSError):
                each.replace(each.with_name(f'{each.name}.damaged'))
        return Leftover(_writer_of(path), rows, _Nowhere()) if rows else None


class _Nowhere:
    """Stands for the file of a damaged journal, which is not written any more."""

    async def commit(self, rows: Sequence[Row], gone: Sequence[int]) -> None:
        """Do nothing."""

    async def aclose(self) -> None:
        """Do nothing."""


def _writer_of(path: Path) -> str:
    return path.stem.partition('-')[2]
