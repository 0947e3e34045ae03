from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from nicegui_stash.errors import ConfigurationError, OutcomeUnknown, Refused, StoreError, Unavailable
from nicegui_stash.stores import FileStore, Replace, StoredObject

from .looking import failing, keys_of, stored, temporaries


@pytest.mark.parametrize('name', ['ENOSPC', 'EDQUOT', 'EACCES', 'EPERM', 'EROFS', 'EFBIG'])
@pytest.mark.parametrize('step', ['open', 'write', 'utime', 'fsync', 'replace'])
async def test_a_put_that_the_system_refuses_is_refused_and_leaves_nothing(
    files: FileStore, folder: Path, monkeypatch: pytest.MonkeyPatch, step: str, name: str
) -> None:
    etag = await files.put('x', b'old', mode='create')
    with monkeypatch.context() as patch:
        patch.setattr(os, step, failing(getattr(errno, name)))
        with pytest.raises(Refused) as caught:
            await files.put('x', b'new', mode=Replace(etag))
    assert (caught.value.operation, caught.value.key) == ('put', 'x')
    assert caught.value.hint
    assert '/a/secret/path' not in str(caught.value)
    assert await files.get('x') == StoredObject(b'old', etag)
    assert temporaries(folder) == []


@pytest.mark.parametrize('step', ['open', 'write', 'fsync'])
async def test_a_put_that_fails_before_the_rename_is_unavailable_and_leaves_nothing(
    files: FileStore, folder: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    etag = await files.put('x', b'old', mode='create')
    with monkeypatch.context() as patch:
        patch.setattr(os, step, failing(errno.EIO))
        with pytest.raises(Unavailable):
            await files.put('x', b'new', mode=Replace(etag))
    assert await files.get('x') == StoredObject(b'old', etag)
    assert temporaries(folder) == []


async def test_a_rename_that_fails_without_a_reason_has_an_unknown_outcome(
    files: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, 'replace', failing(errno.EIO))
    with pytest.raises(OutcomeUnknown):
        await files.put('x', b'new', mode='create')


@pytest.mark.proves('flush')
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
        await files.put('x', b'new', mode='create')
    assert (await stored(files, 'x')).body == b'new'


@pytest.mark.parametrize(
    ('number', 'expected'), [(errno.EACCES, Refused), (errno.EIO, Unavailable), (errno.EMFILE, Unavailable)]
)
async def test_reads_deletes_and_listings_translate_the_systems_errors(
    files: FileStore, monkeypatch: pytest.MonkeyPatch, number: int, expected: type[StoreError]
) -> None:
    await files.put('x', b'body', mode='create')
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
    assert caught.value.reason.endswith('(Not a directory)')
    assert caught.value.remedy == (
        'It, or a part of its path, is a file: move the file away, or set another url (NICEGUI_STASH_URL)'
    )


def test_a_folder_without_the_right_to_write_is_a_configuration_error_that_asks_for_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, 'mkdir', failing(errno.EACCES))
    with pytest.raises(ConfigurationError) as caught:
        FileStore(folder).check()
    assert caught.value.remedy.startswith('Give the user that runs the server the right to create and write it')


async def test_a_folder_that_became_a_file_is_refused_by_what_happened(files: FileStore, folder: Path) -> None:
    await files.put('x', b'body', mode='create')
    folder.rename(folder.with_name('elsewhere'))
    folder.touch()
    for refused in (files.put('y', b'body', mode='create'), files.delete('x')):
        with pytest.raises(Refused) as caught:
            await refused
        assert caught.value.hint == (
            'where the folder of the store should be, or one above it, is a file: move the file away'
        )


@pytest.mark.skipif(sys.platform != 'linux', reason='/proc')
def test_a_folder_that_cannot_be_made_is_a_configuration_error_that_names_it() -> None:
    with pytest.raises(ConfigurationError, match='/proc/stash'):
        FileStore('/proc/stash').check()


@pytest.mark.proves('windows')
def test_windows_is_a_configuration_error_with_a_way_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, 'platform', 'win32')
    with pytest.raises(ConfigurationError, match='Windows') as caught:
        FileStore(folder)
    assert 'sqlite:///stash.db' in caught.value.remedy


@pytest.mark.parametrize('number', [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
async def test_a_folder_without_locks_is_refused_and_named_as_a_network_folder(
    files: FileStore, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def flock(file: int, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr('nicegui_stash.stores.file.folder.fcntl.flock', flock)
    with pytest.raises(
        ConfigurationError, match=r'flock: .*Network folders often have no flock: use a folder on a local'
    ):
        files.check()
    with pytest.raises(Refused, match='flock') as refused:
        await files.put('ab/key.json', b'{}', mode='create')
    assert 'object storage or Redis' in (refused.value.hint or '')
