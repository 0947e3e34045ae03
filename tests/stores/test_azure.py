"""Azure Blob Storage through both engines, on the emulator."""

from __future__ import annotations

import pytest

from tests.servers.azure import AzureServer

from .objects import ObjectConformance


class TestAzurite(ObjectConformance):
    pause = 0.3  # the emulator takes 10 ms for a request, one after the other: who loses does well to wait

    @pytest.fixture
    def server(self, azurite: AzureServer) -> AzureServer:
        return azurite


class TestAzuriteThroughObstore(TestAzurite):
    engine = 'obstore'
