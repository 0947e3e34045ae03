from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from nicegui_stash.errors import ConfigurationError, Conflict, OutcomeUnknown, Refused, StoreError, Unavailable
from nicegui_stash.stores import NOT_MODIFIED, ETag, FileStore, StoredObject
from nicegui_stash.stores.folder import Folder
from nicegui_stash.testing import StoreConformance

HOUR = 3600
PATIENCE = 10
"""Seconds after which a thread at a gate goes on, so that a broken store fails a test and does not hang it."""


class TestFileStore(StoreConformance):
    @pytest.fixture
    def store(self, files: FileStore) -> FileStore:
        return files

    @pytest.fixture
    async def other_store(self, folder: Path) -> AsyncIterator[FileStore]:
        store = FileStore(folder)
        yield store
        await store.aclose()


async def keys_of(store: FileStore, prefix: str = '') -> set[str]:
    return {row.key async for row in store.list(prefix)}


def temporaries(folder: Path) -> list[Path]:
    return sorted(folder.rglob('@temporary-*'))


def failing(number: int) -> Callable[..., None]:
    def fail(*_args: object, **_options: object) -> None:
        raise OSError(number, os.strerror(number), '/a/secret/path')

    return fail


# ---- what lies on the disk


async def test_an_object_is_a_file_of_its_key_with_exactly_its_body(files: FileStore, folder: Path) -> None:
    await files.put('ab/x.json', b'{"format": 1}', if_match=None)
    assert (folder / 'ab/x.json').read_bytes() == b'{"format": 1}'


async def test_only_the_owner_can_read_what_visitors_typed(files: FileStore, folder: Path) -> None:
    await files.put('ab/x.json', b'body', if_match=None)
    modes = [path.stat().st_mode & 0o777 for path in (folder, folder / 'ab', folder / 'ab/x.json')]
    assert modes == [0o700, 0o700, 0o600]


async def test_many_keys_share_at_most_64_locks_and_leave_no_temporary_file(files: FileStore, folder: Path) -> None:
    await asyncio.gather(*(files.put(f'k{number}', b'body', if_match=None) for number in range(300)))
    assert 1 < len(list((folder / '@locks').iterdir())) <= 64
    assert temporaries(folder) == []
    assert await keys_of(files) == {f'k{number}' for number in range(300)}


async def test_a_folder_removed_meanwhile_is_made_again(files: FileStore, folder: Path) -> None:
    await files.put('ab/x', b'body', if_match=None)
    for path in sorted(folder.rglob('*'), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()
    assert await files.get('ab/x') is None
    await files.put('ab/x', b'again', if_match=None)
    assert (folder / 'ab/x').read_bytes() == b'again'


async def test_a_relative_folder_stays_where_it_was_when_the_process_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = FileStore('stash')
    (tmp_path / 'elsewhere').mkdir()
    monkeypatch.chdir(tmp_path / 'elsewhere')
    await store.put('x', b'body', if_match=None)
    await store.aclose()
    assert (tmp_path / 'stash/x').read_bytes() == b'body'


# ---- etags


async def test_an_etag_never_comes_back_even_while_the_clock_stands_still(folder: Path) -> None:
    standing = Folder(str(folder), clock=lambda: 1_763_700_000_000_000_000)
    etag: ETag | None = None
    etags = set[ETag]()
    for _ in range(50):
        etag = standing.replace('x', b'same size', etag)
        etags.add(etag)
    assert len(etags) == 50


def test_an_etag_changes_even_when_the_clock_steps_back(folder: Path) -> None:
    times = iter([2_000_000_000_000_000_000, 1_000_000_000_000_000_000, 1_000_000_000_000_000_000])
    store = Folder(str(folder), clock=lambda: next(times))
    first = store.replace('x', b'a', None)
    second = store.replace('x', b'b', first)
    third = store.replace('x', b'c', second)
    moments = [int(etag.split('.')[0], 16) for etag in (first, second, third)]
    assert moments == sorted(set(moments))


def test_a_filesystem_with_coarse_times_still_has_an_etag_per_put(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.utime

    def whole_seconds(file: int, *, ns: tuple[int, int]) -> None:
        real(file, ns=(ns[0] // 10**9 * 10**9, ns[1] // 10**9 * 10**9))

    monkeypatch.setattr(os, 'utime', whole_seconds)
    store = Folder(str(folder))
    first = store.replace('x', b'a', None)
    second = store.replace('x', b'b', first)
    assert int(second.split('.')[0], 16) - int(first.split('.')[0], 16) >= 10**9
    with pytest.raises(Conflict):
        store.replace('x', b'late', first)


async def test_an_edit_by_hand_is_a_change(files: FileStore, folder: Path) -> None:
    etag = await files.put('x', b'aaaa', if_match=None)
    (folder / 'x').write_bytes(b'bbbb')
    assert isinstance(found := await files.get('x', unless=etag), StoredObject)
    assert found.body == b'bbbb'
    with pytest.raises(Conflict):
        await files.put('x', b'late', if_match=etag)


async def test_a_conditional_read_of_an_unchanged_object_reads_no_body(
    files: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    etag = await files.put('x', b'body', if_match=None)
    monkeypatch.setattr(os, 'read', failing(errno.EIO))
    assert await files.get('x', unless=etag) is NOT_MODIFIED
    with pytest.raises(Unavailable):
        await files.get('x')


# ---- readers and writers


async def test_a_reader_never_sees_a_torn_body(files: FileStore, folder: Path) -> None:
    size = 300_000
    etag = await files.put('x', b'a' * size, if_match=None)
    reader = FileStore(folder)
    done = asyncio.Event()
    seen = set[bytes]()

    async def read() -> None:
        while not done.is_set():
            found = await reader.get('x')
            assert isinstance(found, StoredObject)
            assert len(found.body) == size
            assert found.body.count(found.body[:1]) == size
            seen.add(found.body[:1])

    readers = [asyncio.create_task(read()) for _ in range(3)]
    for number in range(150):
        etag = await files.put('x', bytes([ord('a') + number % 26]) * size, if_match=etag)
    done.set()
    await asyncio.gather(*readers)
    await reader.aclose()
    assert len(seen) > 1


async def test_a_put_does_not_hold_the_event_loop(files: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    at_the_disk = threading.Event()
    real = os.fsync

    def slow(file: int) -> None:
        at_the_disk.set()
        gate.wait(PATIENCE) or gate.set()
        real(file)

    monkeypatch.setattr(os, 'fsync', slow)
    puts = [asyncio.create_task(files.put(f'k{number}', b'body', if_match=None)) for number in range(20)]
    assert await asyncio.to_thread(at_the_disk.wait, PATIENCE)
    # Every writer is stuck, or will be; reads have threads of their own.
    assert await files.get('other') is None
    assert not any(put.done() for put in puts)
    gate.set()
    await asyncio.gather(*puts)


async def test_closing_waits_for_a_put_whose_caller_was_cancelled(
    files: FileStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    at_the_disk = threading.Event()
    real = os.replace

    def slow(source: str, target: str) -> None:
        at_the_disk.set()
        gate.wait(PATIENCE) or gate.set()
        real(source, target)

    monkeypatch.setattr(os, 'replace', slow)
    put = asyncio.create_task(files.put('x', b'body', if_match=None))
    assert await asyncio.to_thread(at_the_disk.wait, PATIENCE)
    put.cancel()
    with pytest.raises(asyncio.CancelledError):
        await put
    assert not (folder / 'x').exists()
    closing = asyncio.create_task(files.aclose())
    gate.set()
    await closing
    assert (folder / 'x').read_bytes() == b'body'


async def test_a_closed_store_has_no_threads(folder: Path) -> None:
    before = {thread for thread in threading.enumerate() if thread.name.startswith('stash-')}
    store = FileStore(folder)
    await store.put('x', b'body', if_match=None)
    await store.get('x')
    assert {thread for thread in threading.enumerate() if thread.name.startswith('stash-')} > before
    await store.aclose()
    assert {thread for thread in threading.enumerate() if thread.name.startswith('stash-')} == before


def test_a_store_outlives_its_event_loop(folder: Path) -> None:
    store = FileStore(folder)
    etag = asyncio.run(store.put('x', b'one', if_match=None))
    asyncio.run(store.put('x', b'two', if_match=etag))
    found = asyncio.run(store.get('x'))
    asyncio.run(store.aclose())
    assert isinstance(found, StoredObject)
    assert found.body == b'two'


async def test_a_lock_that_nobody_gives_back_makes_a_put_unavailable(folder: Path) -> None:
    patient, impatient = FileStore(folder), FileStore(folder, lock_patience=0.05)
    etag = await patient.put('x', b'one', if_match=None)
    (lock,) = (folder / '@locks').iterdir()
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Unavailable, match='held by somebody else'):
            await impatient.put('x', b'two', if_match=etag)
        assert await impatient.get('x') == StoredObject(b'one', etag)
        waiting = asyncio.create_task(patient.put('x', b'three', if_match=etag))
        fcntl.flock(held, fcntl.LOCK_UN)
        await waiting
    assert (folder / 'x').read_bytes() == b'three'
    await patient.aclose()
    await impatient.aclose()


# ---- keys


@pytest.mark.parametrize(
    'key',
    ['', '.', '..', '../x', 'a/../../x', 'a/..', '/etc/passwd', '//x', 'a//b', 'a/', './a', 'a/./b', 'a\\..\\b', 'a\0b',
     '@locks/00', 'a/@temporary-0', '~/x', 'a b', 'é', 'a\n'],
)  # fmt: skip
async def test_a_key_cannot_leave_the_folder(files: FileStore, folder: Path, key: str) -> None:
    await files.put('inside', b'body', if_match=None)
    before = sorted(folder.parent.parent.rglob('*'))
    with pytest.raises(ValueError, match='is no key'):
        await files.get(key)
    with pytest.raises(ValueError, match='is no key'):
        await files.put(key, b'body', if_match=None)
    with pytest.raises(ValueError, match='is no key'):
        await files.delete(key)
    assert sorted(folder.parent.parent.rglob('*')) == before


@pytest.mark.parametrize('prefix', ['..', '../', '/', '/etc/', '@locks', '@locks/', '@temporary'])
async def test_a_prefix_cannot_leave_the_folder(files: FileStore, folder: Path, prefix: str) -> None:
    await files.put('inside', b'body', if_match=None)
    (folder.parent / 'outside').write_bytes(b'')
    assert await keys_of(files, prefix) == set()


async def test_a_folder_is_no_object_and_an_object_no_folder(files: FileStore) -> None:
    await files.put('a/b', b'body', if_match=None)
    assert await files.get('a') is None
    assert await files.get('a/b/c') is None
    await files.delete('a')
    await files.delete('a/b/c')
    for key in ('a', 'a/b/c'):
        with pytest.raises(Refused, match='a key cannot lie below another key'):
            await files.put(key, b'body', if_match=None)
    assert await keys_of(files) == {'a/b'}


async def test_a_key_too_long_for_the_filesystem_is_refused(files: FileStore) -> None:
    with pytest.raises(Refused, match='shorten the key'):
        await files.put('k' * 300, b'body', if_match=None)
    await files.put('k' * 255, b'body', if_match=None)
    assert await keys_of(files) == {'k' * 255}


# ---- listings


async def test_a_listing_longer_than_a_chunk_is_complete(files: FileStore, folder: Path) -> None:
    for number in range(1203):
        path = folder / f'{number % 7}' / f'{number}.json'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert await keys_of(files) == {f'{number % 7}/{number}.json' for number in range(1203)}


async def test_a_listing_leaves_out_locks_links_and_files_that_are_no_objects(files: FileStore, folder: Path) -> None:
    await files.put('ab/x', b'body', if_match=None)
    (folder / 'ab' / 'not a key').touch()
    (folder / 'elsewhere').symlink_to(folder.parent)
    (folder / 'link').symlink_to(folder / 'ab' / 'x')
    (folder / 'dangling').symlink_to(folder / 'nothing')
    assert await keys_of(files) == {'ab/x'}


async def test_listing_a_store_that_was_never_written_gives_nothing(files: FileStore, folder: Path) -> None:
    assert await keys_of(files) == set()
    assert not folder.exists()


async def test_a_temporary_file_is_neither_read_nor_listed_and_is_swept_after_an_hour(
    files: FileStore, folder: Path
) -> None:
    await files.put('ab/x', b'body', if_match=None)
    fresh, stale = folder / 'ab/@temporary-fresh', folder / 'ab/@temporary-stale'
    fresh.write_bytes(b'half')
    stale.write_bytes(b'half')
    past = stale.stat().st_mtime - HOUR - 1
    os.utime(stale, (past, past))
    assert await keys_of(files) == {'ab/x'}
    assert temporaries(folder) == [fresh]
    assert await files.get('ab/x') == StoredObject(b'body', (await _stored(files, 'ab/x')).etag)


# ---- errors


@pytest.mark.parametrize('name', ['ENOSPC', 'EDQUOT', 'EACCES', 'EPERM', 'EROFS', 'EFBIG'])
@pytest.mark.parametrize('step', ['open', 'write', 'utime', 'fsync', 'replace'])
async def test_a_put_that_the_system_refuses_is_refused_and_leaves_nothing(
    files: FileStore, folder: Path, monkeypatch: pytest.MonkeyPatch, step: str, name: str
) -> None:
    etag = await files.put('x', b'old', if_match=None)
    with monkeypatch.context() as patch:
        patch.setattr(os, step, failing(getattr(errno, name)))
        with pytest.raises(Refused) as caught:
            await files.put('x', b'new', if_match=etag)
    assert (caught.value.operation, caught.value.key) == ('put', 'x')
    assert caught.value.hint
    assert '/a/secret/path' not in str(caught.value)
    assert await files.get('x') == StoredObject(b'old', etag)
    assert temporaries(folder) == []


@pytest.mark.parametrize('step', ['open', 'write', 'fsync'])
async def test_a_put_that_fails_before_the_rename_is_unavailable_and_leaves_nothing(
    files: FileStore, folder: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    etag = await files.put('x', b'old', if_match=None)
    with monkeypatch.context() as patch:
        patch.setattr(os, step, failing(errno.EIO))
        with pytest.raises(Unavailable):
            await files.put('x', b'new', if_match=etag)
    assert await files.get('x') == StoredObject(b'old', etag)
    assert temporaries(folder) == []


async def test_a_rename_that_fails_without_a_reason_has_an_unknown_outcome(
    files: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, 'replace', failing(errno.EIO))
    with pytest.raises(OutcomeUnknown):
        await files.put('x', b'new', if_match=None)


async def test_a_put_that_is_applied_but_not_known_to_be_on_the_disk_has_an_unknown_outcome(
    files: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_replace, real_fsync = os.replace, os.fsync
    replaced: list[str] = []

    def replace(source: str, target: str) -> None:
        real_replace(source, target)
        replaced.append(target)

    def fsync(file: int) -> None:
        if replaced:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        real_fsync(file)

    monkeypatch.setattr(os, 'replace', replace)
    monkeypatch.setattr(os, 'fsync', fsync)
    with pytest.raises(OutcomeUnknown):
        await files.put('x', b'new', if_match=None)
    assert (await _stored(files, 'x')).body == b'new'


@pytest.mark.parametrize(
    ('number', 'expected'), [(errno.EACCES, Refused), (errno.EIO, Unavailable), (errno.EMFILE, Unavailable)]
)
async def test_reads_deletes_and_listings_translate_the_systems_errors(
    files: FileStore, monkeypatch: pytest.MonkeyPatch, number: int, expected: type[StoreError]
) -> None:
    await files.put('x', b'body', if_match=None)
    for step in ('open', 'unlink', 'scandir'):
        monkeypatch.setattr(os, step, failing(number))
    with pytest.raises(expected, match='get x'):
        await files.get('x')
    with pytest.raises(expected, match='delete x'):
        await files.delete('x')
    with pytest.raises(expected, match='list'):
        await keys_of(files)


# ---- opening


def test_checking_makes_the_folder_and_leaves_nothing_but_a_lock(folder: Path) -> None:
    FileStore(folder).check()
    assert [path.name for path in folder.iterdir()] == ['@locks']
    FileStore(folder).check()


@pytest.mark.parametrize('name', ['file/stash', 'file'])
def test_a_folder_below_a_file_is_a_configuration_error_that_names_it(tmp_path: Path, name: str) -> None:
    (tmp_path / 'file').touch()
    with pytest.raises(ConfigurationError) as caught:
        FileStore(tmp_path / name).check()
    assert str(tmp_path / name) in str(caught.value)
    assert 'NICEGUI_STASH_URL' in caught.value.remedy


@pytest.mark.skipif(sys.platform != 'linux', reason='/proc')
def test_a_folder_that_cannot_be_made_is_a_configuration_error_that_names_it() -> None:
    with pytest.raises(ConfigurationError, match='/proc/stash'):
        FileStore('/proc/stash').check()


def test_windows_is_a_configuration_error_with_a_way_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, 'platform', 'win32')
    with pytest.raises(ConfigurationError, match='Windows') as caught:
        FileStore(folder)
    assert 'memory://' in caught.value.remedy


async def _stored(store: FileStore, key: str) -> StoredObject:
    found = await store.get(key)
    assert isinstance(found, StoredObject)
    return found
