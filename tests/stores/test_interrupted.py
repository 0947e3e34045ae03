"""A store that a developer can take away: for everybody else it is the one behind it."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest

from nicegui_stash import Unavailable
from nicegui_stash.stores import MemoryStore
from nicegui_stash.stores.interrupted import InterruptedStore
from nicegui_stash.testing import StoreConformance


class TestInterruptedStore(StoreConformance):
    race_rounds, racers, writers, increments = 2, 4, 2, 5

    @pytest.fixture
    async def store(self) -> AsyncIterator[InterruptedStore]:
        store = InterruptedStore(MemoryStore(f'interrupted-{uuid.uuid4().hex}'))
        yield store
        await store.aclose()


async def test_while_it_is_away_nothing_is_applied_and_afterwards_all_is_there():
    store = InterruptedStore(MemoryStore(f'interrupted-{uuid.uuid4().hex}'))
    etag = await store.put('key', b'body', mode='create')
    store.away = True
    with pytest.raises(Unavailable):
        await store.get('key')
    with pytest.raises(Unavailable):
        await store.put('other', b'body', mode='create')
    with pytest.raises(Unavailable):
        await store.delete('key')
    with pytest.raises(Unavailable):
        [row async for row in store.list()]
    store.away = False
    assert [row.key async for row in store.list()] == ['key']
    found = await store.get('key')
    assert found is not None
    assert getattr(found, 'etag', None) == etag
