"""Servers that speak S3: moto, SeaweedFS, and two that ignore conditions."""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import s3fs

from .process import answers, free_ports, running

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
NODE = HERE / 'node_modules/.bin'
KEY, SECRET = 'stash', 'stash-secret'  # letters and digits: rclone takes both in one argument


@dataclass(frozen=True)
class S3Server:
    """Where a server is, and one of its buckets."""

    port: int
    bucket: str = 'stash'
    credentials: tuple[str, str] = (KEY, SECRET)

    @property
    def endpoint(self) -> str:
        return f'http://127.0.0.1:{self.port}'

    @property
    def options(self) -> dict[str, Any]:
        """What `storage_options` have to say, as s3fs wants it."""
        return {
            'key': self.credentials[0],
            'secret': self.credentials[1],
            'endpoint_url': self.endpoint,
            'client_kwargs': {'region_name': 'us-east-1'},
        }

    def url(self, folder: str | None = None) -> str:
        """Name a folder of the bucket, by default one that nothing else uses."""
        return f's3://{self.bucket}/{folder or uuid.uuid4().hex}'

    def at(self, port: int) -> S3Server:
        """Return the same server as it is reached through a proxy on another port."""
        return replace(self, port=port)


@contextmanager
def moto(folder: Path) -> Iterator[S3Server]:
    """Run moto, a mock that has conditional puts; it keeps everything in memory."""
    (port,) = free_ports(1)
    command = [sys.executable, HERE / 'moto_server.py', str(port)]
    with running(command, answers(port, '/moto-api/'), folder / 'moto.log'):
        yield _with_bucket(S3Server(port))


@contextmanager
def seaweedfs(folder: Path) -> Iterator[S3Server]:
    """Run SeaweedFS, a real server, whose master, volume server, filer and S3 gateway are one process."""
    identity = {
        'name': 'stash',
        'credentials': [{'accessKey': KEY, 'secretKey': SECRET}],
        'actions': ['Admin', 'Read', 'Write', 'List', 'Tagging'],
    }
    config = folder / 's3.json'
    config.write_text(json.dumps({'identities': [identity]}))
    parts = ('master', 'volume', 'filer', 's3')
    ports = dict(zip(parts, zip(*[iter(free_ports(8))] * 2, strict=True), strict=True))
    command = [
        BIN / 'weed',
        'server',
        f'-dir={folder}',
        '-ip=127.0.0.1',
        '-ip.bind=127.0.0.1',
        '-master.volumeSizeLimitMB=64',
        '-volume.max=400',
        '-master.telemetry=false',
        '-filer',
        '-s3',
        f'-s3.config={config}',
        '-s3.port.iceberg=0',
        '-s3.port.lance=0',  # a fixed port otherwise, so that there could be only one
        *(f'-{part}.port={port}' for part, (port, _) in ports.items()),
        *(f'-{part}.port.grpc={port}' for part, (_, port) in ports.items()),
    ]
    port = ports['s3'][0]
    with running(command, answers(port), folder / 'seaweedfs.log'):
        yield _with_bucket(S3Server(port))


@contextmanager
def rclone(folder: Path) -> Iterator[S3Server]:
    """Run rclone's S3 server, which overwrites whatever the condition says."""
    (port,) = free_ports(1)
    (folder / 'data/stash').mkdir(parents=True)
    command = [BIN / 'rclone', 'serve', 's3', '--addr', f'127.0.0.1:{port}', '--auth-key', f'{KEY},{SECRET}']
    with running([*command, folder / 'data'], answers(port), folder / 'rclone.log'):
        yield S3Server(port)


@contextmanager
def s3rver(folder: Path) -> Iterator[S3Server]:
    """Run s3rver, which overwrites whatever the condition says, and has credentials of its own."""
    (port,) = free_ports(1)
    command = [NODE / 's3rver', '-d', folder, '-a', '127.0.0.1', '-p', str(port), '--configure-bucket', 'stash']
    with running(command, answers(port), folder / 's3rver.log'):
        yield S3Server(port, credentials=('S3RVER', 'S3RVER'))


def _with_bucket(server: S3Server) -> S3Server:
    """Make the bucket; a server may answer before it can do that."""

    async def make() -> None:
        fs = s3fs.S3FileSystem(**server.options, asynchronous=True, skip_instance_cache=True)
        client = await fs.set_session()
        try:
            for attempt in range(100):
                try:
                    await client.create_bucket(Bucket=server.bucket)
                    return
                except Exception:
                    if attempt == 99:
                        raise
                    await asyncio.sleep(0.1)
        finally:
            await client.close()

    asyncio.run(make())
    return server
