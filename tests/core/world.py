"""Several servers, one store, and a browser session that all of them write: simulated time, faults drawn from a seed.

The servers are real registries and session actors. After a run has settled, what is stored is compared with a model
that only knows what was accepted where, in which order.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import msgspec

from nicegui_stash.document import SESSION_PART, Part, Raw, Slice, SliceId, from_bytes
from nicegui_stash.errors import Conflict, OutcomeUnknown, StoreError, Unavailable
from nicegui_stash.identity import Keys
from nicegui_stash.operations import Written
from nicegui_stash.policy import Policy
from nicegui_stash.registry import Registry
from nicegui_stash.session import Session
from nicegui_stash.stores.base import NOT_MODIFIED, ETag, Guarantee, NotModified, ObjectInfo, StoredObject

SLICE = SliceId('Form', 1)
COUNTER = SliceId('Counter', 1)


class Weather:
    """A store whose answers are late, lost, or a refusal to answer at all, as the dice say."""

    guarantee: Guarantee = 'shared'
    flush_interval = 0.1

    def __init__(self, dice: random.Random, trouble: float) -> None:
        self.objects: dict[str, StoredObject] = {}
        self.dice = dice
        self.trouble = trouble
        self.counted = 0
        self.bodies: list[bytes] = []

    async def _travel(self) -> None:
        if self.dice.random() < 0.8:
            await asyncio.sleep(self.dice.random() * 0.3)

    async def get(self, key: str, *, unless: ETag | None = None) -> StoredObject | NotModified | None:
        await self._travel()
        if self.dice.random() < self.trouble:
            raise Unavailable('get', key, 'weather')
        found = self.objects.get(key)
        await self._travel()
        return NOT_MODIFIED if found and found.etag == unless else found

    async def put(self, key: str, body: bytes, *, if_match: ETag | None) -> ETag:
        await self._travel()
        if self.dice.random() < self.trouble:
            raise Unavailable('put', key, 'weather')
        found = self.objects.get(key)
        if (found.etag if found else None) != if_match:
            raise Conflict('put', key, 'another etag')
        self.counted += 1
        stored = self.objects[key] = StoredObject(body, ETag(str(self.counted)))
        self.bodies.append(body)
        await self._travel()
        fate = self.dice.random()
        if fate < self.trouble:
            raise OutcomeUnknown('put', key, 'the answer is lost')
        if fate < 2 * self.trouble:
            raise Conflict('put', key, 'the library put it twice')
        return stored.etag

    async def delete(self, key: str) -> None:
        self.objects.pop(key, None)

    async def list(self, prefix: str = '') -> AsyncIterator[ObjectInfo]:
        for key, stored in list(self.objects.items()):
            if key.startswith(prefix):
                yield ObjectInfo(key, len(stored.body))

    async def aclose(self) -> None:
        """Hold nothing."""


@dataclass
class Server:
    """One process: its registry, a page that keeps the session alive, and what it accepted."""

    name: str
    registry: Registry
    session: Session
    written: int = 0
    page: Page = field(default_factory=lambda: Page())  # noqa: PLW0108 defined below


class Page:
    """A subscriber that only listens."""

    def __init__(self) -> None:
        self.rejections: list[str] = []

    def changed(self, slice_id: SliceId, part: Part, name: str) -> None:
        """Need nothing."""

    def replaced(self) -> None:
        """Need nothing."""

    def rejected(self, operation: object) -> None:
        self.rejections.append(str(operation))

    def activity_changed(self) -> None:
        """Need nothing."""


class World:
    """The servers and the model of what has to be true."""

    def __init__(self, seed: int, servers: int = 3) -> None:
        self.dice = random.Random(seed)
        self.store = Weather(self.dice, trouble=self.dice.choice([0.0, 0.05, 0.2]))
        self.clock = 1_700_000_000.0
        self.servers = [self._start(f's{number}') for number in range(servers)]
        self.increments = 0
        self.attempted_increments = 0
        self.erased: set[str] = set()
        self.crashes = 0
        self.updates: list[asyncio.Task[None]] = []

    def _start(self, name: str) -> Server:
        registry = Registry(self.store, Keys(['secret']), Policy(), wall=lambda: self.clock, rng=self.dice.random)
        server = Server(name, registry, registry.session('visitor'))
        server.session.attach(server.page)
        return server

    def write(self, server: Server) -> None:
        """Change this server's own field; only the newest value counts."""
        server.written += 1
        server.session.set(SLICE, SESSION_PART, server.name, Raw(str(server.written).encode()))

    def write_shared(self, server: Server) -> None:
        value = f'"{server.name}-{self.dice.randrange(10**6)}"'
        server.session.set(SLICE, SESSION_PART, 'shared', Raw(value.encode()))

    def increment(self, server: Server) -> None:
        async def update() -> None:
            try:
                await server.session.update(COUNTER, _increment)
            except StoreError:
                return  # accepted all the same, as the docstring says

        self.attempted_increments += 1
        self.updates.append(asyncio.ensure_future(update()))

    async def settle(self) -> None:
        """Let the weather clear up, and everything become durable and known to all."""
        self.store.trouble = 0.0
        for server in self.servers:
            await server.registry.drain(120.0)
        await asyncio.gather(*self.updates)
        for server in self.servers:
            await server.session.revalidate(60.0)

    def stored(self) -> dict[str, dict[str, object]]:
        """What is in the store now, by stored name."""
        if not self.store.objects:
            return {}
        (body,) = [found.body for found in self.store.objects.values()]
        slices = from_bytes(body).slices
        return {
            name: {field: msgspec.json.decode(raw) for field, raw in versions['1'][''].data.items()}
            for name, versions in slices.items()
        }

    async def step(self) -> None:
        """Let one thing happen, somewhere."""
        server = self.dice.choice(self.servers)
        happening = self.dice.random()
        if happening < 0.35:
            self.write(server)
        elif happening < 0.5:
            self.write_shared(server)
        elif happening < 0.65:
            self.increment(server)
        elif happening < 0.75:
            await server.session.revalidate(self.dice.random() * 0.2)
        self.clock += self.dice.random()
        if self.dice.random() < 0.5:
            await asyncio.sleep(self.dice.random() * 0.4)


def _increment(found: Slice) -> list[Written]:
    count = msgspec.json.decode(found.data.get('count', Raw(b'0')))
    return [(SESSION_PART, 'count', Raw(str(count + 1).encode()))]
