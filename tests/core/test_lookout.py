"""What another server put is shown when the store tells of it, also where it cannot be read at that moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from nicegui_stash.errors import Unavailable
from nicegui_stash.session.registry import Registry
from nicegui_stash.session.session import Session
from nicegui_stash.stores import MemoryStore
from nicegui_stash.stores.base import Changed, ETag, Mode
from nicegui_stash.testing import FaultyStore

from .conftest import MakeRegistry
from .scene import Page, kill, put, values
from .virtual import idle

STEP = 5.0


class TellingStore(FaultyStore):
    """Tells one listener what is put, and at least every `STEP` seconds that it still listens."""

    def __init__(self) -> None:
        super().__init__(MemoryStore('telling'))
        self._told: asyncio.Queue[Changed] = asyncio.Queue()

    async def put(self, key: str, body: bytes, *, mode: Mode) -> ETag:
        etag = await super().put(key, body, mode=mode)
        self._told.put_nowait({key: etag})
        return etag

    async def watch(self) -> AsyncIterator[Changed | None]:
        yield None
        while True:
            try:
                yield await asyncio.wait_for(self._told.get(), STEP)
            except TimeoutError:
                yield {}


@pytest.fixture
def store() -> TellingStore:
    return TellingStore()


def elsewhere(store: TellingStore, make_registry: MakeRegistry) -> Registry:
    """A server that others do not see: it puts into the same store, and is told nothing."""
    registry = make_registry()
    registry._lookout._watch = None
    return registry


async def opened(registry: Registry) -> Session:
    room = registry.room('garden')
    Page(room)
    assert await room.load(1.0)
    return room


async def test_what_cannot_be_read_when_the_store_tells_of_it_is_read_at_the_next_step(
    store: TellingStore, make_registry: MakeRegistry
) -> None:
    here, there = make_registry(), elsewhere(store, make_registry)
    shown, changed = await opened(here), await opened(there)
    put(changed, 'count', 1)
    store.fail_next('get', Unavailable('get', 'garden', 'away'))
    await changed.flush()
    await idle()
    assert values(shown) == {}
    await asyncio.sleep(STEP - 1)
    assert here.statistics().lag_ms >= (STEP - 2) * 1000, 'it says that it lags'
    await asyncio.sleep(2)
    assert values(shown) == {'count': 1}
    await kill(here)


async def test_what_is_put_while_a_document_is_read_is_shown(store: TellingStore, make_registry: MakeRegistry) -> None:
    here, there = make_registry(), elsewhere(store, make_registry)
    changed = await opened(there)
    gate = store.hold('get', applied=True)  # it has read, and the answer is on its way
    shown = here.room('garden')
    Page(shown)
    await gate.started.wait()
    put(changed, 'count', 1)
    await changed.flush()
    await idle()
    gate.release()
    await asyncio.sleep(STEP + 1)
    assert values(shown) == {'count': 1}
    await kill(here)


async def test_a_look_without_an_answer_does_not_deafen_for_long(
    store: TellingStore, make_registry: MakeRegistry
) -> None:
    here, there = make_registry(), elsewhere(store, make_registry)
    changed = await opened(there)
    shown = here.room('garden')
    assert await shown.load(1.0)
    await here._lookout._look({})
    gate = store.hold('get')  # the look that begins each listening gets no answer
    looking = asyncio.ensure_future(here._lookout._look(None))
    await gate.started.wait()
    begin = asyncio.get_running_loop().time()
    await looking
    assert asyncio.get_running_loop().time() - begin <= 45.0
    gate.release()
    put(changed, 'count', 1)
    await changed.flush()
    await asyncio.sleep(STEP + 1)
    assert values(shown) == {'count': 1}
    await kill(here)
