"""FTP, SFTP and WebDAV, as anybody's fsspec URL names them, on servers of the tests' own."""

from __future__ import annotations

import select
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from nicegui_stash import ConfigurationError
from nicegui_stash.errors import Refused, Unavailable
from nicegui_stash.stores import FsspecStore, StoredObject, open_store
from nicegui_stash.testing import PlainStoreConformance
from tests.servers.filesystems import HANG_UP, FileServer, serving


@pytest.fixture(scope='module', params=['ftp', 'sftp', 'webdav'])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileServer]:
    with serving(request.param, tmp_path_factory.mktemp(request.param)) as server:
        yield server


class TestFilesystem(PlainStoreConformance):
    @pytest.fixture
    async def store(self, server: FileServer) -> AsyncIterator[FsspecStore]:
        store = FsspecStore(server.url(), server.options)
        yield store
        await store.aclose()


async def test_who_is_not_let_in_is_refused(server: FileServer) -> None:
    store = FsspecStore(server.url(password='wrong'), server.options_with('wrong'))
    with pytest.raises(Refused, match='look at url and storage_options') as caught:
        await store.get('ab/x')
    assert 'wrong' not in str(caught.value)
    await store.aclose()


@pytest.mark.parametrize('kind', ['ftp', 'sftp'])
async def test_a_server_that_was_restarted_is_used_again(kind: str, tmp_path: Path) -> None:
    with serving(kind, tmp_path) as server:
        store = open_store(server.url('here'), server.options, allow_lost_updates=True)
        etag = await store.put('ab/x', b'body', mode='create')
    with serving(kind, tmp_path, server.port):
        assert await store.get('ab/x') == StoredObject(b'body', etag)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await store.get('ab/x')
    await store.aclose()


async def test_an_ftp_server_that_has_hung_up_is_asked_again(tmp_path: Path) -> None:
    with serving('ftp-hanging-up', tmp_path) as server:
        store = FsspecStore(server.url(), server.options)
        etag = await store.put('ab/x', b'body', mode='create')
        (server.folder / HANG_UP).touch()
        control = store._opened.filesystem.ftp.sock
        while b'421' not in control.recv(100, 2):
            select.select([control], [], [])
        assert await store.get('ab/x') == StoredObject(b'body', etag)
        await store.aclose()


@pytest.mark.parametrize('cache', ['simplecache', 'filecache', 'blockcache', 'cached'])
@pytest.mark.parametrize('accepts', [True, False])
def test_a_cache_is_refused_as_it_gives_back_what_was_removed(cache: str, accepts: bool, tmp_path: Path) -> None:
    for url in (f'{cache}::file://{tmp_path}', f'dir::{cache}::file://{tmp_path}'):
        with pytest.raises(ConfigurationError, match=f'url: {cache}:: keeps copies .* Leave out {cache}::'):
            open_store(url, allow_lost_updates=accepts)
