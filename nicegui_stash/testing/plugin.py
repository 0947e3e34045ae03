"""A pytest plugin beside NiceGUI's: `pytest -p nicegui.testing.user_plugin -p nicegui_stash.testing.plugin`."""

from __future__ import annotations

import uuid

import pytest

from ..hosting import opening
from ..stores.memory import MemoryStore
from .faults import FaultyStore


@pytest.fixture
def stash_store(monkeypatch: pytest.MonkeyPatch) -> FaultyStore:
    """The store of every `Stash` in this test, whatever its URL: in memory, empty, and slow, down or corrupt on demand.

    List it before `user`, so that it exists when the app starts.
    """
    store = FaultyStore(MemoryStore(f'test-{uuid.uuid4().hex}'))

    def open_store(*_: object, **__: object) -> FaultyStore:
        return store

    monkeypatch.setattr(opening, 'open_store', open_store)
    return store
