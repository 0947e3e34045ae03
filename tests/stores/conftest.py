"""Stores to test, closed afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nicegui_stash.stores import FileStore
from tests.servers.fixtures import azurite, fake_gcs, gcs, moto, rclone, s3rver, seaweedfs

HERE = Path(__file__).parent
__all__ = ['azurite', 'fake_gcs', 'gcs', 'moto', 'rclone', 's3rver', 'seaweedfs']


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents and item.get_closest_marker('timeout') is None:
            item.add_marker(pytest.mark.timeout(600))  # the servers are slow on a busy machine


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
