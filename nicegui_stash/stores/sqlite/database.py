"""Opening the file: what it must be before anything is written, how it is set up, and whether it is still there."""

from __future__ import annotations

import errno
import itertools
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from ..folders import FILE_MODE, make_folder, sync_folder
from .errors import Unusable, is_busy
from .filesystems import network_filesystem

T = TypeVar('T')

APPLICATION_ID: Final = 0x53544153
"""Written into the file's header (`STAS`), so that neither we nor others take it for something else."""

SCHEMA: Final = 1
"""The version of the table, in the file's `user_version`."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What a file of ours holds. `is_exclusive`: the process that has it open keeps all others out."""

    table: str
    application_id: int = APPLICATION_ID
    schema: int = SCHEMA
    is_exclusive: bool = False
    network_hint: str = 'write a path of a local disk, or the URL of a store for several servers: redis://host:6379/0'


# With a rowid an object of up to 4 KB lies in one page; WITHOUT ROWID, one of more than 1 KB would take two.
# The body is last, so that comparing etags and listing sizes read none of it.
OBJECTS: Final = Layout("""
CREATE TABLE IF NOT EXISTS objects (
    key TEXT PRIMARY KEY NOT NULL,
    etag TEXT NOT NULL,
    modified INTEGER NOT NULL,
    body BLOB NOT NULL
)
""")

# A commit is on the disk when it returns (macOS: fsync alone flushes no disk), and what is erased is overwritten. A log
# that has grown while somebody read becomes small again.
_PRAGMAS: Final = (
    'synchronous = FULL',
    'fullfsync = ON',
    'checkpoint_fullfsync = ON',
    'secure_delete = ON',
    'journal_size_limit = 67108864',
)

# A connection that is opened while we create the file would lose its locks when our own descriptor is closed: POSIX
# gives up all locks of a process on a file with any descriptor of it.
_opening = threading.Lock()


class Database:
    """One SQLite file. Every method blocks; nothing is touched before it is opened."""

    def __init__(self, path: Path, patience: float, layout: Layout = OBJECTS) -> None:
        """Name the file; `patience`: seconds to wait for a lock that another process holds."""
        self.path = path
        self._patience = patience
        self._layout = layout

    def create(self) -> Connection:
        """Open the file, and make it and its folders where they are missing.

        Raises `Unusable`, `sqlite3.Error` and `OSError`. Nothing is written to a file that is not this store's.
        """
        self._check_place()
        make_folder(str(self.path.parent))
        with _opening:
            with suppress(FileExistsError):
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, FILE_MODE))
                sync_folder(str(self.path.parent))
            sqlite = self._connect()
        try:
            self.patiently(lambda: _set_up(sqlite, self._layout))
        except BaseException:
            sqlite.close()
            raise
        return Connection(sqlite, self._identity())

    def open_existing(self) -> Connection | None:
        """Open the file, `None` if there is none, or no table in it yet. Raises as `create` does."""
        self._check_place()
        with _opening:
            if not self.path.exists():
                return None
            sqlite = self._connect()
        try:
            if self.patiently(lambda: _is_new(sqlite, self._layout)):
                sqlite.close()
                return None
        except BaseException:
            sqlite.close()
            raise
        return Connection(sqlite, self._identity())

    def has(self, connection: Connection) -> bool:
        """Whether the file is still the one that was opened, and not removed or replaced under us."""
        return self._identity() == connection.identity

    def patiently(self, action: Callable[[], T]) -> T:
        """Repeat what another connection's lock prevents, for as long as the patience lasts."""
        # SQLite's own wait sleeps up to 100 ms, in which a busy neighbour takes the lock again and again.
        deadline, pause = time.monotonic() + self._patience, 0.0002
        while True:
            try:
                return action()
            except sqlite3.Error as error:
                if not is_busy(error) or time.monotonic() >= deadline:
                    raise
            time.sleep(pause)
            pause = min(pause * 2, 0.005)

    def _check_place(self) -> None:
        if kind := network_filesystem(str(self.path)):
            raise Unusable(
                f'{self.path} lies on a network filesystem ({kind}), where SQLite is not safe',
                self._layout.network_hint,
            )
        if self.path.is_dir():
            raise Unusable(f'{self.path} is a folder', 'name a file in it: sqlite:///folder/stash.db')

    def _connect(self) -> sqlite3.Connection:
        if not os.access(self.path, os.R_OK | os.W_OK):  # SQLite would not say why
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        uri = f'{self.path.as_uri()}?mode=rw'
        sqlite = sqlite3.connect(uri, timeout=0, isolation_level=None, check_same_thread=False, uri=True)
        if self._layout.is_exclusive:  # before the first look, which takes the lock; then there is no shared memory
            sqlite.execute('PRAGMA locking_mode = EXCLUSIVE').fetchall()
        return sqlite

    def _identity(self) -> tuple[int, int] | None:
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino


class Connection:
    """An open file; `identity` is its device and inode, `etags` are such as no other connection ever gives."""

    def __init__(self, sqlite: sqlite3.Connection, identity: tuple[int, int] | None) -> None:
        self.execute = sqlite.execute
        self.identity = identity
        self.etags = map(f'{os.urandom(8).hex()}-{{:x}}'.format, itertools.count())
        self._sqlite = sqlite

    @property
    def in_transaction(self) -> bool:
        return self._sqlite.in_transaction

    def close(self) -> None:
        """Close it. Raises `sqlite3.Error` if the last commits cannot be moved from the log into the file."""
        self._sqlite.close()


def _set_up(sqlite: sqlite3.Connection, layout: Layout) -> None:
    """Look whose file it is, then set up the connection for writing, and the table."""
    is_new = _is_new(sqlite, layout)
    mode = sqlite.execute('PRAGMA journal_mode = WAL').fetchone()[0]
    if mode != 'wal':
        raise Unusable('its filesystem has no shared memory, which SQLite needs', 'write a path of a local disk')
    for pragma in _PRAGMAS:
        sqlite.execute(f'PRAGMA {pragma}').fetchall()
    if is_new:
        _make_table(sqlite, layout)


def _make_table(sqlite: sqlite3.Connection, layout: Layout) -> None:
    with _transaction(sqlite, 'BEGIN IMMEDIATE'):
        if _is_empty(sqlite, layout):  # another process may have been quicker
            sqlite.execute(layout.table)
            sqlite.execute(f'PRAGMA application_id = {layout.application_id}')
            sqlite.execute(f'PRAGMA user_version = {layout.schema}')
        sqlite.execute('COMMIT')


def _is_new(sqlite: sqlite3.Connection, layout: Layout) -> bool:
    """Whether the file is empty. Raises `Unusable` for a database of others, or of a newer version of ours."""
    with _transaction(sqlite, 'BEGIN'):  # of one moment: another process may be making the table
        return _is_empty(sqlite, layout)


def _is_empty(sqlite: sqlite3.Connection, layout: Layout) -> bool:
    (owner,) = sqlite.execute('PRAGMA application_id').fetchone()
    (version,) = sqlite.execute('PRAGMA user_version').fetchone()
    (tables,) = sqlite.execute('SELECT count(*) FROM sqlite_master').fetchone()
    if owner == layout.application_id and version > layout.schema:
        raise Unusable(
            f'a newer version of nicegui_stash wrote the database (its schema is {version}, ours {layout.schema})',
            'deploy that version again, or name another file',
        )
    if owner != layout.application_id and (owner or version or tables):
        raise Unusable('the file is a database of another application', 'name another file: sqlite:///stash.db')
    return owner != layout.application_id


@contextmanager
def _transaction(sqlite: sqlite3.Connection, begin: str) -> Generator[None]:
    """Begin a transaction, and roll it back if it is not committed within."""
    sqlite.execute(begin)
    try:
        yield
    finally:
        if sqlite.in_transaction:
            sqlite.execute('ROLLBACK')
