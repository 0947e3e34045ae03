"""The servers as pytest fixtures: each is started for the first test that asks for it, and ended after the last."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nicegui_stash.hosting import start_check
from nicegui_stash.stores.objects import probed
from nicegui_stash.stores.objects.remote import RemoteStore
from nicegui_stash.stores.redis.store import RedisStore

from . import azure, s3
from . import gcs as google
from .process import PATIENCE


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give servers the time that they and their clients take on a busy machine, where no deadline is under test."""
    for store in (RemoteStore, RedisStore):
        monkeypatch.setitem(store.__init__.__kwdefaults__, 'deadline', PATIENCE)
    for module, name in ((probed, 'TIME_AT_START'), (probed, 'TIME_AT_PUT'), (start_check, 'PATIENCE')):
        monkeypatch.setattr(module, name, PATIENCE)


@pytest.fixture(scope='session')
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3.S3Server]:
    """A mock of S3."""
    with s3.moto(tmp_path_factory.mktemp('moto')) as server:
        yield server


@pytest.fixture(scope='session')
def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3.S3Server]:
    """A real server of S3."""
    with s3.seaweedfs(tmp_path_factory.mktemp('seaweedfs')) as server:
        yield server


@pytest.fixture(scope='session')
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3.S3Server]:
    """A server of S3 that ignores conditions."""
    with s3.rclone(tmp_path_factory.mktemp('rclone')) as server:
        yield server


@pytest.fixture(scope='session')
def s3rver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3.S3Server]:
    """Another server of S3 that ignores conditions."""
    with s3.s3rver(tmp_path_factory.mktemp('s3rver')) as server:
        yield server


@pytest.fixture(scope='session')
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[azure.AzureServer]:
    """An emulator of Azure Blob Storage."""
    with azure.azurite(tmp_path_factory.mktemp('azurite')) as server:
        yield server


@pytest.fixture(scope='session')
def fake_gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[google.GCSServer]:
    """An emulator of Google Cloud Storage that others wrote."""
    with google.fake_gcs(tmp_path_factory.mktemp('fake_gcs')) as server:
        yield server


@pytest.fixture(scope='session')
def gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[google.GCSServer]:
    """A small server of Google Cloud Storage."""
    with google.gcs(tmp_path_factory.mktemp('gcs')) as server:
        yield server
