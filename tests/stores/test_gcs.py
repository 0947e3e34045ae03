"""Google Cloud Storage through both engines, on a small server of the tests' own."""

from __future__ import annotations

import asyncio

import pytest

from nicegui_stash.stores import open_store
from nicegui_stash.stores.objects.probed import ProbedStore
from tests.servers.gcs import GCSServer

from .objects import ObjectConformance


class TestGCS(ObjectConformance):
    @pytest.fixture
    def server(self, gcs: GCSServer) -> GCSServer:
        return gcs


class TestFakeGCSServer(ObjectConformance):
    @pytest.fixture
    def server(self, fake_gcs: GCSServer) -> GCSServer:
        return fake_gcs

    async def test_the_probe_says_that_conditions_of_reads_are_ignored(
        self, server: GCSServer, url: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        store = open_store(url, server.options, engine=self.engine)
        assert isinstance(store, ProbedStore)
        await asyncio.to_thread(store.check)
        assert [record.message for record in caplog.records if record.name == 'nicegui_stash'] == [
            f"GCS('{url}') sends objects that have not changed, as it ignores the condition of a read"
        ]
        await store.aclose()


class TestGCSThroughObstore(ObjectConformance):
    engine = 'obstore'

    @pytest.fixture
    def server(self, gcs: GCSServer) -> GCSServer:
        return gcs.with_a_token()
