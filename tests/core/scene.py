"""The vocabulary of the tests of the session actor: values, pages that listen, and reads of the store."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from weakref import WeakSet

import msgspec

from nicegui_stash.model.document import SESSION_PART, Part, SliceId
from nicegui_stash.model.operations import Set
from nicegui_stash.session.registry import Registry
from nicegui_stash.session.session import Session
from nicegui_stash.stores import ObjectInfo, StoredObject
from nicegui_stash.stores.base import Replace, Store
from nicegui_stash.testing import FaultyStore

from .virtual import idle

COUNTER = SliceId('Counter', 1)
TAB = Part('tabs', 'tab-1')
VISIT = Part('visits', 'visit-1')

KILLED: WeakSet[Registry] = WeakSet()
"""Servers that died in a test; what they had pending died with them."""


def raw(value: object) -> msgspec.Raw:
    """A value as its JSON, as sessions take it."""
    return msgspec.Raw(msgspec.json.encode(value))


class Undated(FaultyStore):
    """A store without the times of its objects."""

    async def list(self, prefix: str = '') -> Any:
        async for row in super().list(prefix):
            yield ObjectInfo(row.key, row.size)


def put(session: Session, name: str, value: object, part: Part = SESSION_PART, slice_id: SliceId = COUNTER) -> None:
    """Change a field of a session."""
    session.set(slice_id, part, name, raw(value))


def values(session: Session, part: Part = SESSION_PART, slice_id: SliceId = COUNTER) -> dict[str, Any]:
    """What a page would show now."""
    found = session.document.slice(slice_id)
    return {name: json.loads(bytes(value)) for name, value in ((found.values(part) if found else None) or {}).items()}


async def document(store: Store, key: str) -> dict[str, Any] | None:
    """What is stored under a key now, as plain JSON."""
    found = await store.get(key)
    return json.loads(found.body) if isinstance(found, StoredObject) else None


async def stored(store: Store, key: str, slice_id: SliceId = COUNTER) -> dict[str, Any] | None:
    """The session values of a slice as they are stored now, `None` if there are none."""
    found = await document(store, key)
    versions = (found or {'slices': {}})['slices'].get(slice_id.name, {})
    return versions.get(str(slice_id.version), {}).get(slice_id.key, {}).get('data')


async def keep(store: Store, key: str, body: bytes) -> None:
    """Replace an object from outside."""
    found = await store.get(key)
    await store.put(key, body, mode=Replace(found.etag) if isinstance(found, StoredObject) else 'create')


async def tasks_of(registry: Registry) -> set[asyncio.Task[None]]:
    """What a registry still runs, once all that needs no time is over."""
    await idle()
    return {task for task in registry._tasks if not task.done()}


async def kill(registry: Registry) -> None:
    """Let a server die in the middle of whatever it does."""
    KILLED.add(registry)
    for task in list(registry._tasks):
        task.cancel()
    await idle()


def pending_changes(registry: Registry) -> tuple[int, int]:
    """How many sessions have something pending, and how many bytes that are."""
    statistics = registry.statistics()
    return statistics.pending, statistics.pending_bytes


class Page:
    """A page that records the notices of a session."""

    def __init__(self, session: Session | None = None) -> None:
        self.changes: list[tuple[SliceId, Part, str]] = []
        self.replacements = 0
        self.overruled: list[tuple[str, Any]] = []
        self.activities: list[str] = []
        self._session = session
        if session is not None:
            session.attach(self)
            session.watch(self)

    def changed(self, slice_id: SliceId, part: Part, name: str) -> None:
        self.changes.append((slice_id, part, name))

    def replaced(self) -> None:
        self.replacements += 1

    def rejected(self, operation: Set) -> None:
        self.overruled.append((operation.field, json.loads(bytes(operation.raw))))

    def activity_changed(self, *, settled: bool) -> None:
        if self._session is not None and self.activities[-1:] != [self._session.activity]:
            self.activities.append(self._session.activity)

    def leave(self) -> None:
        assert self._session is not None
        self._session.detach(self)
        self._session.unwatch(self)
        self._session = None
