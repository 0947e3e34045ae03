"""Google Cloud Storage through gcsfs: its session and credentials, with requests of our own to the JSON API."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from io import BytesIO
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

from ..base import ETag, Mode, ObjectInfo, Replace, StoredObject
from .answers import Answer

# A cached instance may belong to a loop that is closed; a cached listing denies objects that exist.
_FRESH: Final = {'asynchronous': True, 'skip_instance_cache': True, 'use_listings_cache': False}
_LIMITS: Final = {'total': 5, 'sock_connect': 2}
_FIELDS: Final = 'items(name,size,updated),nextPageToken'
_JSON: Final = 'application/json'
_SETTINGS_AT_FAULT: Final = {'DefaultCredentialsError', 'FileNotFoundError'}


class _Answered(Exception):
    """The server answered with a status that is no success."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(str(answer))
        self.answer = answer


class GCSDriver:
    """Objects of a bucket, with the credentials that gcsfs finds; an etag is the object's generation.

    gcsfs itself would try a request six times, and tell an absent object from a conflict by the kind of exception.
    """

    quoted = True

    def __init__(self, bucket: str, root: str, options: Mapping[str, Any]) -> None:
        """Name a bucket, a root that is empty or ends in `/`, and the options of `gcsfs.GCSFileSystem`."""
        self._root = root
        self._bucket = quote(bucket, safe='')
        self._options = options
        self._filesystem: Any = None
        self._session: Any = None
        self._timeout: Any = None
        self._server = ''

    async def open(self) -> None:
        gcsfs: Any = await asyncio.to_thread(importlib.import_module, 'gcsfs')
        self._timeout = importlib.import_module('aiohttp').ClientTimeout(**_LIMITS)
        # Looking for credentials may ask the network, and blocks.
        self._filesystem = fs = await asyncio.to_thread(lambda: gcsfs.GCSFileSystem(**{**self._options, **_FRESH}))
        self._session = await fs._set_session()
        self._server = fs._location

    async def get(self, key: str, unless: ETag | None) -> StoredObject:
        condition = {} if unless is None else {'ifGenerationNotMatch': str(unless)}
        headers, body = await self._ask('GET', f'/download{self._object(key)}', {'alt': 'media', **condition})
        return StoredObject(body, ETag(headers['X-Goog-Generation']))

    async def put(self, key: str, body: bytes, mode: Mode) -> ETag:
        generation = mode.etag if isinstance(mode, Replace) else '0'
        if not generation.isdecimal():
            raise _Answered(Answer(412, 'no generation'))  # Google calls that a bad request
        # Google honours the condition of every upload, the emulator fake-gcs-server not that of `media`.
        parameters = {'uploadType': 'multipart', 'ifGenerationMatch': generation, 'fields': 'generation'}
        kind, parts = _multipart(self._root + key, body)
        _, answer = await self._ask('POST', f'/upload/storage/v1/b/{self._bucket}/o', parameters, parts, kind)
        return ETag(_json(answer)['generation'])

    async def delete(self, key: str) -> None:
        await self._ask('DELETE', self._object(key), {})

    async def pages(self, prefix: str) -> AsyncIterator[list[ObjectInfo]]:
        parameters = {'prefix': self._root + prefix, 'fields': _FIELDS}
        while True:
            _, answer = await self._ask('GET', f'/storage/v1/b/{self._bucket}/o', parameters)
            page = _json(answer)
            yield [
                ObjectInfo(
                    row['name'].removeprefix(self._root),
                    int(row['size']),
                    datetime.fromisoformat(row['updated']).timestamp(),
                )
                for row in page.get('items', ())
            ]
            if not page.get('nextPageToken'):
                return
            parameters['pageToken'] = page['nextPageToken']

    def answer(self, error: Exception) -> Answer:
        if isinstance(error, _Answered):
            return error.answer
        kind = type(error).__name__
        return Answer(refusal=kind) if kind in _SETTINGS_AT_FAULT else Answer(code=kind)

    async def close(self) -> None:
        await self._session.close()

    def _object(self, key: str) -> str:
        return f'/storage/v1/b/{self._bucket}/o/{quote(self._root + key, safe="")}'

    async def _ask(
        self, method: str, path: str, parameters: Mapping[str, str], body: bytes | None = None, kind: str = _JSON
    ) -> tuple[Any, bytes]:
        """Send a request, with a body of a kind, and return headers and body of its answer."""
        fs = self._filesystem
        async with self._session.request(
            method,
            self._url(path),
            params=fs._get_params(parameters),
            headers=await self._headers(kind),
            data=None if body is None else BytesIO(body),  # aiohttp warns of large bytes
            timeout=self._timeout,
        ) as response:
            received: bytes = await response.read()
            if response.status >= 300:
                raise _Answered(_answer(response.status, received))
            return response.headers, received

    def _url(self, path: str) -> Any:
        """The whole address; the name of an object is encoded already."""
        return importlib.import_module('yarl').URL(self._server + path, encoded=True)

    async def _headers(self, kind: str) -> Any:
        credentials: Any = self._filesystem.credentials.credentials
        given = {'Content-Type': kind}
        if credentials is None or credentials.valid:
            return self._filesystem._get_headers(given)
        return await asyncio.to_thread(self._filesystem._get_headers, given)  # renewing a token blocks


def _multipart(name: str, body: bytes) -> tuple[str, bytes]:
    """Return the kind and the bytes of an upload: the object's name as JSON, then what it holds."""
    boundary = uuid4().hex
    head = f'--{boundary}\r\nContent-Type: {_JSON}\r\n\r\n{json.dumps({"name": name})}\r\n--{boundary}\r\n'
    parts = head.encode(), b'Content-Type: application/octet-stream\r\n\r\n', body, f'\r\n--{boundary}--'.encode()
    return f'multipart/related; boundary={boundary}', b''.join(parts)


def _json(text: bytes) -> Any:
    return json.loads(text)


def _answer(status: int, body: bytes) -> Answer:
    """The status, and Google's word for it where the body is the JSON of an error."""
    try:
        error: Any = _json(body)['error']
        if 'bucket does not exist' in error['message']:
            return Answer(status, 'NoSuchBucket')
        return Answer(status, str(error['errors'][0]['reason']))
    except (ValueError, LookupError, TypeError):
        return Answer(status)
