"""The suite itself: a store that breaks a promise does not pass."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from nicegui_stash.stores import ETag, MemoryStore, NotModified, ObjectInfo, StoredObject
from nicegui_stash.stores.base import Mode, Replace
from nicegui_stash.testing import StoreConformance

Failure = (AssertionError, pytest.fail.Exception)
SUITE = StoreConformance()


class Overwriting(MemoryStore):
    """Ignores the condition, as some servers do."""

    async def put(self, key: str, body: bytes, *, mode: Mode) -> ETag:
        found = await self.get(key)
        return await super().put(key, body, mode=Replace(found.etag) if isinstance(found, StoredObject) else 'create')


class Racing(Overwriting):
    """Compares first and writes later, so that a put can come between."""

    async def put(self, key: str, body: bytes, *, mode: Mode) -> ETag:
        found = await self.get(key)
        if mode != (Replace(found.etag) if isinstance(found, StoredObject) else 'create'):
            return await MemoryStore.put(self, key, body, mode=Replace(ETag('stale')))
        await asyncio.sleep(0)
        return await super().put(key, body, mode=mode)


class Forgetful(MemoryStore):
    """Answers that a put succeeded and drops every tenth of them."""

    puts = 0

    async def put(self, key: str, body: bytes, *, mode: Mode) -> ETag:
        self.puts += 1
        found = await self.get(key)
        if isinstance(found, StoredObject) and mode == Replace(found.etag) and self.puts % 10 == 0:
            return found.etag
        return await super().put(key, body, mode=mode)


class Unconditional(MemoryStore):
    """Never answers NOT_MODIFIED."""

    async def get(self, key: str, *, unless: ETag | None = None) -> StoredObject | NotModified | None:
        return await super().get(key)


class Stale(MemoryStore):
    """Always answers NOT_MODIFIED to a conditional read."""

    async def get(self, key: str, *, unless: ETag | None = None) -> StoredObject | NotModified | None:
        found = await super().get(key)
        return await super().get(key, unless=found.etag if unless and isinstance(found, StoredObject) else None)


class FolderListing(MemoryStore):
    """Lists whole folders only, whatever follows the last slash of a prefix."""

    async def list(self, prefix: str = '') -> AsyncIterator[ObjectInfo]:
        async for row in super().list(prefix[: prefix.rfind('/') + 1]):
            yield row


@pytest.mark.parametrize(
    ('broken', 'test', 'arguments'),
    [
        (Overwriting, SUITE.test_creating_twice_conflicts, 'sk'),
        (Overwriting, SUITE.test_replacing_under_a_stale_etag_conflicts, 'sk'),
        (Overwriting, SUITE.test_replacing_an_absent_object_conflicts, 'sk'),
        (Overwriting, SUITE.test_replacing_a_deleted_object_conflicts, 'sk'),
        (Overwriting, SUITE.test_the_etag_of_a_read_is_good_for_a_put, 'ssk'),
        (Overwriting, SUITE.test_of_racing_creates_one_wins, 'ssp'),
        (Overwriting, SUITE.test_racing_increments_are_all_counted, 'ssk'),
        (Racing, SUITE.test_of_racing_creates_one_wins, 'ssp'),
        (Racing, SUITE.test_racing_increments_are_all_counted, 'ssk'),
        (Forgetful, SUITE.test_racing_increments_are_all_counted, 'ssk'),
        (Unconditional, SUITE.test_a_conditional_read_of_an_unchanged_object_is_not_modified, 'sk'),
        (Stale, SUITE.test_a_conditional_read_of_a_changed_object_is_the_new_one, 'sk'),
        (FolderListing, SUITE.test_a_listing_has_exactly_the_keys_of_its_prefix, 'sp'),
    ],
    ids=lambda value: getattr(value, '__name__', None),
)
async def test_a_broken_store_fails_the_suite(
    broken: type[MemoryStore], test: Callable[..., Awaitable[None]], arguments: str
) -> None:
    name = f'broken-{uuid.uuid4().hex}'
    given: dict[str, Any] = {'s': broken(name), 'k': 'some/ab/x.json', 'p': 'some/'}
    with pytest.raises(Failure):
        await test(*(given[letter] for letter in arguments))
