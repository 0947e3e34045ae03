"""A backend of Reflex in processes of its own, and a client that speaks with it as a browser does."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import socketio

from tests.servers.process import answers, free_ports

APP = Path(__file__).parent / 'apps' / 'counter'
ROOT = Path(__file__).parents[2]
PATIENCE = 300
COUNTER = 'reflex___state____state.counter___counter____counter'
"""The full name of the app's state."""


class Backend:
    """The app of `apps/counter`, on a port that it keeps when it is killed and started again."""

    def __init__(self, folder: Path) -> None:
        (self.port,) = free_ports(1)
        self._folder = folder / 'app'  # Reflex writes into it
        shutil.copytree(APP, self._folder)
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self, *, answer: str = '') -> None:
        """Start it, and wait until it answers. `answer` is the plugin's option; nothing is its default."""
        process = self._spawn(answer)
        async with asyncio.timeout(PATIENCE):
            is_there = answers(self.port, '/ping')
            while not await asyncio.to_thread(is_there):
                assert process.poll() is None, (self._folder / 'log').read_text(errors='replace')
                await asyncio.sleep(0.05)

    def _spawn(self, answer: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, '-m', 'granian', '--interface', 'asgi', '--factory', 'counter.counter:app']
        environment = {
            **os.environ,
            'PYTHONPATH': f'{ROOT}{os.pathsep}{self._folder}',
            'STORE': f'sqlite:///{self._folder / "stash.db"}',
            'ANSWER': answer,
            '__REFLEX_SKIP_COMPILE': 'true',  # the browser's code, for which Node.js is needed
            'REFLEX_TELEMETRY_ENABLED': 'false',
        }
        with (self._folder / 'log').open('ab') as log:
            self._process = subprocess.Popen(
                [*command, '--port', str(self.port)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                env=environment,
                start_new_session=True,
            )
        return self._process

    def kill(self) -> None:
        """End it at once, as a power failure of the container would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end, as a redeploy does, and wait until it has."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            if number == signal.SIGKILL:
                os.killpg(process.pid, number)
            else:
                process.send_signal(number)
            process.wait(PATIENCE)


class Client:
    """A page: it hydrates when it connects, sends events, and keeps what it was sent."""

    def __init__(self, socket: socketio.AsyncClient) -> None:
        self._socket = socket
        self._updates: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        socket.on('event', self._updates.put_nowait, namespace='/_event')

    @classmethod
    @asynccontextmanager
    async def connected(cls, backend: Backend, token: str) -> AsyncIterator[Self]:
        socket = socketio.AsyncClient(reconnection=False)
        client = cls(socket)
        await socket.connect(
            f'http://127.0.0.1:{backend.port}?token={token}',
            socketio_path='/_event',
            namespaces=['/_event'],
            transports=['websocket'],
        )
        try:
            yield client
        finally:
            await socket.disconnect()

    async def hydrate(self) -> dict[str, Any]:
        """Return the vars of the app's state that a page is sent when it has connected."""
        await self.send('reflex___state____state.hydrate_and_load')
        return await self.sent()

    async def send(self, event: str, payload: dict[str, Any] | None = None) -> None:
        router = {'pathname': '/', 'query': {}, 'asPath': '/'}
        await self._socket.emit(
            'event', {'name': event, 'payload': payload or {}, 'router_data': router}, namespace='/_event'
        )

    async def sent(self) -> dict[str, Any]:
        """Wait for the next update that has vars of the app's state, and return them."""
        async with asyncio.timeout(PATIENCE):
            while True:
                update = await self._updates.get()
                if found := update.get('delta', {}).get(COUNTER):
                    return {name.removesuffix('_rx_state_'): value for name, value in found.items()}
