"""Azure Blob Storage through adlfs: on the client that it makes, with the conditions of Azure's own library."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from ..base import ETag, Mode, ObjectInfo, Replace, StoredObject
from .answers import Answer
from .places import Place

# When the process ends, adlfs closes the client once more, in its loop: that of an asynchronous one would be gone.
_FRESH: Final = {'asynchronous': False, 'skip_instance_cache': True, 'use_listings_cache': False}
# Azure's library would wait 15 s before it tries again, which is longer than anybody here waits.
_LIMITS: Final = {'retry_total': 0, 'connection_timeout': 2, 'read_timeout': 5}


class AzureDriver:
    """Blobs of a container, through the client that adlfs makes of `storage_options` and its environment variables."""

    quoted = True

    def __init__(self, place: Place, options: Mapping[str, Any]) -> None:
        """Name container, root and account, and the options of `adlfs.AzureBlobFileSystem`."""
        self._place = place
        self._options = {'account_name': place.account, **options} if place.account else options
        self._filesystem: Any = None
        self._container: Any = None
        self._conditions: Any = None
        self._limits = {name: self._options.get(name) or value for name, value in _LIMITS.items()}

    async def open(self) -> None:
        adlfs: Any = await asyncio.to_thread(importlib.import_module, 'adlfs')
        self._conditions = importlib.import_module('azure.core').MatchConditions
        given = {name: value for name, value in self._options.items() if name != 'retry_total'}
        self._filesystem = adlfs.AzureBlobFileSystem(**{**given, **_FRESH})
        self._container = self._filesystem.service_client.get_container_client(self._place.container)

    async def get(self, key: str, unless: ETag | None) -> StoredObject:
        condition: dict[str, Any] = {}
        if unless is not None:
            condition = {'etag': self._sent(unless), 'match_condition': self._conditions.IfModified}
        stream = await self._container.download_blob(self._place.root + key, **condition, **self._limits)
        return StoredObject(await stream.readall(), ETag(stream.properties.etag))

    async def put(self, key: str, body: bytes, mode: Mode) -> ETag:
        condition: dict[str, Any] = {'overwrite': False}
        if isinstance(mode, Replace):
            condition = {
                'overwrite': True,
                'etag': self._sent(mode.etag),
                'match_condition': self._conditions.IfNotModified,
            }
        blob = self._container.get_blob_client(self._place.root + key)
        answer = await blob.upload_blob(body, length=len(body), **condition, **self._limits)
        return ETag(answer['etag'])

    async def delete(self, key: str) -> None:
        await self._container.delete_blob(self._place.root + key, **self._limits)

    async def pages(self, prefix: str) -> AsyncIterator[list[ObjectInfo]]:
        root = self._place.root
        rows = self._container.list_blobs(name_starts_with=root + prefix, **self._limits)
        async for page in rows.by_page():
            yield [
                ObjectInfo(row.name.removeprefix(root), row.size, row.last_modified.timestamp()) async for row in page
            ]

    def answer(self, error: Exception) -> Answer:
        kind, said = type(error).__name__, _said(error)
        status = getattr(said, 'status_code', None)
        if kind == 'CredentialUnavailableError':
            return Answer(refusal=kind)
        code = getattr(said, 'error_code', None)
        return Answer(status, str(getattr(code, 'value', code) or ('' if status else kind)))

    async def close(self) -> None:
        await self._filesystem.service_client.close()
        credential = self._filesystem.credential
        if hasattr(credential, 'close'):
            closing = credential.close()
            if closing is not None:
                await closing

    def _sent(self, etag: ETag) -> str:
        return etag if self.quoted else etag.strip('"')


def _said(error: BaseException) -> BaseException:
    """The error that has the server's status: Azure's library stumbles itself over an answer without Azure's code."""
    found: BaseException | None = error
    while found is not None and getattr(found, 'status_code', None) is None:
        found = found.__context__
    return found or error
