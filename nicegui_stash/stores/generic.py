"""A store on any fsspec filesystem, without conditional puts: whoever writes last wins."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

# fsspec has no annotations.
from fsspec.core import url_to_fs  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]
from fsspec.registry import (  # pyright: ignore[reportMissingTypeStubs]
    get_filesystem_class,  # pyright: ignore[reportUnknownVariableType]
)

from ..errors import OutcomeUnknown, Refused, StoreError, Unavailable
from .base import NOT_MODIFIED, ETag, Guarantee, Mode, NotModified, ObjectInfo, StoredObject
from .keys import check_key, folder_of, is_key
from .oserrors import reason_of, store_error
from .urls import without_credentials

# A cached instance may belong to a loop that is closed; a cached listing denies objects that exist.
_FRESH = {'skip_instance_cache': True, 'use_listings_cache': False}
_TIME_FIELDS = ('mtime', 'LastModified', 'last_modified', 'modified', 'updated', 'created')


class _Opened(NamedTuple):
    filesystem: Any
    root: str


class FsspecStore:
    """Objects on an fsspec filesystem named by a URL, which may be chained (`dir::file:///…`).

    fsspec has neither conditional puts nor etags: the condition of a put is not checked, so that two writers of one key
    lose each other's changes, and an etag is the hash of the body, so that a conditional read saves no transfer.
    A put is only as atomic as the filesystem's own: on local files and SFTP a reader may see a part.

    An asynchronous filesystem is used on the event loop, any other in one thread of its own, one operation at a time.
    It is opened by the first operation, so that a server which is away makes that one `Unavailable`.
    """

    guarantee: Guarantee = 'none'
    flush_interval: float = 1.0

    def __init__(self, url: str, storage_options: Mapping[str, Any] | None = None) -> None:
        """Name the place; `storage_options` go to the filesystem.

        Raises fsspec's `ValueError` for an unknown protocol and `ImportError` for a missing package.
        """
        protocols = protocols_of(url)
        classes: list[Any] = [get_filesystem_class(protocol) for protocol in protocols]
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
        opened = await self._ready('get', key)
        try:
            body = bytes(await self._call(opened, 'cat_file', key))
        except FileNotFoundError:
            return None
        except Exception as error:
            raise _translated('get', key, error, attempted=False) from error
        etag = _etag(body)
        return NOT_MODIFIED if etag == unless else StoredObject(body, etag)

    async def put(self, key: str, body: bytes, *, mode: Mode) -> ETag:
        """Write an object whatever is there: the mode is not checked."""
        del mode
        check_key(key)
        opened = await self._ready('put', key)
        try:
            try:
                await self._call(opened, 'pipe_file', key, body)
            except FileNotFoundError:
                # Asynchronous filesystems have no folders; making one there could make a bucket.
                if self._on_loop:
                    raise
                await self._call(opened, 'makedirs', folder_of(key), exist_ok=True)
                await self._call(opened, 'pipe_file', key, body)
        except Exception as error:
            raise _translated('put', key, error, attempted=True) from error
        return _etag(body)

    async def delete(self, key: str) -> None:
        """Remove an object, if there is one."""
        check_key(key)
        opened = await self._ready('delete', key)
        try:
            await self._call(opened, 'rm_file', key)
        except FileNotFoundError:
            return
        except Exception as error:
            raise _translated('delete', key, error, attempted=False) from error

    async def list(self, prefix: str = '') -> AsyncIterator[ObjectInfo]:
        """Iterate over the objects whose key starts with `prefix`; the rows of its folder are read at once."""
        folder = folder_of(prefix)
        opened = await self._ready('list', prefix)
        try:
            found: dict[str, dict[str, Any]] = await self._call(opened, 'find', folder, detail=True)
        except FileNotFoundError:
            return
        except Exception as error:
            raise _translated('list', prefix, error, attempted=False) from error
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
        await asyncio.to_thread(self._thread.shutdown)

    async def _ready(self, operation: str, key: str) -> _Opened:
        """Open the filesystem if it is not; what fails here was not applied."""
        if self._opened is not None:
            return self._opened
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._open)
        except Exception as error:
            raise _translated(operation, key, error, attempted=False) from error

    async def _call(self, opened: _Opened, method: str, key: str, *args: Any, **options: Any) -> Any:
        """Call fsspec's method with the path of a key: its coroutine on the loop, or the blocking one in the thread."""
        path = f'{opened.root.rstrip("/")}/{key}' if opened.root and key else opened.root or key
        if self._on_loop:
            return await getattr(opened.filesystem, f'_{method}')(path, *args, **options)
        call = partial(getattr(opened.filesystem, method), path, *args, **options)
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def _open(self) -> _Opened:
        # In the one thread: opening may ask the network for credentials, and two first operations must not open twice.
        if self._opened is None:
            self._opened = _Opened(*url_to_fs(self._url, **self._options))
        return self._opened


def protocols_of(url: str) -> list[str]:
    """The protocols that an fsspec URL names, outermost first: `simplecache::s3://b/p` has two."""
    parts: list[str] = []
    for part in url.split('::'):
        protocol, separator, _ = part.partition('://')
        parts.append(protocol if separator or re.fullmatch('[a-z]+', part) else 'file')
    return parts


def _etag(body: bytes) -> ETag:
    return ETag(hashlib.blake2b(body, digest_size=16).hexdigest())


def _translated(operation: str, key: str, error: Exception, *, attempted: bool) -> StoreError:
    """What a filesystem raises is its own choice: nothing is known of it but whether a put was attempted."""
    if isinstance(error, OSError):
        return store_error(operation, key, error, attempted=attempted)
    if isinstance(error, NotImplementedError):
        return Refused(operation, key, 'the filesystem has no such operation')
    if isinstance(error, (TypeError, ValueError, ImportError)):
        return Refused(operation, key, reason_of(error), 'look at url and storage_options')
    return (OutcomeUnknown if attempted else Unavailable)(operation, key, reason_of(error))


def _modified(row: Mapping[str, Any]) -> float | None:
    for field in _TIME_FIELDS:
        moment = row.get(field)
        if isinstance(moment, datetime):
            return moment.timestamp()
        if isinstance(moment, (int, float)):
            return float(moment)
    return None
