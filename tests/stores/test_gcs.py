"""Google Cloud Storage through both engines, on a small server of the tests' own."""

from __future__ import annotations

import pytest

from tests.servers.gcs import GCSServer

from .objects import ObjectConformance


class TestGCS(ObjectConformance):
    @pytest.fixture
    def server(self, gcs: GCSServer) -> GCSServer:
        return gcs


class TestGCSThroughObstore(ObjectConformance):
    engine = 'obstore'

    @pytest.fixture
    def server(self, gcs: GCSServer) -> GCSServer:
        return gcs.with_a_token()
