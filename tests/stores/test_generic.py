from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.asyn import AsyncFileSystem

from nicegui_stash.errors import OutcomeUnknown, Refused, StoreError, Unavailable
from nicegui_stash.stores import FsspecStore, Replace, StoredObject
from nicegui_stash.testing import PlainStoreConformance

HERE: dict[str, bytes] = {}
"""Bodies of `LoopFileSystem` by path."""


class LoopFileSystem(AsyncFileSystem):
    """An asynchronous object store without folders, which notes the loop that it is used on."""

    protocol = 'loop'
    loops: ClassVar[list[asyncio.AbstractEventLoop]] = []
    opened: ClassVar[list[dict[str, Any]]] = []
    sessions: ClassVar[list[str]] = []

    def __init__(self, **options: Any) -> None:
        self.opened.append(options)
        super().__init__(**options)

    async def set_session(self) -> LoopFileSystem:
        return self

    async def close(self) -> None:
        self.sessions.append('closed')

    async def _cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        self.loops.append(asyncio.get_running_loop())
        await asyncio.sleep(0)
        if path not in HERE:
            raise FileNotFoundError(path)
        return HERE[path]

    async def _pipe_file(self, path: str, value: bytes, mode: str = 'overwrite', **_: Any) -> None:
        self.loops.append(asyncio.get_running_loop())
        if path.startswith('no-bucket'):
            raise FileNotFoundError(path)
        await asyncio.sleep(0)
        HERE[path] = value

    async def _makedirs(self, path: str, exist_ok: bool = False) -> None:
        raise AssertionError('a bucket would have been made')

    async def _rm_file(self, path: str, **_: Any) -> None:
        if HERE.pop(path, None) is None:
            raise FileNotFoundError(path)

    async def _find(self, path: str, maxdepth: int | None = None, withdirs: bool = False, **_: Any) -> dict[str, Any]:
        return {
            name: {'name': name, 'size': len(body), 'type': 'file'}
            for name, body in HERE.items()
            if name.startswith(path.rstrip('/') + '/')
        }


class FailingFileSystem(fsspec.AbstractFileSystem):
    """A filesystem that raises what it is told, in its constructor or in every operation."""

    protocol = 'failing'

    def __init__(self, error: Exception, at: str = 'operation', **options: Any) -> None:
        super().__init__(**options)
        self.error = error
        if at == 'opening':
            raise error

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        raise self.error

    def pipe_file(self, path: str, value: bytes, mode: str = 'overwrite', **_: Any) -> None:
        raise self.error

    def rm_file(self, path: str) -> None:
        raise self.error

    def find(
        self, path: str, maxdepth: int | None = None, withdirs: bool = False, detail: bool = False, **_: Any
    ) -> Any:
        raise self.error


@pytest.fixture(scope='module', autouse=True)
def registered() -> None:
    for filesystem in (LoopFileSystem, FailingFileSystem):
        fsspec.register_implementation(filesystem.protocol, filesystem, clobber=True)


class GenericConformance(PlainStoreConformance):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        raise NotImplementedError

    @pytest.fixture
    async def store(self, url: str) -> AsyncIterator[FsspecStore]:
        store = FsspecStore(url)
        yield store
        await store.aclose()


class TestLocal(GenericConformance):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f'local://{tmp_path}/stash'


class TestChained(GenericConformance):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f'dir::file://{tmp_path}/stash'


class TestMemory(GenericConformance):
    @pytest.fixture
    def url(self) -> str:
        return f'memory://{uuid.uuid4().hex}'


class TestTheRootOfAFilesystem(GenericConformance):
    @pytest.fixture
    def url(self) -> str:
        return 'memory://'


class TestAsynchronous(GenericConformance):
    @pytest.fixture
    def url(self) -> str:
        return 'loop://bucket/some/prefix'


async def test_an_asynchronous_filesystem_is_used_on_the_loop_and_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ('loops', 'opened', 'sessions'):
        monkeypatch.setattr(LoopFileSystem, name, [])
    store = FsspecStore('loop://bucket', {'token': 'x'})
    assert LoopFileSystem.opened == []
    await asyncio.gather(*(store.put(f'k{number}', b'body', mode='create') for number in range(5)))
    await store.get('k0')
    assert store._opened is not None
    assert not store._opened.filesystem.dircache.use_listings_cache
    await store.aclose()
    assert set(LoopFileSystem.loops) == {asyncio.get_running_loop()}
    assert LoopFileSystem.opened == [{'token': 'x', 'asynchronous': True}]
    assert LoopFileSystem.sessions == ['closed']


async def test_a_missing_bucket_is_not_made() -> None:
    store = FsspecStore('loop://no-bucket/prefix')
    with pytest.raises(StoreError, match='put ab/x'):
        await store.put('ab/x', b'body', mode='create')
    await store.aclose()


async def test_a_blocking_filesystem_is_used_in_one_thread_that_ends(tmp_path: Path) -> None:
    before = set(threading.enumerate())

    def begun() -> list[str]:  # others come and go, such as those of libraries that earlier tests have used
        return [thread.name for thread in set(threading.enumerate()) - before if thread.name.startswith('stash-')]

    store = FsspecStore(f'local://{tmp_path}')
    await asyncio.gather(*(store.put(f'{number}/x', b'body', mode='create') for number in range(20)))
    assert begun() == ['stash-fsspec_0']
    await store.aclose()
    assert begun() == []


async def test_the_condition_of_a_put_is_not_checked_and_said_to_be_worth_nothing(tmp_path: Path) -> None:
    store = FsspecStore(f'local://{tmp_path}')
    assert store.guarantee == 'none'
    first = await store.put('x', b'one', mode='create')
    await store.put('x', b'two', mode='create')
    last = await store.put('x', b'three', mode=Replace(first))
    assert await store.get('x') == StoredObject(b'three', last)
    await store.aclose()


async def test_another_opening_sees_what_was_written_and_the_same_etag(tmp_path: Path) -> None:
    one, other = FsspecStore(f'local://{tmp_path}'), FsspecStore(f'local://{tmp_path}')
    assert [row async for row in other.list()] == []
    etag = await one.put('ab/x', b'body', mode='create')
    assert await other.get('ab/x') == StoredObject(b'body', etag)
    (row,) = [row async for row in other.list()]
    assert (row.key, row.size) == ('ab/x', 4)
    assert row.modified == pytest.approx((tmp_path / 'ab/x').stat().st_mtime)
    await one.aclose()
    await other.aclose()


@pytest.mark.parametrize(
    ('error', 'reading', 'writing'),
    [
        (PermissionError('secret'), Refused, Refused),
        (PermissionError(13, 'Permission denied', 'secret'), Refused, Refused),
        (OSError(28, 'No space left on device', 'secret'), Refused, Refused),
        (NotImplementedError('secret'), Refused, Refused),
        (TypeError('secret'), Refused, Refused),
        (ConnectionResetError('secret'), Unavailable, OutcomeUnknown),
        (TimeoutError('secret'), Unavailable, OutcomeUnknown),
        (OSError(5, 'Input/output error', 'secret'), Unavailable, OutcomeUnknown),
        (RuntimeError('secret'), Unavailable, OutcomeUnknown),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else repr(value),
)
async def test_errors_of_the_filesystem_are_translated_and_their_text_is_left_out(
    error: Exception, reading: type[StoreError], writing: type[StoreError]
) -> None:
    store = FsspecStore('failing://x', {'error': error})
    with pytest.raises(reading, match='get x') as got:
        await store.get('x')
    with pytest.raises(writing, match='put x') as put:
        await store.put('x', b'body', mode='create')
    with pytest.raises(reading, match='delete x') as deleted:
        await store.delete('x')
    with pytest.raises(reading, match='list') as listed:
        [row async for row in store.list()]
    for caught in (got, put, deleted, listed):
        assert 'secret' not in str(caught.value)
        assert type(caught.value.__cause__) is type(error)
    await store.aclose()


async def test_a_server_that_is_away_when_opened_makes_the_operation_unavailable_and_is_tried_again() -> None:
    away: dict[str, Any] = {'error': ConnectionRefusedError(111, 'Connection refused'), 'at': 'opening'}
    store = FsspecStore('failing://x', away)
    for _ in range(2):
        with pytest.raises(Unavailable, match='Connection refused'):
            await store.get('x')
    with pytest.raises(Unavailable, match='Connection refused'):
        await store.put('x', b'body', mode='create')
    await store.aclose()


async def test_a_key_cannot_leave_the_place(tmp_path: Path) -> None:
    (tmp_path / 'outside').write_bytes(b'secret')
    store = FsspecStore(f'local://{tmp_path}/stash')
    for key in ('../outside', '/etc/passwd', 'a/../../outside', ''):
        with pytest.raises(ValueError, match='is no key'):
            await store.get(key)
        with pytest.raises(ValueError, match='is no key'):
            await store.put(key, b'body', mode='create')
        with pytest.raises(ValueError, match='is no key'):
            await store.delete(key)
    with pytest.raises(ValueError, match='is no key'):
        [row async for row in store.list('../')]
    assert (tmp_path / 'outside').read_bytes() == b'secret'
    await store.aclose()


def test_a_store_does_not_show_its_password() -> None:
    assert repr(FsspecStore('ftp://ann:pa/ss@host/x?token=t')) == "FsspecStore('ftp://…@host/x?…')"
