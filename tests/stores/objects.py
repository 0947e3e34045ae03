"""The conformance suite as every server of object storage goes through it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Any, ClassVar, Protocol

import pytest

from nicegui_stash.stores import Store, open_store
from nicegui_stash.stores.objects.probed import ProbedStore
from nicegui_stash.testing import StoreConformance


class ObjectServer(Protocol):
    """A running server: what a `Stash` is told of it."""

    @property
    def options(self) -> dict[str, Any]: ...
    def url(self, folder: str | None = None) -> str: ...
    def at(self, port: int) -> ObjectServer: ...


def trusted(url: str, options: dict[str, Any], engine: str) -> ProbedStore:
    """Open a store that need not be probed, as a test of the probe has done it."""
    store = open_store(url, options, engine=engine)
    assert isinstance(store, ProbedStore)
    store._known = True
    return store


RUNS_AGAIN = bool(os.environ.get('AGAIN'))
"""Whether the same servers have been through the suite, with other versions of the client libraries."""


class ObjectConformance(StoreConformance):
    """The suite for one server and engine; `other_store` is another client, as another app server has it.

    Moto without the lock of `moto_server.py` fails in each round of these races, with either engine.
    """

    engine: ClassVar[str] = 'fsspec'
    pause = 0.1
    race_rounds = 10
    increments = 25

    @pytest.fixture
    def server(self) -> ObjectServer:
        raise NotImplementedError

    @pytest.fixture
    def url(self, server: ObjectServer) -> str:
        return server.url()

    @pytest.fixture
    async def store(self, server: ObjectServer, url: str) -> AsyncIterator[Store]:
        store = trusted(url, server.options, self.engine)
        yield store
        await store.aclose()

    @pytest.fixture
    async def other_store(self, server: ObjectServer, url: str) -> AsyncIterator[Store]:
        store = trusted(url, server.options, self.engine)
        yield store
        await store.aclose()

    async def test_the_probe_finds_nothing_to_object_to(self, server: ObjectServer, url: str) -> None:
        store = open_store(url, server.options, engine=self.engine)
        await store.put('after/the/probe', b'body', mode='create')
        assert [row.key async for row in store.list()] == ['after/the/probe']
        await store.aclose()
