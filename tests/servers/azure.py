"""Azurite, the emulator of Azure Blob Storage."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from azure.storage.blob.aio import BlobServiceClient

from .process import answers, free_ports, running
from .s3 import NODE

ACCOUNT = 'devstoreaccount1'
KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=='
"""The emulator's account and key, which everybody knows."""


@dataclass(frozen=True)
class AzureServer:
    """Where a server is, and one of its containers."""

    port: int
    container: str = 'stash'

    @property
    def connection_string(self) -> str:
        return (
            f'DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};'
            f'BlobEndpoint=http://127.0.0.1:{self.port}/{ACCOUNT};'
        )

    @property
    def options(self) -> dict[str, Any]:
        """What `storage_options` have to say, as adlfs wants it."""
        return {'connection_string': self.connection_string}

    def url(self, folder: str | None = None) -> str:
        """Name a folder of the container, by default one that nothing else uses."""
        return f'az://{self.container}/{folder or uuid.uuid4().hex}'

    def at(self, port: int) -> AzureServer:
        """Return the same server as it is reached through a proxy on another port."""
        return AzureServer(port, self.container)


@contextmanager
def azurite(folder: Path) -> Iterator[AzureServer]:
    """Run Azurite; it keeps everything in memory."""
    (port,) = free_ports(1)
    command = [
        NODE / 'azurite-blob',
        '--inMemoryPersistence',
        '--skipApiVersionCheck',
        '--disableTelemetry',
        '--silent',
        '--blobPort',
        str(port),
    ]
    with running(command, answers(port), folder / 'azurite.log'):
        server = AzureServer(port)
        asyncio.run(_make_container(server))
        yield server


async def _make_container(server: AzureServer) -> None:
    async with BlobServiceClient.from_connection_string(server.connection_string) as service:
        await service.create_container(server.container)
