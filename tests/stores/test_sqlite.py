"""SQLite put through the conformance suite, alone and as two openings of one file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nicegui_stash.stores import SQLiteStore, Store
from nicegui_stash.testing import StoreConformance


class TestSQLiteStore(StoreConformance):
    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[Store]:
        store = SQLiteStore(tmp_path / 'state' / 'stash.db')
        yield store
        await store.aclose()


class TestTwoOpenings(TestSQLiteStore):
    @pytest.fixture
    async def other_store(self, store: Store, tmp_path: Path) -> AsyncIterator[Store]:
        other = SQLiteStore(tmp_path / 'state' / 'stash.db')
        yield other
        await other.aclose()
