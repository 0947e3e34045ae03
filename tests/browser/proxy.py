"""The network between a browser and its servers: it can be cut, refuse, go silent, and lead to another server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Self

import pytest

from tests.servers.accepting import Accepting

from .server import Server

CHUNK = 65536
BAD_GATEWAY = b'HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<title>502</title>'

LATENCIES = [pytest.param(0.0, id='at once'), pytest.param(0.1, id='200 ms', marks=pytest.mark.once)]
"""Seconds that everything takes in each direction, for tests that claim something of what crosses on its way."""
BOTH_WAYS = pytest.mark.parametrize('url', LATENCIES, indirect=True)
"""The same for a test with a fixture `url`, which is the quick way where a test does not ask."""


@asynccontextmanager
async def way_to(server: Server, latency: float) -> AsyncIterator[str]:
    """Return the address under which a server is reached with this latency."""
    if not latency:
        yield server.url
        return
    async with Proxy(server.port, latency=latency) as proxy:
        yield proxy.url


class Proxy:
    """One address in front of servers. A WebSocket stays with the server it was opened to, until it is cut.

    Connections are told apart by their latest request: NiceGUI's socket, or anything else. A browser sends a request on
    a kept-alive connection only when the last was answered, so each begins a chunk of its own. NiceGUI's socket may be
    such a request, too: where the browser's WebSocket fails, it polls.
    """

    def __init__(self, backend: int, *, latency: float = 0.0) -> None:
        """Lead to a port; `latency`: seconds that everything takes in each direction."""
        self.port = 0
        self._latency = latency
        self._backend = backend
        self._accepting = Accepting(self._begin)
        self._links: set[_Link] = set()
        self._refuses = False
        self._refuses_sockets = False
        self._apologises = False
        self._to_server = asyncio.Event()
        self._to_browser = asyncio.Event()
        self.restore()

    @property
    def url(self) -> str:
        return f'http://127.0.0.1:{self.port}'

    async def __aenter__(self) -> Self:
        self.port = await self._accepting.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._accepting.stop()

    def cut(self, *, sockets_only: bool = False) -> None:
        """Abort the open connections; new ones are served."""
        for link in list(self._links):
            if link.is_socket or not sockets_only:
                link.abort()

    def drop(self) -> None:
        """Abort the open connections and refuse new ones, as with the Wi-Fi off, until `restore`."""
        self._refuses = True
        self.cut()

    def drop_sockets(self) -> None:
        """Abort the WebSockets and refuse NiceGUI's socket, also by polling; documents are still served."""
        self._refuses_sockets = True
        self.cut(sockets_only=True)

    def apologise(self) -> None:
        """Abort the open connections and answer new ones with status 502, as a front server without its backend."""
        self._apologises = True
        self.cut()

    def hold(self) -> None:
        """Carry nothing any more, without ending anything, as out of Wi-Fi reach; what was sent waits."""
        self._to_server.clear()
        self._to_browser.clear()

    def hold_answers(self) -> None:
        """Carry what the browser sends, and nothing back."""
        self._to_browser.clear()

    def restore(self) -> None:
        """Carry everything again; connections that were cut stay cut."""
        self._refuses = self._refuses_sockets = self._apologises = False
        self._to_server.set()
        self._to_browser.set()

    def lead_to(self, backend: int) -> None:
        """Open new connections to another server; the sockets that are open stay where they are."""
        self._backend = backend
        for link in list(self._links):
            if not link.is_socket:  # a kept-alive connection would carry the next document to the old server
                link.abort()

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Coroutine[None, None, None]:
        link = _Link(writer)
        self._links.add(link)  # here, so that `cut` finds it before its task begins
        return self._serve(link, reader)

    async def _serve(self, link: _Link, browser: asyncio.StreamReader) -> None:
        try:
            if not self._refuses:
                with suppress(OSError):
                    await self._carry(link, browser)
        finally:
            link.abort()
            self._links.discard(link)

    async def _carry(self, link: _Link, browser: asyncio.StreamReader) -> None:
        first = await browser.read(CHUNK)
        begun_for = self._backend

        def lets_through(chunk: bytes) -> bool:
            if is_request(chunk):
                link.is_socket = asks_for_socket(chunk)
            if link.is_socket:
                return not (self._refuses_sockets and is_request(chunk))
            return self._backend == begun_for  # a document goes where it leads to by now, on another connection

        if not first or not lets_through(first):
            return
        if self._apologises:
            link.browser.write(BAD_GATEWAY)
            await link.browser.drain()
            link.browser.close()
            await link.browser.wait_closed()
            return
        await asyncio.sleep(self._latency)
        await self._to_server.wait()
        first, backend = await self._route(first)
        server, link.server = await asyncio.open_connection('127.0.0.1', backend)
        link.server.write(first)
        there = asyncio.create_task(_pump(browser, link.server, self._to_server, lets_through, self._latency))
        back = asyncio.create_task(_pump(server, link.browser, self._to_browser, latency=self._latency))
        try:
            await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in (there, back):
                pump.cancel()
            await asyncio.gather(there, back, return_exceptions=True)

    async def _route(self, first: bytes) -> tuple[bytes, int]:
        """Return what to send of a connection's first request, and to which server."""
        return first, self._backend


class _Link:
    """A browser's connection and the one that was opened to a server for it."""

    def __init__(self, browser: asyncio.StreamWriter) -> None:
        self.browser = browser
        self.server: asyncio.StreamWriter | None = None
        self.is_socket = False

    def abort(self) -> None:
        for writer in (self.browser, self.server):
            if writer is not None:
                writer.transport.abort()


async def _pump(
    source: asyncio.StreamReader,
    target: asyncio.StreamWriter,
    is_open: asyncio.Event,
    lets_through: Callable[[bytes], bool] = bool,
    latency: float = 0.0,
) -> None:
    loop = asyncio.get_running_loop()
    under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def arrive() -> None:
        while True:
            due, chunk = await under_way.get()
            await asyncio.sleep(due - loop.time())
            await is_open.wait()
            target.write(chunk)
            await target.drain()
            under_way.task_done()

    tasks = [asyncio.create_task(arrive())]
    try:
        while (chunk := await source.read(CHUNK)) and lets_through(chunk):
            under_way.put_nowait((loop.time() + latency, chunk))
        tasks.append(asyncio.create_task(under_way.join()))
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(OSError, asyncio.CancelledError):
                await task


def is_request(chunk: bytes) -> bool:
    return chunk.startswith((b'GET /', b'POST /', b'HEAD /'))


def asks_for_socket(request: bytes) -> bool:
    return request.startswith((b'GET /_nicegui_ws/', b'POST /_nicegui_ws/'))
