from __future__ import annotations

import asyncio
import uuid

import pytest

from nicegui_stash.errors import Conflict, OutcomeUnknown, Refused, Unavailable
from nicegui_stash.stores import MemoryStore, Replace, StoredObject
from nicegui_stash.testing import FaultyStore, StoreConformance


@pytest.fixture
def store() -> FaultyStore:
    return FaultyStore(MemoryStore(f'faults-{uuid.uuid4().hex}'))


class TestWithoutAFault(StoreConformance):
    race_rounds = 5

    @pytest.fixture
    def store(self) -> FaultyStore:
        return FaultyStore(MemoryStore(f'faults-{uuid.uuid4().hex}'))


async def test_a_held_put_waits_before_it_is_applied(store: FaultyStore) -> None:
    gate = store.hold('put')
    put = asyncio.create_task(store.put('x', b'body', mode='create'))
    await gate.started.wait()
    assert await store.inner.get('x') is None
    gate.release()
    etag = await put
    assert await store.get('x') == StoredObject(b'body', etag)


async def test_a_put_held_after_it_was_applied_is_stored_but_not_answered(store: FaultyStore) -> None:
    gate = store.hold('put', applied=True)
    put = asyncio.create_task(store.put('x', b'body', mode='create'))
    await gate.started.wait()
    found = await store.inner.get('x')
    assert isinstance(found, StoredObject)
    assert not put.done()
    store.release('put')
    assert await put == found.etag


async def test_only_the_named_operation_is_held_and_release_ends_the_holding(store: FaultyStore) -> None:
    gate = store.hold('get')
    etag = await store.put('x', b'body', mode='create')
    read = asyncio.create_task(store.get('x'))
    await gate.started.wait()
    store.release()
    assert await read == StoredObject(b'body', etag)
    assert await store.get('x') == StoredObject(b'body', etag)


async def test_a_held_call_that_is_cancelled_is_not_applied(store: FaultyStore) -> None:
    gate = store.hold('put')
    put = asyncio.create_task(store.put('x', b'body', mode='create'))
    await gate.started.wait()
    put.cancel()
    with pytest.raises(asyncio.CancelledError):
        await put
    store.release()
    assert await store.get('x') is None


async def test_a_store_that_is_down_applies_nothing_until_it_is_back(store: FaultyStore) -> None:
    store.down = True
    for call in (store.get('x'), store.put('x', b'body', mode='create'), store.delete('x')):
        with pytest.raises(Unavailable):
            await call
    with pytest.raises(Unavailable):
        [row async for row in store.list()]
    store.down = False
    assert await store.get('x') is None


async def test_a_store_that_goes_down_while_a_put_is_held_does_not_apply_it(store: FaultyStore) -> None:
    gate = store.hold('put')
    put = asyncio.create_task(store.put('x', b'body', mode='create'))
    await gate.started.wait()
    store.down = True
    gate.release()
    with pytest.raises(Unavailable):
        await put
    assert await store.inner.get('x') is None


async def test_a_refusing_store_reads_but_does_not_write(store: FaultyStore) -> None:
    etag = await store.put('x', b'body', mode='create')
    store.refusing = True
    with pytest.raises(Refused):
        await store.put('x', b'new', mode=Replace(etag))
    with pytest.raises(Refused):
        await store.delete('x')
    assert await store.get('x') == StoredObject(b'body', etag)


async def test_lost_answers_belong_to_puts_that_were_applied(store: FaultyStore) -> None:
    store.lose_answers()
    store.conflict_after_apply()
    with pytest.raises(OutcomeUnknown):
        await store.put('x', b'one', mode='create')
    found = await store.get('x')
    assert isinstance(found, StoredObject)
    assert found.body == b'one'
    with pytest.raises(Conflict):
        await store.put('x', b'two', mode=Replace(found.etag))
    found = await store.get('x')
    assert isinstance(found, StoredObject)
    assert found.body == b'two'
    await store.put('x', b'three', mode=Replace(found.etag))


async def test_a_chosen_error_is_raised_once_and_nothing_is_applied(store: FaultyStore) -> None:
    store.fail_next('put', Unavailable('put', 'x', 'once'), Refused('put', 'x', 'twice'))
    with pytest.raises(Unavailable, match='once'):
        await store.put('x', b'body', mode='create')
    with pytest.raises(Refused, match='twice'):
        await store.put('x', b'body', mode='create')
    assert await store.get('x') is None
    await store.put('x', b'body', mode='create')


async def test_corrupt_bodies_keep_their_etag_and_the_store_keeps_the_whole_body(store: FaultyStore) -> None:
    etag = await store.put('x', b'body', mode='create')
    store.corrupt = lambda body: body[:2]
    assert await store.get('x') == StoredObject(b'bo', etag)
    assert await store.inner.get('x') == StoredObject(b'body', etag)


async def test_calls_and_keys_are_counted_also_when_they_fail(store: FaultyStore) -> None:
    await store.get('a')
    store.down = True
    with pytest.raises(Unavailable):
        await store.get('b')
    store.down = False
    [row async for row in store.list('c/')]
    assert store.calls == {'get': 2, 'list': 1}
    assert store.calls['put'] == 0
    assert store.keys == {'get': ['a', 'b'], 'list': ['c/']}
