"""Accidents on purpose: a lost connection, a redeploy, a kill, and a store in trouble."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
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

_trouble: asyncio.Task[None] | None = None

is_redeploying = False
"""Whether `__main__` must start a new process when this one ends."""


def drop_connection() -> None:
    """Close this browser's socket, and keep it closed until the server has dropped the page."""
    seconds = app.config.reconnect_timeout + 1.5
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
    # before the page is back: one that is quick would go on with its old client
    await _warn_browsers('lose()', then=Client.delete)


async def _warn_browsers(call: str, then: Callable[[Client], None] | None = None) -> None:
    """Run a function of `outage.js` in every browser; one that does not answer will notice by itself."""

    async def warn(client: Client) -> None:
        with suppress(TimeoutError):
            await client.run_javascript(f'demoOutage.{call}')
        if then is not None and client.id in Client.instances:
            then(client)

    clients = [client for client in Client.instances.values() if client.has_socket_connection]
    await asyncio.gather(*map(warn, clients), return_exceptions=True)
