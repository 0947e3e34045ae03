"""Azure Blob Storage through both engines, on the emulator."""

from __future__ import annotations

import pytest

from tests.servers.azure import AzureServer

from .objects import ObjectConformance


class TestAzurite(ObjectConformance):
    increments = 50  # 800 with both engines; the emulator takes 10 ms for a request

    @pytest.fixture
    def server(self, azurite: AzureServer) -> AzureServer:
        return azurite


class TestAzuriteThroughObstore(TestAzurite):
    engine = 'obstore'
