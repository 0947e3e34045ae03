"""S3 through both engines, on a mock that is quick and on a real server."""

from __future__ import annotations

import pytest

from tests.servers.s3 import S3Server

from .objects import ObjectConformance


class TestMoto(ObjectConformance):
    race_rounds = 10  # the mock takes 8 ms for a request, and decides in one thread; SeaweedFS gets the full number
    increments = 20

    @pytest.fixture
    def server(self, moto: S3Server) -> S3Server:
        return moto


class TestMotoThroughObstore(TestMoto):
    engine = 'obstore'


class TestSeaweedFS(ObjectConformance):
    rounds_at_once = 10  # who finds a key locked there looks again a second later

    @pytest.fixture
    def server(self, seaweedfs: S3Server) -> S3Server:
        return seaweedfs


class TestSeaweedFSThroughObstore(TestSeaweedFS):
    engine = 'obstore'
