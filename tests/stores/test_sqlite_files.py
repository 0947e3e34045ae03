"""What the file is and is not: made for its owner, never taken for ours when it is not, and missed when it is gone."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from nicegui_stash.errors import ConfigurationError, OutcomeUnknown, Refused, StoreError, Unavailable
from nicegui_stash.stores import Replace, SQLiteStore, StoredObject
from nicegui_stash.stores.sqlite import database, filesystems, writing

from .sqlite_watching import real_connect, watch

ROOT = Path(__file__).parents[2]
as_root = pytest.mark.skipif(os.name != 'posix' or os.geteuid() != 0, reason='only root may mount')


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that is not there yet, nor is its folder."""
    return tmp_path / 'state' / 'stash.db'


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SQLiteStore]:
    store = SQLiteStore(path)
    yield store
    await store.aclose()


def failing(code: str, statement: str = 'COMMIT') -> object:
    """A `sqlite3.connect` whose connections fail with a result code of SQLite instead of a statement."""

    def fail(sql: str) -> None:
        if sql == statement:
            error = sqlite3.OperationalError(f'a failure for the test: {code}')
            error.sqlite_errorcode, error.sqlite_errorname = getattr(sqlite3, code), code
            raise error

    return watch(before=fail)[1]


async def stored(store: SQLiteStore, key: str) -> bytes:
    found = await store.get(key)
    assert isinstance(found, StoredObject)
    return found.body


# ---- making it


async def test_opening_and_reading_touch_nothing(store: SQLiteStore, tmp_path: Path) -> None:
    assert await store.get('x') is None
    assert [row async for row in store.list()] == []
    assert await store.advice() == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != 'posix', reason='Windows has other rights')
async def test_only_the_user_of_the_server_can_read_the_file_its_log_and_its_folder(
    store: SQLiteStore, path: Path
) -> None:
    await store.put('x', b'body', mode='create')
    modes = {each.name: each.stat().st_mode & 0o777 for each in (path.parent, *path.parent.iterdir())}
    assert modes == {'state': 0o700, 'stash.db': 0o600, 'stash.db-wal': 0o600, 'stash.db-shm': 0o600}


async def test_what_is_erased_is_in_none_of_its_files(store: SQLiteStore, path: Path) -> None:
    secret = b'a visitor typed this. ' * 1000
    etag = await store.put('x', secret, mode='create')
    await store.put('y', b'another', mode='create')
    await store.put('x', b'a tombstone', mode=Replace(etag))
    await store.aclose()
    assert not any(b'a visitor typed this' in each.read_bytes() for each in path.parent.iterdir())


async def test_checking_makes_the_database_and_leaves_an_existing_one_as_it_is(store: SQLiteStore, path: Path) -> None:
    store.check()
    await store.put('x', b'body', mode='create')
    SQLiteStore(path).check()
    assert await stored(store, 'x') == b'body'


async def test_an_empty_file_becomes_a_database(path: Path, store: SQLiteStore) -> None:
    path.parent.mkdir()
    path.touch()
    assert await store.get('x') is None
    assert path.stat().st_size == 0
    await store.put('x', b'body', mode='create')
    assert await stored(store, 'x') == b'body'


def test_a_file_that_another_process_is_making_a_database_of_is_not_taken_for_that_of_others(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others: list[SQLiteStore] = []

    def make(sql: str) -> None:
        if sql == 'PRAGMA user_version' and not others:
            others.append(SQLiteStore(path, lock_patience=0.05))
            others[0].check()

    monkeypatch.setattr(sqlite3, 'connect', watch(before=make)[1])
    SQLiteStore(path).check()
    SQLiteStore(path).check()


# ---- what is not ours


async def refused(path: Path, reason: str) -> str:
    """What a start says about a file, which has to be left as it is, as has what an app would do without a start."""
    before = path.read_bytes() if path.is_file() else None
    store = SQLiteStore(path)
    with pytest.raises(ConfigurationError, match=reason) as caught:
        store.check()
    assert caught.value.setting == 'url'
    for operation in (store.get('x'), store.put('x', b'body', mode='create'), store.delete('x')):
        with pytest.raises(Refused, match=reason) as refusal:
            await operation
        assert refusal.value.hint
    await store.aclose()
    assert (path.read_bytes() if path.is_file() else None) == before
    assert {each.name for each in path.parent.iterdir()} == {path.name}
    return caught.value.remedy


@pytest.mark.parametrize('content', [b'not a database, but long enough to have a header\n' * 100, b'short'])
async def test_a_file_that_is_no_database_is_named_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / 'notes.txt'
    path.write_bytes(content)
    assert 'ove the file away' in await refused(path, 'not an SQLite database')


@pytest.mark.parametrize(
    'statement', ['CREATE TABLE songs (name)', 'PRAGMA application_id = 7', 'PRAGMA user_version = 3']
)
async def test_a_database_of_another_application_is_named_and_left_as_it_is(tmp_path: Path, statement: str) -> None:
    path = tmp_path / 'songs.db'
    with closing(real_connect(path)) as connection:
        connection.execute(statement)
    assert 'sqlite:///stash.db' in await refused(path, 'of another application')


async def test_a_database_of_a_newer_version_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / 'stash.db'
    newer = SQLiteStore(path)
    await newer.put('x', b'body', mode='create')
    await newer.aclose()
    with closing(real_connect(path)) as connection:
        connection.execute('PRAGMA journal_mode = DELETE')
        connection.execute(f'PRAGMA user_version = {database.SCHEMA + 1}')
    assert 'eploy that version again' in await refused(path, r'a newer version .* \(its schema is 2, ours 1\)')


async def test_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / 'state').mkdir()
    assert 'sqlite:///folder/stash.db' in await refused(tmp_path / 'state', 'is a folder')


async def test_a_file_without_the_right_to_write_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / 'stash.db'
    path.touch()
    monkeypatch.setattr(os, 'access', lambda *_: False)  # root may write everywhere
    assert 'the right to read and write' in await refused(path, 'Permission denied')


def test_a_folder_below_a_file_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / 'file').touch()
    with pytest.raises(ConfigurationError, match='Not a directory'):
        SQLiteStore(tmp_path / 'file' / 'stash.db').check()


# ---- networks


MOUNTS = r"""
/dev/sda1 / ext4 rw,relatime 0 0
tmpfs /run tmpfs rw 0 0
host:/export /srv nfs4 rw,vers=4.2 0 0
/dev/sdb1 /srv/local xfs rw 0 0
//host/share /mnt/our\040files cifs rw 0 0
C:\134 /mnt/c 9p rw 0 0
me@host: /home/me/far fuse.sshfs rw 0 0
bucket /home/me/s3 fuse.s3fs rw 0 0
mergerfs /pool fuse.mergerfs rw 0 0
""".strip()


@pytest.mark.parametrize(
    ('path', 'kind'),
    [
        ('/var/lib/app/stash.db', None),
        ('/srv/app/stash.db', 'nfs4'),
        ('/srv', 'nfs4'),
        ('/srvother/stash.db', None),
        ('/srv/local/stash.db', None),
        ('/mnt/our files/stash.db', 'cifs'),
        ('/mnt/c/app/stash.db', '9p'),
        ('/home/me/far/stash.db', 'fuse.sshfs'),
        ('/home/me/s3/stash.db', 'fuse.s3fs'),
        ('/pool/stash.db', None),
    ],
)
@pytest.mark.skipif(sys.platform != 'linux', reason='/proc')
def test_a_path_on_a_network_filesystem_is_known(monkeypatch: pytest.MonkeyPatch, path: str, kind: str | None) -> None:
    monkeypatch.setattr(filesystems.Path, 'read_text', lambda *_, **__: MOUNTS)
    assert filesystems.network_filesystem(path) == kind


async def test_a_network_filesystem_is_refused_with_the_reason_and_the_line_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, 'network_filesystem', lambda _: 'nfs4')
    store = SQLiteStore(tmp_path / 'state' / 'stash.db')
    with pytest.raises(ConfigurationError, match=r'network filesystem \(nfs4\)') as caught:
        store.check()
    assert 'redis://' in caught.value.remedy
    with pytest.raises(Refused, match='nfs4'):
        await store.put('x', b'body', mode='create')
    await store.aclose()
    assert list(tmp_path.iterdir()) == []


# ---- what the disk and SQLite answer


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    disk = tmp_path / 'disk'
    disk.mkdir()
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', str(disk)], check=False).returncode:
        pytest.skip('this container may not mount')
    yield disk
    subprocess.run(['umount', str(disk)], check=True)


def fill(disk: Path) -> Path:
    """Fill a disk; return the file to remove."""
    ballast = disk / 'ballast'
    with suppress(OSError), ballast.open('wb', buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return ballast


async def put_many(store: SQLiteStore) -> None:
    for number in range(1000):
        await store.put(f'k{number}', b'b' * 10_000, mode='create')


@as_root
async def test_a_disk_that_fills_up_refuses_puts_and_keeps_what_is_stored_until_there_is_room(disk: Path) -> None:
    store = SQLiteStore(disk / 'stash.db')
    etag = await store.put('x', b'old', mode='create')
    ballast = fill(disk)
    with pytest.raises(Refused, match='full') as caught:
        await put_many(store)
    assert 'make room' in caught.value.hint
    with pytest.raises(Refused, match='full'):
        await store.put('x', b'n' * 10_000, mode=Replace(etag))
    assert await store.get('x') == StoredObject(b'old', etag)
    ballast.unlink()
    await store.put('x', b'n' * 10_000, mode=Replace(etag))
    await store.aclose()
    again = SQLiteStore(disk / 'stash.db')
    assert await stored(again, 'x') == b'n' * 10_000
    assert await again.advice() == []
    await again.aclose()


@pytest.mark.parametrize(
    ('code', 'expected'),
    [
        ('SQLITE_FULL', Refused),
        ('SQLITE_READONLY', Refused),
        ('SQLITE_IOERR_WRITE', Unavailable),
        ('SQLITE_IOERR_FSYNC', OutcomeUnknown),
        ('SQLITE_NOMEM', OutcomeUnknown),
    ],
)
@pytest.mark.proves('flush')
async def test_a_commit_that_fails_is_not_called_stored_and_the_next_one_goes_on(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch, code: str, expected: type[StoreError]
) -> None:
    store.check()
    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, 'connect', failing(code))
        with pytest.raises(expected):
            await store.put('x', b'body', mode='create')
    store._writes._work.close()  # the failing connection, where it is kept
    etag = await store.put('z', b'body', mode='create')
    assert await store.get('z') == StoredObject(b'body', etag)
    assert await store.get('x') is None


@pytest.mark.parametrize(
    ('code', 'expected'),
    [('SQLITE_IOERR_READ', Unavailable), ('SQLITE_CORRUPT', Refused), ('SQLITE_READONLY', Refused)],
)
async def test_a_failure_before_the_commit_is_no_unknown_outcome(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch, code: str, expected: type[StoreError]
) -> None:
    store.check()
    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, 'connect', failing(code, 'BEGIN IMMEDIATE'))
        with pytest.raises(expected):
            await store.put('x', b'body', mode='create')
    await store.put('x', b'body', mode='create')


async def test_a_damaged_page_refuses_its_objects_and_no_others(path: Path, store: SQLiteStore) -> None:
    keys = [f'k{number:03}' for number in range(300)]
    etags = {key: await store.put(key, key.encode() * 200, mode='create') for key in keys}
    await store.aclose()
    damaged = b'k150' * 200
    content = bytearray(path.read_bytes())
    page = content.index(damaged) // 4096 * 4096
    content[page : page + 8] = b'\xff' * 8
    path.write_bytes(content)
    again = SQLiteStore(path)
    found = await asyncio.gather(*(stored(again, key) for key in keys), return_exceptions=True)
    lost = {key: body for key, body in zip(keys, found, strict=True) if body != key.encode() * 200}
    assert 'k150' in lost
    assert len(lost) < 10
    assert all(isinstance(each, Refused) and 'restore a backup' in each.hint for each in lost.values())
    with pytest.raises(Refused, match='malformed'):
        await again.put('k150', b'new', mode=Replace(etags['k150']))
    await again.put('k001', b'new', mode=Replace(etags['k001']))
    (advice,) = await again.advice()
    assert 'damaged' in advice
    await again.aclose()


async def test_one_damaged_object_does_not_refuse_the_others_of_a_commit(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.check()
    make = writing._make

    def damaged(connection: object, change: writing.Change, now: int) -> object:
        if change.key == 'k3':
            error = sqlite3.DatabaseError('database disk image is malformed')
            error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_CORRUPT, 'SQLITE_CORRUPT'
            raise error
        return make(connection, change, now)

    monkeypatch.setattr(writing, '_make', damaged)
    outcomes = await asyncio.gather(
        *(store.put(f'k{number}', b'', mode='create') for number in range(9)), return_exceptions=True
    )
    assert [number for number, outcome in enumerate(outcomes) if isinstance(outcome, Refused)] == [3]
    assert len([row async for row in store.list()]) == 8


# ---- gone or replaced while it is in use


@pytest.mark.skipif(os.name != 'posix', reason='Windows removes no open file')
async def test_a_database_that_is_removed_while_it_is_in_use_is_made_again(
    store: SQLiteStore, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await store.put('x', b'body', mode='create')
    assert await stored(store, 'x') == b'body'
    shutil.rmtree(path.parent)
    assert await store.get('x') is None
    await store.put('y', b'body', mode='create')
    assert 'was removed or replaced' in caplog.text
    other = SQLiteStore(path)
    assert [row.key async for row in other.list()] == [row.key async for row in store.list()] == ['y']
    await other.aclose()


@pytest.mark.skipif(os.name != 'posix', reason='Windows removes no open file')
async def test_a_put_into_a_database_that_is_removed_under_its_commit_is_not_called_stored(
    store: SQLiteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.check()

    def remove(sql: str) -> None:
        if sql == 'COMMIT' and path.exists():
            path.unlink()

    monkeypatch.setattr(sqlite3, 'connect', watch(before=remove)[1])
    with pytest.raises(OutcomeUnknown, match='removed'):
        await store.put('x', b'body', mode='create')


@pytest.mark.skipif(os.name != 'posix', reason='Windows replaces no open file')
async def test_a_backup_in_the_place_of_the_database_is_read_and_its_log_is_left(path: Path, tmp_path: Path) -> None:
    backup = SQLiteStore(tmp_path / 'backup.db')
    await backup.put('x', b'of the backup', mode='create')
    await backup.aclose()
    first, second = SQLiteStore(path), SQLiteStore(path)
    for store in (first, second):
        await store.put(f'y{id(store)}', b'body', mode='create')
        assert await store.get('x') is None
    for name in ('stash.db', 'stash.db-wal', 'stash.db-shm'):
        (path.parent / name).unlink()
    shutil.copy(tmp_path / 'backup.db', path)
    assert await stored(first, 'x') == b'of the backup'
    await first.put('z', b'new', mode='create')
    log = (path.parent / 'stash.db-wal').stat().st_ino
    await second.put('w', b'new', mode='create')  # it lets go of the old file, whose log had the same name
    assert (path.parent / 'stash.db-wal').stat().st_ino == log
    await second.aclose()
    await first.aclose()
    again = SQLiteStore(path)
    assert [row.key async for row in again.list()] == ['w', 'x', 'z']
    await again.aclose()


# ---- Windows


@pytest.mark.proves('windows')
def test_the_store_imports_and_runs_without_anything_of_posix(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, '-m', 'tests.stores.sqlite_on_windows', str(tmp_path / 'state')],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        'put',
        'got',
        'listed',
        'deleted',
        'closed',
        'a network drive), where SQLite is not safe',
    ]
