"""A real NiceGUI app in this process: its pages are requested over ASGI and connected as a browser would."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar
from uuid import uuid4

import httpx
from nicegui import Client, background_tasks, core, ui
from nicegui.nicegui import _on_handshake
from nicegui.storage import request_contextvar
from nicegui.testing.general import prepare_simulation

T = TypeVar('T')
SECRET = 'bench'
_CLIENT_ID = re.compile(r"'client_id': '([0-9a-f-]+)'")


@asynccontextmanager
async def serving(declare: Callable[[], T]) -> AsyncIterator[T]:
    """Declare an app's pages, start it, and stop it at the end. Once per process."""
    os.environ['NICEGUI_USER_SIMULATION'] = 'true'
    prepare_simulation()
    declared = declare()
    ui.run(storage_secret=SECRET)
    async with core.app.router.lifespan_context(core.app):
        yield declared
        for client in list(Client.instances.values()):
            client.delete()


def new_browser() -> httpx.AsyncClient:
    """Return a browser without a cookie."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(core.app), base_url='http://bench')


async def get_page(browser: httpx.AsyncClient, path: str) -> Client:
    """Request a page; return NiceGUI's client of it, not connected yet."""
    response = await browser.get(path)
    found = _CLIENT_ID.search(response.text)
    if response.status_code != 200 or found is None:
        raise RuntimeError(f'{path} was answered with {response.status_code}')
    return Client.instances[found[1]]


async def open_page(browser: httpx.AsyncClient, path: str) -> Client:
    """Request a page and connect to it; `app.storage.user` is that of its session from now on."""
    client = await get_page(browser, path)
    await _on_handshake(
        f'test-{uuid4()}', {'client_id': client.id, 'tab_id': str(uuid4()), 'document_id': str(uuid4())}
    )
    return client


@contextmanager
def storage_of(client: Client) -> Iterator[None]:
    """Let `app.storage.user` be that of a client's session, as it is in its event handlers."""
    token = request_contextvar.set(client.request)
    try:
        yield
    finally:
        request_contextvar.reset(token)


async def written_by_nicegui() -> None:
    """Wait until NiceGUI has written everything that was assigned to its storage."""
    while background_tasks.lazy_tasks_running:
        await asyncio.sleep(0.001)


async def until(condition: Callable[[], Any]) -> None:
    while not condition():
        await asyncio.sleep(0.001)
