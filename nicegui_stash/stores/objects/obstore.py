"""Any family through obstore, whose requests run outside of Python: a third of the work, and the event loop is free."""

from __future__ import annotations

import asyncio
import importlib
import re
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any, Final, Literal

from ..base import ETag, Mode, ObjectInfo, Replace, StoredObject
from ..keys import folder_of
from .answers import Answer

Kind = Literal['S3Store', 'GCSStore', 'AzureStore']

_CLIENT: Final = {'connect_timeout': timedelta(seconds=2), 'timeout': timedelta(seconds=5)}
_RETRIES: Final = {'max_retries': 1, 'retry_timeout': timedelta(seconds=8)}
_PAGE: Final = 1000
_LINGER: Final = 0.1
"""Seconds that closing takes. obstore's threads let go of an answer a moment after giving it, and abort a process that
ends meanwhile; nothing can be waited for: https://github.com/PyO3/pyo3-async-runtimes/issues/40."""
_STATUS: Final = re.compile(r'status code: (\d{3})')
_CODE: Final = re.compile(r'<Code>(\w+)</Code>|"code":\s*"(\w+)"')
_NO_BUCKET: Final = 'The specified bucket does not exist'
_STATUS_OF: Final = {
    'AlreadyExistsError': 409,
    'FileNotFoundError': 404,
    'NotFoundError': 404,
    'NotModifiedError': 304,
    'PermissionDeniedError': 403,
    'PreconditionError': 412,
    'UnauthenticatedError': 401,
}
_SETTINGS_AT_FAULT: Final = {'InvalidPathError', 'NotSupportedError', 'UnknownConfigurationKeyError'}


class _NoGeneration(Exception):
    """An etag that Google cannot have given, and would call a bad request."""


class ObstoreDriver:
    """Objects of a bucket or container through one of obstore's stores, and the environment that it reads."""

    quoted = True

    def __init__(self, kind: Kind, root: str, config: Mapping[str, Any]) -> None:
        """Name obstore's store, a root that is empty or ends in `/`, and the configuration with the bucket."""
        self._kind: Kind = kind
        self._root = root
        self._config = dict(config)
        # Google decides by the generation, which is another number than the etag of a read.
        self._by_version = kind == 'GCSStore'
        self._store: Any = None

    async def open(self) -> None:
        stores: Any = await asyncio.to_thread(importlib.import_module, 'obstore.store')
        config = dict(self._config)
        client = {**_CLIENT, 'allow_http': bool(config.pop('allow_http', False))}
        self._store = getattr(stores, self._kind)(config=config, client_options=client, retry_config=_RETRIES)

    async def get(self, key: str, unless: ETag | None) -> StoredObject:
        options = {} if unless is None else {'options': {'if_none_match': self._parts(unless)[0]}}
        found = await self._store.get_async(self._root + key, **options)
        etag = self._etag(found.meta)
        return StoredObject(bytes(await found.bytes_async()), etag)

    async def put(self, key: str, body: bytes, mode: Mode) -> ETag:
        put_mode: Any = mode
        if isinstance(mode, Replace):
            etag, version = self._parts(mode.etag)
            if self._by_version and not version.isdecimal():
                raise _NoGeneration
            put_mode = {'e_tag': etag, 'version': version} if version else {'e_tag': etag}
        return self._etag(await self._store.put_async(self._root + key, body, mode=put_mode, use_multipart=False))

    async def delete(self, key: str) -> None:
        await self._store.delete_async(self._root + key)

    async def pages(self, prefix: str) -> AsyncIterator[list[ObjectInfo]]:
        # Only whole folders can be asked for.
        async for page in self._store.list_async(prefix=self._root + folder_of(prefix), chunk_size=_PAGE):
            rows = [(row['path'].removeprefix(self._root), row) for row in page]
            yield [
                ObjectInfo(key, row['size'], row['last_modified'].timestamp())
                for key, row in rows
                if key.startswith(prefix)
            ]

    def answer(self, error: Exception) -> Answer:
        if isinstance(error, _NoGeneration):
            return Answer(412, 'no generation')
        kind, text = type(error).__name__, str(error)
        if kind in _SETTINGS_AT_FAULT:
            return Answer(refusal=kind)
        status, code = _STATUS.search(text), _CODE.search(text)
        if code is None and _NO_BUCKET in text:
            return Answer(404, 'NoSuchBucket')
        number = int(status[1]) if status else _STATUS_OF.get(kind)
        return Answer(number, (code[1] or code[2]) if code else '' if number else kind)

    async def close(self) -> None:
        self._store = None  # its connections end with it
        await asyncio.sleep(_LINGER)

    def _etag(self, meta: Mapping[str, Any]) -> ETag:
        etag = meta['e_tag']
        if not etag:
            raise ValueError('the server gives no etag')
        return ETag(f'{meta["version"]} {etag}' if self._by_version else etag)

    def _parts(self, etag: ETag) -> tuple[str, str]:
        version, _, plain = etag.rpartition(' ') if self._by_version else ('', '', etag)
        return plain if self.quoted else plain.strip('"'), version
