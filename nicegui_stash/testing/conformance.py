"""A test suite with the requirements for every store.

```python
class TestMyStore(StoreConformance):
    @pytest.fixture
    async def store(self):
        store = MyStore('…')
        yield store
        await store.aclose()
```

Needs pytest and pytest-asyncio. Every test works below a fresh prefix and leaves its objects there.
"""

from __future__ import annotations

import asyncio
import json
import random
import uuid
from typing import ClassVar

import pytest

from ..errors import Conflict, OutcomeUnknown, Unavailable
from ..stores.base import NOT_MODIFIED, ETag, ObjectInfo, Replace, Store, StoredObject

BODIES = {
    'empty': b'',
    'text': b'{"format": 1}',
    'binary': bytes(range(256)) + b'\r\n\x00\xff',
    'megabyte': bytes(range(256)) * 4096,
}
STALE = ETag('no-object-has-this-etag')


@pytest.mark.asyncio
class PlainStoreConformance:
    """Requirements even for guarantee `none`: reading, writing, deleting, listing. Override `store`."""

    @pytest.fixture
    def store(self) -> Store:
        """The store under test, to be overridden; the test does not close it."""
        raise NotImplementedError('override the fixture `store` in your test class')

    @pytest.fixture
    def prefix(self) -> str:
        """A prefix below which nothing is stored."""
        return f'conformance-{uuid.uuid4().hex}/'

    @pytest.fixture
    def key(self, prefix: str) -> str:
        """A key of the usual shape under which nothing is stored."""
        return f'{prefix}ab/x.json'

    async def test_an_absent_object_is_none(self, store: Store, key: str) -> None:
        assert await store.get(key) is None
        assert await store.get(key, unless=STALE) is None

    @pytest.mark.parametrize('body', BODIES.values(), ids=BODIES.keys())
    async def test_what_was_put_is_read_back_to_the_byte(self, store: Store, key: str, body: bytes) -> None:
        await store.put(key, body, mode='create')
        assert (await _read(store, key)).body == body

    async def test_put_and_get_agree_on_the_etag(self, store: Store, key: str) -> None:
        created = await store.put(key, b'one', mode='create')
        assert (await _read(store, key)).etag == created
        replaced = await store.put(key, b'two', mode=Replace(created))
        assert (await _read(store, key)).etag == replaced

    async def test_another_body_has_another_etag(self, store: Store, key: str) -> None:
        created = await store.put(key, b'one', mode='create')
        assert await store.put(key, b'two', mode=Replace(created)) != created

    async def test_replacing_leaves_only_the_new_body(self, store: Store, key: str) -> None:
        etag = await store.put(key, b'a long first body', mode='create')
        await store.put(key, b'short', mode=Replace(etag))
        assert (await _read(store, key)).body == b'short'

    async def test_a_conditional_read_of_an_unchanged_object_is_not_modified(self, store: Store, key: str) -> None:
        etag = await store.put(key, b'body', mode='create')
        assert await store.get(key, unless=etag) is NOT_MODIFIED

    async def test_a_conditional_read_of_a_changed_object_is_the_new_one(self, store: Store, key: str) -> None:
        old = await store.put(key, b'old', mode='create')
        new = await store.put(key, b'new', mode=Replace(old))
        assert await store.get(key, unless=old) == StoredObject(b'new', new)

    async def test_a_deleted_object_is_gone(self, store: Store, key: str) -> None:
        etag = await store.put(key, b'body', mode='create')
        await store.delete(key)
        assert await store.get(key) is None
        assert await store.get(key, unless=etag) is None

    async def test_a_deleted_object_can_be_created_again(self, store: Store, key: str) -> None:
        await store.put(key, b'first', mode='create')
        await store.delete(key)
        await store.put(key, b'second', mode='create')
        assert (await _read(store, key)).body == b'second'

    async def test_deleting_an_absent_object_is_no_error(self, store: Store, key: str) -> None:
        await store.delete(key)
        assert await store.get(key) is None

    async def test_keys_may_be_nested_and_dotted(self, store: Store, prefix: str) -> None:
        keys = [f'{prefix}{key}' for key in ('x', 'ab/Aa_-9.json', 'quarantine/ab/x.json/0f3a', '.hidden/a..b')]
        for key in keys:
            await store.put(key, key.encode(), mode='create')
        assert [(await _read(store, key)).body for key in keys] == [key.encode() for key in keys]
        assert {info.key for info in await _rows(store, prefix)} == set(keys)

    async def test_a_listing_has_exactly_the_keys_of_its_prefix(self, store: Store, prefix: str) -> None:
        for key in ('ab/x.json', 'ab/y.json', 'ac/x.json', 'b', 'quarantine/ab/x.json/0f3a'):
            await store.put(prefix + key, b'{}', mode='create')

        async def listed(part: str) -> set[str]:
            return {info.key.removeprefix(prefix) for info in await _rows(store, prefix + part)}

        assert await listed('') == {'ab/x.json', 'ab/y.json', 'ac/x.json', 'b', 'quarantine/ab/x.json/0f3a'}
        assert await listed('ab/') == {'ab/x.json', 'ab/y.json'}
        assert await listed('ab/x') == {'ab/x.json'}
        assert await listed('a') == {'ab/x.json', 'ab/y.json', 'ac/x.json'}
        assert await listed('quarantine/ab/') == {'quarantine/ab/x.json/0f3a'}
        assert await listed('nothing/') == set()

    async def test_a_listing_gives_sizes_and_leaves_out_the_deleted(self, store: Store, prefix: str) -> None:
        await store.put(f'{prefix}kept', b'12345', mode='create')
        await store.put(f'{prefix}gone', b'1', mode='create')
        await store.delete(f'{prefix}gone')
        assert [(row.key, row.size) for row in await _rows(store, prefix)] == [(f'{prefix}kept', 5)]


class StoreConformance(PlainStoreConformance):
    """Further requirements for any other guarantee: conditions hold, even in a race. Override `store`.

    Override `other_store` with a second opening of the same place, as on another server. For a slow store, lower the
    numbers of the races in the subclass, or run several rounds at once.
    """

    race_rounds: ClassVar[int] = 50
    rounds_at_once: ClassVar[int] = 1
    racers: ClassVar[int] = 32
    writers: ClassVar[int] = 8
    increments: ClassVar[int] = 100
    pause: ClassVar[float] = 0.0
    """Longest pause of a writer after a lost race, in seconds, for stores where each attempt costs a request."""

    @pytest.fixture
    def other_store(self, store: Store) -> Store:
        """A second opening of the same place, the store itself by default."""
        return store

    async def test_the_store_promises_that_conditions_hold(self, store: Store) -> None:
        assert store.guarantee in {'process', 'host', 'shared'}, 'for guarantee none: PlainStoreConformance'

    async def test_creating_twice_conflicts(self, store: Store, key: str) -> None:
        await store.put(key, b'first', mode='create')
        with pytest.raises(Conflict):
            await store.put(key, b'second', mode='create')
        assert (await _read(store, key)).body == b'first'

    async def test_replacing_under_a_stale_etag_conflicts(self, store: Store, key: str) -> None:
        old = await store.put(key, b'old', mode='create')
        new = await store.put(key, b'new', mode=Replace(old))
        for etag in (old, STALE):
            with pytest.raises(Conflict):
                await store.put(key, b'late', mode=Replace(etag))
        assert await store.get(key) == StoredObject(b'new', new)

    async def test_replacing_an_absent_object_conflicts(self, store: Store, key: str) -> None:
        with pytest.raises(Conflict):
            await store.put(key, b'body', mode=Replace(STALE))
        assert await store.get(key) is None

    async def test_replacing_a_deleted_object_conflicts(self, store: Store, key: str) -> None:
        etag = await store.put(key, b'body', mode='create')
        await store.delete(key)
        with pytest.raises(Conflict):
            await store.put(key, b'late', mode=Replace(etag))
        assert await store.get(key) is None

    async def test_the_etag_of_a_read_is_good_for_a_put(self, store: Store, other_store: Store, key: str) -> None:
        await store.put(key, b'one', mode='create')
        etag = (await _read(other_store, key)).etag
        await store.put(key, b'two', mode=Replace(etag))
        with pytest.raises(Conflict):
            await other_store.put(key, b'three', mode=Replace(etag))
        assert (await _read(other_store, key)).body == b'two'

    async def test_of_racing_creates_one_wins(self, store: Store, other_store: Store, prefix: str) -> None:
        async def race(key: str) -> None:
            bodies = [f'racer {racer}'.encode() for racer in range(self.racers)]
            outcomes = await asyncio.gather(
                *(
                    (other_store if racer % 2 else store).put(key, body, mode='create')
                    for racer, body in enumerate(bodies)
                ),
                return_exceptions=True,
            )
            _raise_others(outcomes)
            if (
                all(isinstance(outcome, (OutcomeUnknown, Unavailable)) for outcome in outcomes)
                and await store.get(key) is None
            ):
                return  # the store was too slow for all of them
            stored = (await _read(store, key)).body
            winners = [body for body, outcome in zip(bodies, outcomes, strict=True) if isinstance(outcome, str)]
            # A put whose answer was lost may be the one that is stored; nobody else may then have won.
            unknown = [body for body, outcome in zip(bodies, outcomes, strict=True) if _is_unknown(outcome)]
            assert winners == [stored] or (not winners and stored in unknown), f'{key}: {winners} won'

        at_once = self.rounds_at_once
        for number in range(0, self.race_rounds, at_once):
            await asyncio.gather(*(race(f'{prefix}{number + other}') for other in range(at_once)))

    async def test_racing_increments_are_all_counted(self, store: Store, other_store: Store, key: str) -> None:
        await store.put(key, json.dumps({'count': 0, 'applied': {}}).encode(), mode='create')

        async def write(writer: int) -> None:
            for sequence in range(self.increments):
                await _increment(other_store if writer % 2 else store, key, str(writer), sequence, self.pause)

        await asyncio.gather(*(write(writer) for writer in range(self.writers)))
        state = json.loads((await _read(store, key)).body)
        assert state['count'] == self.writers * self.increments
        assert state['applied'] == {str(writer): self.increments - 1 for writer in range(self.writers)}

    async def test_a_cancelled_put_leaves_the_old_or_the_new_body(self, store: Store, key: str) -> None:
        for turns in range(20):  # with other bodies each time, as an etag may be their digest
            old, new = (b'%s%d' % (name, turns) * 30_000 for name in (b'old', b'new'))
            etag = await _settle(store, key, old)
            put = asyncio.create_task(store.put(key, new, mode=Replace(etag)))
            for _ in range(turns):
                await asyncio.sleep(0)
            put.cancel()
            await asyncio.gather(put, return_exceptions=True)
            assert (await _read(store, key)).body in {old, new}
        await _settle(store, key, b'settled')
        assert (await _read(store, key)).body == b'settled'


async def _read(store: Store, key: str) -> StoredObject:
    found = await store.get(key)
    assert isinstance(found, StoredObject), f'{key}: {found}'
    return found


async def _rows(store: Store, prefix: str) -> list[ObjectInfo]:
    rows = [row async for row in store.list(prefix)]
    assert len({row.key for row in rows}) == len(rows), 'a key was listed twice'
    return rows


async def _settle(store: Store, key: str, body: bytes) -> ETag:
    """Write a body, even while earlier cancelled puts are still running."""
    while True:
        found = await store.get(key)
        try:
            return await store.put(key, body, mode=Replace(found.etag) if isinstance(found, StoredObject) else 'create')
        except (Conflict, OutcomeUnknown):
            continue


async def _increment(store: Store, key: str, writer: str, sequence: int, pause: float) -> None:
    """Count up by one, exactly once. A conflict does not prove that our bytes are not stored, so read the object."""
    while True:
        found = await _read(store, key)
        state = json.loads(found.body)
        if state['applied'].get(writer, -1) >= sequence:
            return
        body = {'count': state['count'] + 1, 'applied': {**state['applied'], writer: sequence}}
        await asyncio.sleep(0)  # so that another writer can come between, also where nothing else awaits
        try:
            await store.put(key, json.dumps(body).encode(), mode=Replace(found.etag))
        except (Conflict, OutcomeUnknown, Unavailable):
            await asyncio.sleep(pause * random.random())  # noqa: S311 it need not be secret
            continue
        return


def _is_unknown(outcome: ETag | BaseException) -> bool:
    """Store libraries that repeat a put report a conflict with themselves, so a conflict is unknown as well."""
    return isinstance(outcome, (Conflict, OutcomeUnknown))


def _raise_others(outcomes: list[ETag | BaseException]) -> None:
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, (Conflict, OutcomeUnknown, Unavailable)):
            raise outcome
