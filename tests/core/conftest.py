"""Registries on a store with chosen faults, in virtual time; each must end with nothing left to do."""

from __future__ import annotations

import asyncio
import os
import random
import uuid
from collections.abc import AsyncIterator, Callable

import pytest
from hypothesis import HealthCheck, settings

from nicegui_stash.model.limits import Policy
from nicegui_stash.model.schema import Schema
from nicegui_stash.model.sealing import Sealing
from nicegui_stash.session.keys import Keys
from nicegui_stash.session.registry import Registry
from nicegui_stash.session.session import Session
from nicegui_stash.stores import MemoryStore
from nicegui_stash.stores.base import Store
from nicegui_stash.stores.journal import Journals
from nicegui_stash.testing import FaultyStore

from .carts import Serve
from .scene import KILLED, tasks_of
from .virtual import take_no_time

# A slow machine is no failure; and what failed once fails again, on every machine. To look further: load 'explore'.
settings.register_profile('core', deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile('explore', settings.get_profile('core'), derandomize=False, max_examples=1000)
settings.register_profile('again', settings.get_profile('core'), max_examples=25)  # the first of the same examples
settings.load_profile(os.environ.get('HYPOTHESIS_PROFILE', 'again' if os.environ.get('AGAIN') else 'core'))

MakeRegistry = Callable[..., Registry]
MakeSession = Callable[..., Session]


class WallClock:
    """The time of day, which moves when a test says so."""

    def __init__(self) -> None:
        self.now = 1_763_700_000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, *, seconds: float = 0, days: float = 0) -> None:
        self.now += seconds + days * 86400


@pytest.fixture
def clock() -> WallClock:
    """The wall clock of the registries of this test."""
    return WallClock()


@pytest.fixture
async def loop() -> asyncio.AbstractEventLoop:
    """The event loop of this test, in which waiting takes no time."""
    return take_no_time(asyncio.get_running_loop())


@pytest.fixture
def store() -> FaultyStore:
    """An empty store in memory whose faults are chosen by the test."""
    return FaultyStore(MemoryStore(f'core-{uuid.uuid4().hex}'))


@pytest.fixture
async def make_registry(
    loop: asyncio.AbstractEventLoop, store: FaultyStore, clock: WallClock
) -> AsyncIterator[MakeRegistry]:
    """Registries on the store of the test: as many servers as it makes.

    After the test the store is healed, and every server that was not `killed` has to become quiet: everything durable,
    nothing accounted for, no task left.
    """
    made: list[Registry] = []

    def make(
        *,
        on: Store | None = None,
        secrets: tuple[str, ...] = ('a secret',),
        seed: int = 1,
        policy: Policy | None = None,
        journals: Journals | None = None,
        encrypt: bool = False,
        **options: float,
    ) -> Registry:
        registry = Registry(
            on or store,
            Keys(secrets),
            policy or Policy(**options),
            wall=clock,
            rng=random.Random(seed).random,
            journals=journals,
            sealing=Sealing(secrets, encrypts=encrypt),
        )
        made.append(registry)
        return registry

    yield make
    store.release()
    store.down = store.refusing = False
    store.corrupt = None
    for registry in made:
        if registry not in KILLED:
            assert await registry.drain(300.0) == []
            await asyncio.sleep(1)  # its journal takes a moment to become empty
            assert (await tasks_of(registry), registry.statistics().pending_bytes) == (set(), 0)


@pytest.fixture
async def make_session(make_registry: MakeRegistry) -> MakeSession:
    """Sessions of one id, each on a separate server, not yet read."""

    def make(*, exists: bool = True, session_id: str = 'an id', **options: float) -> Session:
        return make_registry(**options).session(session_id, exists=exists)

    return make


@pytest.fixture
def serve(make_registry: MakeRegistry) -> Serve:
    """The session of one browser on a separate server, which knows some classes."""

    def make(*schemas: Schema, **options: float) -> Session:
        registry = make_registry(**options)
        for schema in schemas:
            registry.declare(schema)
        return registry.session('an id')

    return make
