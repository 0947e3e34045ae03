"""Stores to test, closed afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nicegui_stash.stores import FileStore
from tests.servers.fixtures import azurite, fake_gcs, gcs, moto, patience, rclone, s3rver, seaweedfs

__all__ = ['azurite', 'fake_gcs', 'gcs', 'moto', 'patience', 'rclone', 's3rver', 'seaweedfs']


@pytest.fixture(autouse=True)
def servers_take_their_time(patience: None) -> None:
    """Let no deadline end what is only slow."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for a store that does not exist yet, nor does its parent."""
    return tmp_path / 'state' / 'stash'


@pytest.fixture
async def files(folder: Path) -> AsyncIterator[FileStore]:
    """A store of files, closed after the test."""
    store = FileStore(folder)
    yield store
    await store.aclose()
