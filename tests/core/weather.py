"""A store in changing weather: answers come late, get lost or never come; what was asked for may still happen."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

from nicegui_stash.errors import Conflict, OutcomeUnknown, Refused, StoreError, Unavailable
from nicegui_stash.stores.base import (
    NOT_MODIFIED,
    ETag,
    Guarantee,
    Mode,
    NotModified,
    ObjectInfo,
    StoredObject,
    replacing,
)

T = TypeVar('T')


class Weather:
    """Objects in memory behind a network. `trouble` is how likely each kind of failure is.

    A put whose caller died or gave up is still on its way: it may be applied much later than others asked for after it.
    """

    guarantee: Guarantee = 'shared'
    flush_interval = 0.1

    def __init__(self, dice: random.Random, trouble: float) -> None:
        self.objects: dict[str, StoredObject] = {}
        self.dice = dice
        self.trouble = trouble
        self.clock: Callable[[], float] = lambda: 0.0
        self.history: dict[str, list[bytes]] = {}
        """What was put under each key, in order: the backups."""
        self.on_put: Callable[[str, bytes], None] = lambda key, body: None
        self.on_delete: Callable[[bytes], None] = lambda body: None
        self.clear: Callable[[str, bytes], bytes] = lambda key, body: body
        """What is noted of an object: a sealed one is another each time."""
        self.trace: list[tuple[Any, ...]] = []
        """Everything that happened, in order, with the time: two runs of one seed have the same."""
        self._revision = 0
        self._under_way: set[asyncio.Task[Any]] = set()

    def note(self, *happened: object) -> None:
        self.trace.append((asyncio.get_running_loop().time(), *happened))

    async def get(self, key: str, *, unless: ETag | None = None) -> StoredObject | NotModified | None:
        return await self._send(self._get(key, unless))

    async def put(self, key: str, body: bytes, *, mode: Mode) -> ETag:
        return await self._send(self._put(key, body, mode))

    async def delete(self, key: str) -> None:
        await self._send(self._delete(key))

    async def list(self, prefix: str = '') -> AsyncIterator[ObjectInfo]:
        await self._travel()
        for key, stored in list(self.objects.items()):
            if key.startswith(prefix):
                yield ObjectInfo(key, len(stored.body))

    async def aclose(self) -> None:
        """Hold nothing."""

    async def now(self, prefix: str = '') -> float:
        return await self._send(self._now())

    async def _now(self) -> float:
        await self._travel()
        if self.dice.random() < self.trouble:
            raise Unavailable('open', 'now', 'weather')
        return self.clock()

    def lose(self) -> None:
        """Lose every object, or restore an older state of each, as a backup does."""
        for key, bodies in self.history.items():
            self._revision += 1
            if self.dice.random() < 0.5:
                self.objects.pop(key, None)
                self.note('lost', key)
            elif bodies:
                age = self.dice.randrange(min(len(bodies), 6))
                self.objects[key] = StoredObject(bodies[-1 - age], ETag(str(self._revision)))
                self.note('restored', key, age)

    async def calm(self) -> None:
        """Let no more go wrong, and wait for what is still under way."""
        self.trouble = 0.0
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def _send(self, work: Coroutine[Any, Any, T]) -> T:
        task = asyncio.ensure_future(work)
        self._under_way.add(task)
        task.add_done_callback(self._arrived)
        return await asyncio.shield(task)

    def _arrived(self, task: asyncio.Task[Any]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # whoever asked may be dead

    async def _travel(self) -> None:
        if self.dice.random() < 0.8:
            await asyncio.sleep(self.dice.random() * 0.3)
        if self.dice.random() < self.trouble / 20:
            await asyncio.sleep(45)  # longer than anybody waits

    def _fail(self, operation: str, key: str) -> None:
        fate = self.dice.random()
        if fate < self.trouble:
            self.note(operation, 'away')
            raise Unavailable(operation, key, 'weather')
        if fate < self.trouble * 1.1:
            self.note(operation, 'refused')
            raise Refused(operation, key, 'weather')

    async def _get(self, key: str, unless: ETag | None) -> StoredObject | NotModified | None:
        await self._travel()
        self._fail('get', key)
        found = self.objects.get(key)
        self.note('get', found.etag if found else None)
        await self._travel()
        return NOT_MODIFIED if found and found.etag == unless else found

    async def _put(self, key: str, body: bytes, mode: Mode) -> ETag:
        await self._travel()
        self._fail('put', key)
        found = self.objects.get(key)
        if mode != replacing(found.etag if found else None):
            self.note('put', 'conflict')
            await self._travel()
            raise self._lost_race(key)
        self._revision += 1
        stored = self.objects[key] = StoredObject(body, ETag(str(self._revision)))
        self.note('put', stored.etag, hashlib.sha256(self.clear(key, body)).hexdigest())
        self.history.setdefault(key, []).append(body)
        self.on_put(key, body)
        self._tell(key, stored.etag)
        await self._travel()
        fate = self.dice.random()
        if fate < self.trouble:
            raise OutcomeUnknown('put', key, 'the answer is lost')
        if fate < 2 * self.trouble:
            raise Conflict('put', key, 'the library put it twice')
        return stored.etag

    def _tell(self, key: str, etag: ETag) -> None:
        """Tell nobody: others look for themselves."""

    def _lost_race(self, key: str) -> StoreError:
        if self.dice.random() < self.trouble:
            return OutcomeUnknown('put', key, 'an internal error, says the server')
        return Conflict('put', key, 'another etag')

    async def _delete(self, key: str) -> None:
        await self._travel()
        self._fail('delete', key)
        found = self.objects.pop(key, None)
        self.note('delete')
        if found is not None:
            self.on_delete(found.body)
