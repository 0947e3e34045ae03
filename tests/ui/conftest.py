"""An app with one `Stash`, on a store whose faults are chosen by the test. An unexpected error in the log fails it."""

from __future__ import annotations

import gc
import logging
import uuid
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from nicegui_stash import Stash
from nicegui_stash.stores import MemoryStore, opening
from nicegui_stash.testing import FaultyStore

from .scene import serving


@pytest.fixture(scope='module', autouse=True)
def collect_garbage_quickly() -> None:
    """Leave out what is there already when NiceGUI's simulation collects garbage, twice for each test."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def store() -> FaultyStore:
    """An empty store in memory, which outlives the servers of a test."""
    return FaultyStore(MemoryStore(f'ui-{uuid.uuid4().hex}'))


@pytest.fixture
def url(store: FaultyStore, monkeypatch: pytest.MonkeyPatch) -> str:
    """A URL by which a `Stash` opens the store of this test."""
    monkeypatch.setitem(opening._FACTORIES, 'faulty', lambda url, options: store)
    return 'faulty://'


@pytest.fixture
async def stash(url: str, store: FaultyStore, errors: Callable[[], list[str]]) -> AsyncIterator[Stash]:
    """The `Stash` of an app that is being served. Its puts are not spaced."""
    async with serving(lambda: Stash(url, flush_interval=0)) as stash:
        yield stash
        store.release()
        store.down = store.refusing = False
        store.corrupt = None


@pytest.fixture
def errors(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[str]]]:
    """The errors logged so far; a logged error that the test does not read fails it."""
    looked_at = 0

    def look() -> list[str]:
        nonlocal looked_at
        found = [record.getMessage() for record in caplog.get_records('call') if record.levelno >= logging.ERROR]
        new, looked_at = found[looked_at:], len(found)
        return new

    yield look
    assert look() == []
