"""How one file is read and replaced so that nobody ever sees or loses a part: the blocking half of `FileStore`.

A put takes the lock of the key's shard, compares, writes a temporary file into the same folder, flushes it to the disk,
renames it over the object and flushes the folder. A file that has its name is never written to again, so a reader needs
no lock: what it has opened stays as it is.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import secrets
import stat
import sys
import time
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress

from ...errors import ConfigurationError, Conflict, OutcomeUnknown, Refused, Unavailable
from ..base import NOT_MODIFIED, ETag, Mode, NotModified, ObjectInfo, StoredObject
from ..folders import DATABASE, FILE_MODE, make_folder, sync_folder
from ..keys import check_key, is_key
from ..oserrors import reason_of, store_error

if sys.platform != 'win32':
    import fcntl

_log = logging.getLogger('nicegui_stash')

# No key can contain '@', so none can name these.
_LOCKS = '@locks'
_TEMPORARY = '@temporary-'
_TEMPORARY_LIFE = 3600.0
_SHARD_OF_TEMPORARY = re.compile(f'{_TEMPORARY}([0-9a-f]{{2}})-[0-9a-f]+')  # not in the names of the first versions

_NO_FOLDER = 'where the folder of the store should be, or one above it, is a file: move the file away'

# Of `flock` on NFS, EFS and gVisor; no later try succeeds.
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}
_LOCAL = 'Network folders often have no flock: use a folder on a local disk, or object storage or Redis'

# Old and new servers share a folder during a deploy: they must agree on a key's lock, so this never changes.
_SHARDS = 64

# Steps to the next time that a filesystem can tell from the last one, in ns: ext4 and the like 1, others up to 2 s.
_TIME_STEPS = (0, 1, 100, 1_000, 1_000_000, 10_000_000, 1_000_000_000, 2_000_000_000)


class Folder:
    """Objects as files below an absolute folder. Every method blocks and may be called from any thread."""

    def __init__(self, root: str, lock_patience: float = 5.0, clock: Callable[[], int] = time.time_ns) -> None:
        """Name the folder; nothing is touched. `lock_patience`: seconds to wait for a lock; `clock`: epoch ns."""
        self.root = root
        self._lock_patience = lock_patience
        self._clock = clock

    def read(self, key: str, unless: ETag | None = None) -> StoredObject | NotModified | None:
        """Read an object: open, fstat, and the body only if the etag is not `unless`."""
        path = self._path(key)
        try:
            file = os.open(path, os.O_RDONLY)
            try:
                status = os.fstat(file)
                etag = _etag(status)
                return NOT_MODIFIED if etag == unless else StoredObject(_read_all(file, status.st_size), etag)
            finally:
                os.close(file)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            raise store_error('get', key, error) from error

    def put(self, key: str, body: bytes, mode: Mode) -> ETag:
        """Write an object in its mode; when this returns, it is on the disk."""
        path = self._path(key)
        with self._locked('put', key):
            try:
                current = _status(path)
                _compare(key, current, mode)
                after = current.st_mtime_ns if current else 0
                temporary, etag = self._stage(os.path.dirname(path), _shard(key), body, after)
            except OSError as error:
                raise store_error('put', key, error) from error
            try:
                os.replace(temporary, path)
            except OSError as error:
                _discard(temporary)
                raise store_error('put', key, error, attempted=True) from error
            try:
                sync_folder(os.path.dirname(path))
            except OSError as error:
                raise OutcomeUnknown('put', key, f'{reason_of(error)} after the object was replaced') from error
        return etag

    def remove(self, key: str) -> None:
        """Remove an object, if there is one; when this returns, its name is off the disk."""
        path = self._path(key)
        with self._locked('delete', key):
            try:
                os.unlink(path)
                sync_folder(os.path.dirname(path))
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                return
            except OSError as error:
                raise store_error('delete', key, error) from error

    def walk(self, prefix: str = '', below: str = '') -> Iterator[ObjectInfo]:
        """Go through the objects whose key starts with `prefix`, and sweep temporary files left by a crash."""
        try:
            with os.scandir(f'{self.root}/{below}') as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise store_error('list', prefix, error) from error
        for entry in found:
            key = below + entry.name
            if entry.name.startswith(_TEMPORARY):
                self._sweep(entry.path)
            elif not is_key(entry.name) or (key.startswith(DATABASE) and not entry.is_dir(follow_symlinks=False)):
                continue
            elif entry.is_dir(follow_symlinks=False):
                if f'{key}/'.startswith(prefix) or prefix.startswith(f'{key}/'):
                    yield from self.walk(prefix, f'{key}/')
            elif key.startswith(prefix) and entry.is_file(follow_symlinks=False):
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue  # removed meanwhile
                except OSError as error:
                    raise store_error('list', prefix, error) from error
                yield ObjectInfo(key, status.st_size, status.st_mtime)

    def tidy(self) -> None:
        """Remove the temporary files of puts that were killed; blocks, for a thread. What cannot be read is left."""
        for folder, _, names in os.walk(self.root):
            for name in names:
                if name.startswith(_TEMPORARY):
                    self._sweep(f'{folder}/{name}')

    def check(self) -> None:
        """Prove that the folder can be made, locked and written, or raise `ConfigurationError`."""
        try:
            make_folder(self.root)
            with self._locked('open', self.root):
                temporary, _ = self._stage(self.root, _shard(self.root), b'', 0)
            os.unlink(temporary)
            sync_folder(self.root)
        except (OSError, Refused) as error:
            reason = error.reason if isinstance(error, Refused) else reason_of(error)
            cause = error.__cause__ if isinstance(error, Refused) else error
            remedy = (
                'It, or a part of its path, is a file: move the file away'
                if isinstance(cause, NotADirectoryError)
                else _LOCAL
                if isinstance(cause, OSError) and cause.errno in _NO_LOCKS
                else 'Give the user that runs the server the right to create and write it'
            )
            raise ConfigurationError(
                'url',
                f'the folder {self.root} cannot be used as a store ({reason})',
                f'{remedy}, or set another url (NICEGUI_STASH_URL)',
            ) from error

    def _path(self, key: str) -> str:
        return f'{self.root}/{check_key(key)}'

    @contextmanager
    def _locked(self, operation: str, key: str) -> Generator[None]:
        """Hold the lock of the key's shard, against threads and processes alike."""
        try:
            lock = _open_in_folder(f'{self.root}/{_LOCKS}/{_shard(key)}', os.O_RDWR | os.O_CREAT)
        except NotADirectoryError as error:  # no key is on this path
            raise Refused(operation, key, reason_of(error), _NO_FOLDER) from error
        except OSError as error:
            raise store_error(operation, key, error) from error
        try:
            self._wait(lock, operation, key)
            try:
                yield
            finally:
                # Not left to close(): a process forked meanwhile shares the open file, and would keep the lock.
                fcntl.flock(lock, fcntl.LOCK_UN)
        finally:
            os.close(lock)

    def _wait(self, lock: int, operation: str, key: str) -> None:
        # A blocking flock has no deadline: one stopped process would hang ours, up to its exit.
        deadline = time.monotonic() + self._lock_patience
        pause = 0.0002
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError as error:
                if time.monotonic() >= deadline:
                    reason = f'its lock has been held by somebody else for {self._lock_patience:g} s'
                    raise Unavailable(operation, key, reason) from error
            except OSError as error:
                if error.errno in _NO_LOCKS:
                    raise Refused(operation, key, f'flock: {reason_of(error)}', _LOCAL) from error
                raise store_error(operation, key, error) from error
            time.sleep(pause)
            pause = min(pause * 2, 0.01)

    def _stage(self, folder: str, shard: str, body: bytes, after: int) -> tuple[str, ETag]:
        """Write a temporary file onto the disk; its modification time is later than `after`, in ns.

        Its name says by which lock it is protected: without a holder, its put was killed.
        """
        temporary = f'{folder}/{_TEMPORARY}{shard}-{secrets.token_hex(8)}'
        file = _open_in_folder(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            try:
                _write_all(file, body)
                etag = self._stamp(file, after)
                os.fsync(file)
            finally:
                os.close(file)
        except BaseException:
            _discard(temporary)
            raise
        return temporary, etag

    def _stamp(self, file: int, after: int) -> ETag:
        # The system's own time stamps are some ms apart and inodes are used again at once: two puts could look alike.
        now = self._clock()
        for step in _TIME_STEPS:
            moment = max(now, after + step)
            os.utime(file, ns=(moment, moment))
            status = os.fstat(file)
            if status.st_mtime_ns > after:
                return _etag(status)
        raise OSError(errno.ENOTSUP, 'the filesystem keeps no modification times')

    def _sweep(self, path: str) -> None:
        """Remove a temporary file whose put was killed: nobody holds its lock, or it is an hour old."""
        try:
            shard = _SHARD_OF_TEMPORARY.fullmatch(os.path.basename(path))
            if shard:
                self._sweep_unless_locked(path, shard[1])
            elif self._clock() / 1e9 - os.stat(path, follow_symlinks=False).st_mtime > _TEMPORARY_LIFE:
                os.unlink(path)
        except (FileNotFoundError, BlockingIOError):
            return  # another process was quicker, or is putting an object
        except OSError as error:
            _log.warning('cannot remove the temporary file %s: %s', path, reason_of(error))

    def _sweep_unless_locked(self, path: str, shard: str) -> None:
        lock = os.open(f'{self.root}/{_LOCKS}/{shard}', os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            try:
                os.unlink(path)
            finally:
                fcntl.flock(lock, fcntl.LOCK_UN)  # as after a put
        finally:
            os.close(lock)


def _shard(key: str) -> str:
    """Return which lock a key needs."""
    return f'{zlib.crc32(key.encode()) % _SHARDS:02x}'


def _etag(status: os.stat_result) -> ETag:
    return ETag(f'{status.st_mtime_ns:x}.{status.st_ino:x}.{status.st_size:x}')


def _status(path: str) -> os.stat_result | None:
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    return status


def _compare(key: str, current: os.stat_result | None, mode: Mode) -> None:
    if current is None:
        if mode != 'create':
            raise Conflict('put', key, 'it does not exist')
    elif mode == 'create':
        raise Conflict('put', key, 'it exists')
    elif _etag(current) != mode.etag:
        raise Conflict('put', key, 'it has another etag')


def _read_all(file: int, size: int) -> bytes:
    body = os.read(file, size)
    while len(body) < size and (more := os.read(file, size - len(body))):
        body += more
    return body


def _write_all(file: int, body: bytes) -> None:
    rest = memoryview(body)
    while rest:
        rest = rest[os.write(file, rest) :]


def _discard(temporary: str) -> None:
    # The first error is the one to tell; a temporary file that stays is swept later.
    with suppress(OSError):
        os.unlink(temporary)


def _open_in_folder(path: str, flags: int) -> int:
    """Open a file; where its folder is missing, make it first."""
    try:
        return os.open(path, flags, FILE_MODE)
    except FileNotFoundError:
        make_folder(os.path.dirname(path))
        return os.open(path, flags, FILE_MODE)
