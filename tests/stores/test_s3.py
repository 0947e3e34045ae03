"""S3 through both engines, on a mock that is quick and on a real server."""

from __future__ import annotations

import pytest

from nicegui_stash.testing import StoreConformance
from tests.servers.s3 import S3Server

from .objects import RUNS_AGAIN, ObjectConformance


class TestMoto(ObjectConformance):
    pause = 0.4  # it decides in one thread, 8 ms for a request: who loses does well to wait

    @pytest.fixture
    def server(self, moto: S3Server) -> S3Server:
        return moto


class TestMotoThroughObstore(TestMoto):
    engine = 'obstore'


class TestSeaweedFS(ObjectConformance):
    rounds_at_once = 10  # who finds a key locked there looks again a second later
    if not RUNS_AGAIN:  # a real server, whose gap may be narrow
        race_rounds = StoreConformance.race_rounds
        increments = StoreConformance.increments

    @pytest.fixture
    def server(self, seaweedfs: S3Server) -> S3Server:
        return seaweedfs


class TestSeaweedFSThroughObstore(TestSeaweedFS):
    engine = 'obstore'
