"""S3 through s3fs: on its client, with conditions that s3fs itself has no words for."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from ..base import ETag, Mode, ObjectInfo, Replace, StoredObject
from .answers import Answer

# A cached instance may belong to a loop that is closed; a cached listing denies objects that exist.
_FRESH: Final = {'asynchronous': True, 'skip_instance_cache': True, 'use_listings_cache': False}
_CONFIG: Final[dict[str, Any]] = {
    'retries': {'mode': 'standard', 'total_max_attempts': 2},
    'connect_timeout': 2,
    'read_timeout': 5,
    'max_pool_connections': 64,
    # Checksums of the newer clients are not understood by the older servers.
    'request_checksum_calculation': 'when_required',
    'response_checksum_validation': 'when_required',
}
_SETTINGS_AT_FAULT: Final = {
    'ConfigNotFound',
    'ConfigParseError',
    'InvalidEndpoint',
    'InvalidRegionError',
    'NoCredentialsError',
    'NoRegionError',
    'ParamValidationError',
    'PartialCredentialsError',
    'ProfileNotFound',
    'UnauthorizedSSOTokenError',
    'UnknownServiceError',
}
"""Kinds of errors that botocore raises before it asks any server, and that no second attempt can help."""


class S3Driver:
    """Objects of a bucket, through the client that s3fs makes of `storage_options` and the usual AWS environment.

    Calls go to that client itself: s3fs would add attempts of its own, leave out arguments that it does not know, and
    read an object in two requests, without its etag.
    """

    quoted = True

    def __init__(self, bucket: str, root: str, options: Mapping[str, Any]) -> None:
        """Name a bucket, a root that is empty or ends in `/`, and the options of `s3fs.S3FileSystem`."""
        self._bucket = bucket
        self._root = root
        self._options = options
        self._client: Any = None
        self._to_get: dict[str, Any] = {}
        self._to_put: dict[str, Any] = {}
        self._to_delete: dict[str, Any] = {}
        self._to_list: dict[str, Any] = {}

    async def open(self) -> None:
        s3fs: Any = await asyncio.to_thread(importlib.import_module, 's3fs')
        config: Any = importlib.import_module('botocore.config').Config
        ours = {name: value for name, value in _CONFIG.items() if name in config.OPTION_DEFAULTS}
        given: Mapping[str, Any] = self._options.get('config_kwargs') or {}
        fs = s3fs.S3FileSystem(**{**self._options, **_FRESH, 'config_kwargs': {**ours, **given}})
        await fs.set_session()
        self._client = client = await fs.get_s3(self._bucket)
        # For a body of 2 KB, asking first whether it may be sent costs a round trip.
        handler: Any = getattr(importlib.import_module('botocore.handlers'), 'add_expect_header', None)
        client.meta.events.unregister('before-call.s3', handler)
        extra = {**fs.s3_additional_kwargs, **fs.req_kw}
        self._to_get = self._arguments('GetObject', extra)
        self._to_put = self._arguments('PutObject', extra, 'IfMatch', 'IfNoneMatch')
        self._to_delete = self._arguments('DeleteObject', extra)
        self._to_list = self._arguments('ListObjectsV2', extra)

    def _arguments(self, operation: str, extra: Mapping[str, Any], *needed: str) -> dict[str, Any]:
        """What every call of an operation gets; `ValueError` if the installed client does not know what it must."""
        known = self._client.meta.service_model.operation_model(operation).input_shape.members
        missing = [name for name in needed if name not in known]
        if missing:
            raise ValueError(f'the installed botocore cannot make a put conditional: it has no {missing[0]}')
        return {'Bucket': self._bucket, **{name: value for name, value in extra.items() if name in known}}

    async def get(self, key: str, unless: ETag | None) -> StoredObject:
        if unless is None:
            answer = await self._client.get_object(Key=self._root + key, **self._to_get)
        else:
            answer = await self._client.get_object(Key=self._root + key, IfNoneMatch=self._sent(unless), **self._to_get)
        async with answer['Body'] as stream:
            return StoredObject(await stream.read(), ETag(answer['ETag']))

    async def put(self, key: str, body: bytes, mode: Mode) -> ETag:
        condition = {'IfMatch': self._sent(mode.etag)} if isinstance(mode, Replace) else {'IfNoneMatch': '*'}
        answer = await self._client.put_object(Key=self._root + key, Body=body, **condition, **self._to_put)
        return ETag(answer['ETag'])

    async def delete(self, key: str) -> None:
        await self._client.delete_object(Key=self._root + key, **self._to_delete)

    async def pages(self, prefix: str) -> AsyncIterator[list[ObjectInfo]]:
        paginator = self._client.get_paginator('list_objects_v2')
        async for page in paginator.paginate(Prefix=self._root + prefix, **self._to_list):
            yield [
                ObjectInfo(row['Key'].removeprefix(self._root), row['Size'], row['LastModified'].timestamp())
                for row in page.get('Contents', ())
            ]

    def answer(self, error: Exception) -> Answer:
        response: Any = getattr(error, 'response', None)
        if response and 'ResponseMetadata' in response:
            return Answer(response['ResponseMetadata'].get('HTTPStatusCode'), _code(response))
        kind = type(error).__name__
        return Answer(refusal=kind) if kind in _SETTINGS_AT_FAULT else Answer(code=kind)

    async def close(self) -> None:
        await self._client.close()

    def _sent(self, etag: ETag) -> str:
        return etag if self.quoted else etag.strip('"')


def _code(response: Any) -> str:
    """The server's word for what is wrong; botocore repeats the status where the answer has no body."""
    code = str(response.get('Error', {}).get('Code', ''))
    return '' if code.isdigit() else code
