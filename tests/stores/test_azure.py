"""Azure Blob Storage through both engines, on the emulator."""

from __future__ import annotations

import pytest

from tests.servers.azure import AzureServer

from .objects import ObjectConformance


class TestAzurite(ObjectConformance):
    @pytest.fixture
    def server(self, azurite: AzureServer) -> AzureServer:
        return azurite


class TestAzuriteThroughObstore(TestAzurite):
    engine = 'obstore'
