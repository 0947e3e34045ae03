from __future__ import annotations

import asyncio
import errno
import fcntl
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nicegui_stash.errors import Conflict, Refused, Unavailable
from nicegui_stash.stores import NOT_MODIFIED, ETag, FileStore, Replace, StoredObject
from nicegui_stash.stores.base import replacing
from nicegui_stash.stores.file.folder import Folder
from nicegui_stash.testing import StoreConformance

from .looking import failing, keys_of, stored, temporaries

HOUR = 3600


class TestFileStore(StoreConformance):
    @pytest.fixture
    def store(self, files: FileStore) -> FileStore:
        return files

    @pytest.fixture
    async def other_store(self, folder: Path) -> AsyncIterator[FileStore]:
        store = FileStore(folder)
        yield store
        await store.aclose()


# ---- what lies on the disk


async def test_an_object_is_a_file_of_its_key_with_exactly_its_body(files: FileStore, folder: Path) -> None:
    await files.put('ab/x.json', b'{"format": 1}', mode='create')
    assert (folder / 'ab/x.json').read_bytes() == b'{"format": 1}'


async def test_only_the_owner_can_read_what_visitors_typed(files: FileStore, folder: Path) -> None:
    await files.put('ab/x.json', b'body', mode='create')
    modes = [path.stat().st_mode & 0o777 for path in (folder, folder / 'ab', folder / 'ab/x.json')]
    assert modes == [0o700, 0o700, 0o600]


async def test_many_keys_share_at_most_64_locks_and_leave_no_temporary_file(files: FileStore, folder: Path) -> None:
    await asyncio.gather(*(files.put(f'k{number}', b'body', mode='create') for number in range(300)))
    assert 1 < len(list((folder / '@locks').iterdir())) <= 64
    assert temporaries(folder) == []
    assert await keys_of(files) == {f'k{number}' for number in range(300)}


async def test_a_folder_removed_meanwhile_is_made_again(files: FileStore, folder: Path) -> None:
    await files.put('ab/x', b'body', mode='create')
    for path in sorted(folder.rglob('*'), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()
    assert await files.get('ab/x') is None
    await files.put('ab/x', b'again', mode='create')
    assert (folder / 'ab/x').read_bytes() == b'again'


async def test_a_relative_folder_stays_where_it_was_when_the_process_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = FileStore('stash')
    (tmp_path / 'elsewhere').mkdir()
    monkeypatch.chdir(tmp_path / 'elsewhere')
    await store.put('x', b'body', mode='create')
    await store.aclose()
    assert (tmp_path / 'stash/x').read_bytes() == b'body'


# ---- etags


async def test_an_etag_never_comes_back_even_while_the_clock_stands_still(folder: Path) -> None:
    standing = Folder(str(folder), clock=lambda: 1_763_700_000_000_000_000)
    etag: ETag | None = None
    etags = set[ETag]()
    for _ in range(50):
        etag = standing.put('x', b'same size', replacing(etag))
        etags.add(etag)
    assert len(etags) == 50


def test_an_etag_changes_even_when_the_clock_steps_back(folder: Path) -> None:
    times = iter([2_000_000_000_000_000_000, 1_000_000_000_000_000_000, 1_000_000_000_000_000_000])
    store = Folder(str(folder), clock=lambda: next(times))
    first = store.put('x', b'a', 'create')
    second = store.put('x', b'b', Replace(first))
    third = store.put('x', b'c', Replace(second))
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
    first = store.put('x', b'a', 'create')
    second = store.put('x', b'b', Replace(first))
    assert int(second.split('.')[0], 16) - int(first.split('.')[0], 16) >= 10**9
    with pytest.raises(Conflict):
        store.put('x', b'late', Replace(first))


async def test_an_edit_by_hand_is_a_change(files: FileStore, folder: Path) -> None:
    etag = await files.put('x', b'aaaa', mode='create')
    (folder / 'x').write_bytes(b'bbbb')
    assert isinstance(found := await files.get('x', unless=etag), StoredObject)
    assert found.body == b'bbbb'
    with pytest.raises(Conflict):
        await files.put('x', b'late', mode=Replace(etag))


async def test_a_conditional_read_of_an_unchanged_object_reads_no_body(
    files: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    etag = await files.put('x', b'body', mode='create')
    monkeypatch.setattr(os, 'read', failing(errno.EIO))
    assert await files.get('x', unless=etag) is NOT_MODIFIED
    with pytest.raises(Unavailable):
        await files.get('x')


# ---- keys


@pytest.mark.parametrize(
    'key',
    ['', '.', '..', '../x', 'a/../../x', 'a/..', '/etc/passwd', '//x', 'a//b', 'a/', './a', 'a/./b', 'a\\..\\b', 'a\0b',
     '@locks/00', 'a/@temporary-0', '~/x', 'a b', 'é', 'a\n'],
)  # fmt: skip
async def test_a_key_cannot_leave_the_folder(files: FileStore, folder: Path, key: str) -> None:
    await files.put('inside', b'body', mode='create')
    before = sorted(folder.parent.parent.rglob('*'))
    with pytest.raises(ValueError, match='is no key'):
        await files.get(key)
    with pytest.raises(ValueError, match='is no key'):
        await files.put(key, b'body', mode='create')
    with pytest.raises(ValueError, match='is no key'):
        await files.delete(key)
    assert sorted(folder.parent.parent.rglob('*')) == before


@pytest.mark.parametrize('prefix', ['..', '../', '/', '/etc/', '@locks', '@locks/', '@temporary'])
async def test_a_prefix_cannot_leave_the_folder(files: FileStore, folder: Path, prefix: str) -> None:
    await files.put('inside', b'body', mode='create')
    (folder.parent / 'outside').write_bytes(b'')
    assert await keys_of(files, prefix) == set()


async def test_a_folder_is_no_object_and_an_object_no_folder(files: FileStore) -> None:
    await files.put('a/b', b'body', mode='create')
    assert await files.get('a') is None
    assert await files.get('a/b/c') is None
    await files.delete('a')
    await files.delete('a/b/c')
    for key in ('a', 'a/b/c'):
        with pytest.raises(Refused, match='a key cannot lie below another key'):
            await files.put(key, b'body', mode='create')
    assert await keys_of(files) == {'a/b'}


async def test_a_key_too_long_for_the_filesystem_is_refused(files: FileStore) -> None:
    with pytest.raises(Refused, match='shorten the key'):
        await files.put('k' * 300, b'body', mode='create')
    await files.put('k' * 255, b'body', mode='create')
    assert await keys_of(files) == {'k' * 255}


# ---- listings


async def test_a_listing_longer_than_a_chunk_is_complete(files: FileStore, folder: Path) -> None:
    for number in range(1203):
        path = folder / f'{number % 7}' / f'{number}.json'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert await keys_of(files) == {f'{number % 7}/{number}.json' for number in range(1203)}


async def test_a_listing_leaves_out_locks_links_and_files_that_are_no_objects(files: FileStore, folder: Path) -> None:
    await files.put('ab/x', b'body', mode='create')
    (folder / 'ab' / 'not a key').touch()
    (folder / 'elsewhere').symlink_to(folder.parent)
    (folder / 'link').symlink_to(folder / 'ab' / 'x')
    (folder / 'dangling').symlink_to(folder / 'nothing')
    assert await keys_of(files) == {'ab/x'}


async def test_the_temporary_file_of_a_put_under_way_stays_and_one_without_a_put_goes(
    files: FileStore, folder: Path
) -> None:
    await files.put('ab/x', b'body', mode='create')
    (shard,) = (folder / '@locks').iterdir()
    half = folder / f'ab/@temporary-{shard.name}-0'
    half.write_bytes(b'half')
    with shard.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert await keys_of(files) == {'ab/x'}
        assert temporaries(folder) == [half]
    assert await keys_of(files) == {'ab/x'}
    assert temporaries(folder) == []


async def test_listing_a_store_that_was_never_written_gives_nothing(files: FileStore, folder: Path) -> None:
    assert await keys_of(files) == set()
    assert not folder.exists()


async def test_a_temporary_file_is_neither_read_nor_listed_and_is_swept_after_an_hour(
    files: FileStore, folder: Path
) -> None:
    await files.put('ab/x', b'body', mode='create')
    fresh, stale = folder / 'ab/@temporary-fresh', folder / 'ab/@temporary-stale'
    fresh.write_bytes(b'half')
    stale.write_bytes(b'half')
    past = stale.stat().st_mtime - HOUR - 1
    os.utime(stale, (past, past))
    assert await keys_of(files) == {'ab/x'}
    assert temporaries(folder) == [fresh]
    assert await files.get('ab/x') == StoredObject(b'body', (await stored(files, 'ab/x')).etag)
