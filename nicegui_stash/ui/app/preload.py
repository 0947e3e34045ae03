"""Read a session before its page is built: a script, or a page function that is not async, cannot wait for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import app
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

WAITED = 'nicegui_stash.waited'
"""In the scope of a request: the store was waited for already, so the page does not wait again."""

Read = Callable[[Request], Awaitable[Any]]


class Preload:
    """ASGI middleware that reads the session of a page's request, and holds it until the page is built."""

    def __init__(self, app: ASGIApp, read: Read) -> None:
        self._app = app
        self._read = read

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        held = await self._read(Request(scope)) if _asks_for_a_page(scope) else None
        await self._app(scope, receive, send)
        del held  # until here this may be the only reference


def preload(read: Read) -> None:
    """Call `read` for every request of a page, unless the app has started and takes no more middleware."""
    if app.middleware_stack is None:
        app.add_middleware(Preload, read=read)


def _asks_for_a_page(scope: Scope) -> bool:
    if scope['type'] != 'http' or scope['method'] != 'GET' or not scope.get('session', {}).get('id'):
        return False
    return any(name == b'accept' and b'text/html' in value for name, value in scope['headers'])
