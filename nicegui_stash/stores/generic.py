"""A store on any fsspec filesystem, without conditional puts: whoever writes last wins."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

# fsspec has no annotations.
from fsspec.core import url_to_fs  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]
from fsspec.dircache import DirCache  # pyright: ignore[reportMissingTypeStubs]
from fsspec.implementations.cached import CachingFileSystem  # pyright: ignore[reportMissingTypeStubs]
from fsspec.registry import (  # pyright: ignore[reportMissingTypeStubs]
    get_filesystem_class,  # pyright: ignore[reportUnknownVariableType]
)

from ..errors import ConfigurationError, OutcomeUnknown, Refused, Unavailable
from .base import NOT_MODIFIED, ETag, Guarantee, Mode, NotModified, ObjectInfo, StoredObject
from .fsspec_errors import is_absence, translated
from .keys import check_key, folder_of, is_key
from .urls import without_credentials

log = logging.getLogger('nicegui_stash')

_FRESH = {'skip_instance_cache': True}  # a cached instance may belong to a loop that is closed
_TIME_FIELDS = ('mtime', 'LastModified', 'last_modified', 'modified', 'updated', 'created')


class _Opened(NamedTuple):
    """A filesystem, and the path in it that the URL names."""

    filesystem: Any
    root: str

    def path(self, key: str) -> str:
        return f'{self.root.rstrip("/")}/{key}' if self.root and key else self.root or key

    def list_afresh(self) -> None:
        """Let no listing be kept, as it denies objects that exist. Not all filesystems take that as an option."""
        for filesystem in self._chain():
            if isinstance(cache := getattr(filesystem, 'dircache', None), DirCache):
                cache.use_listings_cache = False
            if hasattr(filesystem, 'use_listings_cache'):
                filesystem.use_listings_cache = False

    def close(self) -> None:
        """Close what is known to hold connections: of FTP, SFTP and WebDAV."""
        for filesystem in self._chain():
            client = getattr(filesystem, 'client', None)
            for connection in (getattr(filesystem, 'ftp', None), getattr(client, 'http', None), client):
                if callable(close := getattr(connection, 'close', None)):
                    try:
                        close()
                    except Exception:
                        log.debug('a connection could not be closed', exc_info=True)

    def _chain(self) -> Iterator[Any]:
        filesystem = self.filesystem
        while filesystem is not None:
            yield filesystem
            filesystem = getattr(filesystem, 'fs', None)


class FsspecStore:
    """Objects on an fsspec filesystem named by a URL, which may be chained (`dir::file:///…`).

    fsspec has neither conditional puts nor etags: the condition of a put is not checked, so that two writers of one key
    lose each other's changes, and an etag is the hash of the body, so that a conditional read saves no transfer.
    A put is only as atomic as the filesystem's own: on local files and SFTP a reader may see a part.

    An asynchronous filesystem is used on the event loop, any other in one thread of its own, one operation at a time.
    It is opened by the first operation, so that a server which is away makes that one `Unavailable`. After an error it
    is opened again: servers of FTP and SFTP close connections on which nothing happens.
    """

    guarantee: Guarantee = 'none'
    flush_interval: float = 1.0

    def __init__(self, url: str, storage_options: Mapping[str, Any] | None = None) -> None:
        """Name the place; `storage_options` go to the filesystem.

        Raises fsspec's `ValueError` for an unknown protocol and `ImportError` for a missing package, and
        `ConfigurationError` for a cache.
        """
        protocols = protocols_of(url)
        classes: list[Any] = [get_filesystem_class(protocol) for protocol in protocols]
        for protocol, filesystem in zip(protocols, classes, strict=True):
            if issubclass(filesystem, CachingFileSystem):
                raise ConfigurationError(
                    'url',
                    f'{protocol}:: keeps copies of objects on this host, and gives them back when they are removed',
                    f'Leave out {protocol}::, as open sessions are in memory anyway',
                )
        self._on_loop = len(classes) == 1 and bool(classes[0].async_impl)
        options = dict(storage_options or {})
        for protocol in protocols[1:]:
            options[protocol] = {**options.get(protocol, {}), **_FRESH}
        self._options = {**options, **_FRESH, **({'asynchronous': True} if self._on_loop else {})}
        self._url = url
        self._opened: _Opened | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix='stash-fsspec')

    def __repr__(self) -> str:
        return f'FsspecStore({without_credentials(self._url)!r})'

    async def get(self, key: str, *, unless: ETag | None = None) -> StoredObject | NotModified | None:
        """Read an object; its whole body is transferred, also for `NOT_MODIFIED`."""
        check_key(key)
        try:
            body = bytes(await self._call('get', key, 'cat_file'))
        except FileNotFoundError:
            return None
        etag = _etag(body)
        return NOT_MODIFIED if etag == unless else StoredObject(body, etag)

    async def put(self, key: str, body: bytes, *, mode: Mode) -> ETag:
        """Write an object whatever is there: the mode is not checked."""
        del mode
        check_key(key)
        try:
            try:
                await self._call('put', key, 'pipe_file', body)
            except FileNotFoundError:
                # Asynchronous filesystems have no folders; making one there could make a bucket.
                if self._on_loop:
                    raise
                await self._call('put', key, 'makedirs', exist_ok=True)
                await self._call('put', key, 'pipe_file', body)
        except FileNotFoundError as error:
            raise translated('put', key, error, attempted=True) from error
        return _etag(body)

    async def delete(self, key: str) -> None:
        """Remove an object, if there is one."""
        check_key(key)
        with suppress(FileNotFoundError):
            await self._call('delete', key, 'rm_file')

    async def list(self, prefix: str = '') -> AsyncIterator[ObjectInfo]:
        """Iterate over the objects whose key starts with `prefix`; the rows of its folder are read at once."""
        try:
            found: dict[str, dict[str, Any]] = await self._call('list', prefix, 'find', detail=True)
        except FileNotFoundError:
            return
        opened = await self._ready('list', prefix)
        root = opened.root.strip('/')
        for name, row in found.items():
            key = name.lstrip('/').removeprefix(f'{root}/' if root else '')
            if key.startswith(prefix) and is_key(key) and row.get('type') != 'directory':
                yield ObjectInfo(key, int(row.get('size') or 0), _modified(row))

    async def aclose(self) -> None:
        """Close the filesystem's connections as far as it lets us, and end the thread."""
        opened, self._opened = self._opened, None
        if opened is not None and self._on_loop and hasattr(opened.filesystem, 'set_session'):
            session = await opened.filesystem.set_session()
            await session.close()
        elif opened is not None:
            await self._in_thread(opened.close)
        await asyncio.to_thread(self._thread.shutdown)

    async def _call(self, operation: str, key: str, method: str, *args: Any, **options: Any) -> Any:
        """Call fsspec's method for a key, once more if a connection that was open turns out to be closed.

        Raises `FileNotFoundError` if nothing is there, otherwise `StoreError`. Puts have no condition, so repeating one
        does no harm.
        """
        was_open = self._opened is not None and not self._on_loop
        try:
            return await self._ask(operation, key, method, *args, **options)
        except (Unavailable, OutcomeUnknown):
            if not was_open:
                raise
        return await self._ask(operation, key, method, *args, **options)

    async def _ask(self, operation: str, key: str, method: str, *args: Any, **options: Any) -> Any:
        """Call the method's coroutine on the loop, or the blocking one in the thread."""
        opened = await self._ready(operation, key)
        path = opened.path(folder_of(key) if method in {'makedirs', 'find'} else key)
        try:
            if self._on_loop:
                return await getattr(opened.filesystem, f'_{method}')(path, *args, **options)
            return await self._in_thread(partial(getattr(opened.filesystem, method), path, *args, **options))
        except Exception as error:
            if is_absence(error):
                raise FileNotFoundError(key) from error
            failure = translated(operation, key, error, attempted=operation == 'put')
            if not self._on_loop and not isinstance(failure, Refused):
                await self._leave(opened)
            raise failure from error

    async def _ready(self, operation: str, key: str) -> _Opened:
        """Open the filesystem if it is not; what fails here was not applied."""
        if self._opened is not None:
            return self._opened
        try:
            return await self._in_thread(self._open)
        except Exception as error:
            raise translated(operation, key, error, attempted=False) from error

    def _open(self) -> _Opened:
        # In the one thread: opening may ask the network for credentials, and two first operations must not open twice.
        if self._opened is None:
            self._opened = _Opened(*url_to_fs(self._url, **self._options))
            self._opened.list_afresh()
        return self._opened

    async def _leave(self, opened: _Opened) -> None:
        """Let the next operation open the filesystem again, as some never connect a second time."""
        if self._opened is opened:
            self._opened = None
            await self._in_thread(opened.close)

    async def _in_thread(self, call: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)


def protocols_of(url: str) -> list[str]:
    """The protocols that an fsspec URL names, outermost first: `dir::s3://b/p` has two."""
    parts: list[str] = []
    for part in url.split('::'):
        protocol, separator, _ = part.partition('://')
        parts.append(protocol if separator or re.fullmatch('[a-z]+', part) else 'file')
    return parts


def _etag(body: bytes) -> ETag:
    return ETag(hashlib.blake2b(body, digest_size=16).hexdigest())


def _modified(row: Mapping[str, Any]) -> float | None:
    for field in _TIME_FIELDS:
        moment = row.get(field)
        if isinstance(moment, datetime):
            return moment.timestamp()
        if isinstance(moment, (int, float)):
            return float(moment)
    return None
