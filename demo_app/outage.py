"""Accidents on purpose: a lost connection, a redeploy, a kill, and a store in trouble."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from nicegui import Client, app, background_tasks, ui

from . import supervisor
from .environment import IS_IN_MEMORY
from .state import stash, store
from .troubled import Trouble

SCRIPT = Path(__file__).with_name('outage.js').read_text(encoding='utf-8')
ui.add_head_html(f'<script>{SCRIPT}</script>', shared=True)

TROUBLE_LASTS = 6.0
"""Seconds for which the store is in trouble."""

ASLEEP = 5.0
"""Seconds after which a browser that has not let go is taken to be asleep."""

LATE = 1.5
"""Seconds by which a busy server may be late when it drops a page."""

_trouble: asyncio.Task[None] | None = None

is_redeploying = False
"""Whether `__main__` must start a new process when this one ends."""


def drop_connection() -> None:
    """Close this browser's socket, and keep it closed until the server has dropped the page."""
    seconds = app.config.reconnect_timeout + LATE
    ui.run_javascript(f'demoOutage.drop({seconds})')


def redeploy() -> None:
    """Replace the server while people are using it. Their browsers notice, and come back by themselves."""
    work = _lose_all_pages() if IS_IN_MEMORY else _end_process()
    background_tasks.create_lazy(work, name='redeploy')  # one at a time; it outlives the page that asked for it


async def kill() -> None:
    """End the server with SIGKILL. What is not in the store yet is lost here, and brought back by the open pages."""
    await _warn_browsers('say("The server was killed. Another one starts…")')
    supervisor.kill()


def trouble(kind: Trouble, page: object) -> None:
    """Make the store slow, away or full for a while. All pages keep working, and show it after the next change."""
    global _trouble  # noqa: PLW0603 there is one store

    async def pass_by() -> None:
        store.trouble = kind
        await asyncio.sleep(TROUBLE_LASTS)
        store.trouble = None
        await stash.flush(page)  # without waiting for the next attempt at a store that has refused

    if _trouble is not None:
        _trouble.cancel()
    _trouble = background_tasks.create(pass_by(), name='trouble')


async def _end_process() -> None:
    """Stop the server, which makes everything accepted durable first; `__main__` starts it again."""
    global is_redeploying  # noqa: PLW0603 read once, by the code after `ui.run`
    await _warn_browsers('say("The server is being replaced…")')
    is_redeploying = True
    app.shutdown()


async def _lose_all_pages() -> None:
    """Drop all pages, as a new process would, but keep this process: its memory is the store."""
    while stash.statistics().pending:  # noqa: ASYNC110 a stopping server drains by itself; this one does not stop
        await asyncio.sleep(0.01)
    patience, app.config.reconnect_timeout = app.config.reconnect_timeout, 0.0  # drop pages at once
    clients = _connected()
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(ASLEEP):
                while clients := [client for client in clients if client.id in Client.instances]:
                    # once more where a page was back before its end was noticed: it goes on with its old client
                    await _warn_browsers('lose()', clients)
                    await asyncio.sleep(1.0)
    finally:
        app.config.reconnect_timeout = patience


def _connected() -> list[Client]:
    return [client for client in Client.instances.values() if client.has_socket_connection]


async def _warn_browsers(call: str, clients: list[Client] | None = None) -> None:
    """Run a function of `outage.js` in every browser; one that does not answer will notice by itself."""

    async def warn(client: Client) -> None:
        await client.run_javascript(f'demoOutage.{call}')

    await asyncio.gather(*map(warn, _connected() if clients is None else clients), return_exceptions=True)
