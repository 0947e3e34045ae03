from __future__ import annotations

import asyncio
import gc
import sys
import threading
import uuid
from collections.abc import Iterator

import pytest

from nicegui_stash.errors import Conflict, Refused
from nicegui_stash.stores import MemoryStore, Replace, StoredObject
from nicegui_stash.testing import StoreConformance


@pytest.fixture
def name() -> str:
    return f'memory-{uuid.uuid4().hex}'


@pytest.fixture
def store(name: str) -> MemoryStore:
    return MemoryStore(name)


@pytest.fixture
def often_switching() -> Iterator[None]:
    """Let threads take turns as often as possible, so that a gap between two steps is found."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


class TestMemoryStore(StoreConformance):
    @pytest.fixture
    def store(self, name: str) -> MemoryStore:
        return MemoryStore(name)

    @pytest.fixture
    def other_store(self, name: str) -> MemoryStore:
        return MemoryStore(name)


class TestTheMemoryOfAllNames(StoreConformance):
    race_rounds = 5

    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()


async def test_stores_of_one_name_share_their_objects_and_others_do_not(name: str) -> None:
    etag = await MemoryStore(name).put('ab/x.json', b'body', mode='create')
    assert await MemoryStore(name).get('ab/x.json') == StoredObject(b'body', etag)
    assert await MemoryStore(f'{name}-2').get('ab/x.json') is None
    assert await MemoryStore().get(f'{name}/ab/x.json') == StoredObject(b'body', etag)


async def test_an_etag_never_comes_back_not_even_for_the_same_body(store: MemoryStore) -> None:
    etags = set[str]()
    for _ in range(100):
        etags.add(await store.put('x', b'body', mode='create'))
        await store.delete('x')
        gc.collect(0)
    assert len(etags) == 100


def test_threads_with_loops_of_their_own_count_every_increment(name: str, often_switching: None) -> None:
    async def increment() -> None:
        store = MemoryStore(name)
        for _ in range(200):
            while True:
                found = await store.get('count')
                assert isinstance(found, StoredObject)
                try:
                    await store.put('count', b'%d' % (int(found.body) + 1), mode=Replace(found.etag))
                except Conflict:
                    continue
                break

    asyncio.run(MemoryStore(name).put('count', b'0', mode='create'))
    threads = [threading.Thread(target=lambda: asyncio.run(increment())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = asyncio.run(MemoryStore(name).get('count'))
    assert isinstance(found, StoredObject)
    assert found.body == b'800'


async def test_a_put_never_awaits(store: MemoryStore) -> None:
    with pytest.raises(StopIteration) as stopped:
        store.put('x', b'body', mode='create').send(None)
    assert await store.get('x', unless=None) == StoredObject(b'body', stopped.value.value)


async def test_a_key_below_another_key_is_refused(store: MemoryStore) -> None:
    await store.put('x', b'body', mode='create')
    with pytest.raises(Refused, match='a key cannot lie below another key'):
        await store.put('x/y', b'body', mode='create')


@pytest.mark.parametrize('key', ['', '/x', 'x/', 'a//b', '..', 'a/../b', 'a/.', 'a b', 'ä', 'a\\b', 'a\n'])
async def test_what_is_no_key_is_an_error(store: MemoryStore, key: str) -> None:
    with pytest.raises(ValueError, match='is no key'):
        await store.get(key)
    with pytest.raises(ValueError, match='is no key'):
        await store.put(key, b'body', mode='create')
    with pytest.raises(ValueError, match='is no key'):
        await store.delete(key)
