"""A server within the tests' own loop that leaves no connection open: a later test would get the warning."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

Begin = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]
"""Called with each connection; what it returns serves the connection, which is aborted when that ends."""


class Accepting:
    """Serves connections on a free port, each by a task, until `stop`."""

    def __init__(self, begin: Begin) -> None:
        self._begin = begin
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> int:
        """Begin to listen; return the port."""
        self._server = await asyncio.start_server(self._accept, '127.0.0.1', 0)
        return self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        for listening in self._server.sockets:
            asyncio.get_running_loop().remove_reader(listening)
        await asyncio.sleep(0)  # asyncio makes a transport of what it has just accepted: closed by then, it cannot
        await asyncio.sleep(0)
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._server is None or not self._server.is_serving():  # it came while this was closed
            writer.transport.abort()
            return
        # asyncio logs the cancelling of a task that it made itself, so the task is made here
        task = asyncio.create_task(self._begin(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: writer.transport.abort())  # also where it is cancelled before it begins
