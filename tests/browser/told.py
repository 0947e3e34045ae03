"""One event of the browser, told as what was typed before it and what is shown after it."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest_asyncio

from .server import Server
from .tab import Shown, Tab, Visitor

Visitors = Callable[[], Visitor]


def scenario(function: Callable[..., Any]) -> Any:
    """Run an event, a static method, once for the tests of its class."""
    return pytest_asyncio.fixture(scope='class', loop_scope='session')(function)


@dataclass(frozen=True)
class Told:
    """What a person had typed (per field), what the page showed then, and what it shows after the event."""

    typed: dict[str, str]
    before: Shown
    after: Shown


def words() -> dict[str, str]:
    """Return a value per field that no other test types."""
    return {name: f'{name} {uuid.uuid4().hex[:8]}' for name in ('session', 'reconnect', 'tab')}


async def fill(tab: Tab, *, flush: bool = False) -> tuple[dict[str, str], Shown]:
    """Type into all fields; return what was typed and what the page shows with it."""
    typed = words()
    await tab.type(**typed)
    if flush:
        await tab.flush()
    shown = await tab.look()
    assert shown.fields == typed
    return typed, shown


@asynccontextmanager
async def dead(server: Server, tab: Tab) -> AsyncIterator[None]:
    """Kill the server, have the body done when the tab has noticed, and go on when the tab is back by itself."""
    client = await tab.client()
    await server.kill()
    await tab.disconnected()
    yield
    await server.start()
    await tab.connected(after=client)


async def restart(server: Server, tab: Tab, *, kill: bool) -> None:
    """End the server, start it again, and return when the tab is back by itself."""
    client = await tab.client()
    await (server.kill() if kill else server.terminate())
    await server.start()
    await tab.connected(after=client)
