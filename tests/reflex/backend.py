"""The demo app in processes of its own, and a client that speaks with it as a browser does."""

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

ROOT = Path(__file__).parents[2]
APP = ROOT / 'demo_reflex'
PATIENCE = 300
STATE = 'reflex___state____state.guestbook___guestbook____guestbook'
"""The full name of the app's state."""


class Backend:
    """The app, on a port that it keeps when it is killed and started again.

    Nothing is put but what somebody waits for. `has_page` serves the browser's code as well, once it is built.
    """

    def __init__(self, folder: Path, *, has_page: bool = False) -> None:
        (self.port,) = free_ports(1)
        self.url = f'http://localhost:{self.port}'
        self._folder = folder / 'app'  # Reflex writes into it
        shutil.copytree(APP, self._folder, ignore=shutil.ignore_patterns('__pycache__'))
        self._process: subprocess.Popen[bytes] | None = None
        self._environment = {
            **os.environ,
            'PATH': f'{Path(sys.executable).parent}{os.pathsep}{os.environ["PATH"]}',  # Node.js is beside Python
            'PYTHONPATH': f'{ROOT}{os.pathsep}{self._folder}',
            'NICEGUI_STASH_FLUSH_INTERVAL': '3600',
            'REFLEX_API_URL': self.url,
            'REFLEX_DIR': str(folder / 'reflex'),
            '__REFLEX_MOUNT_FRONTEND_COMPILED_APP': str(has_page),
            'REFLEX_TELEMETRY_ENABLED': 'false',
            'REFLEX_USE_NPM': 'true',
        }

    def set(self, variable: str, value: str) -> None:
        """Give the next process this environment variable."""
        self._environment[variable] = value

    def edit(self, file: str, old: str, new: str) -> None:
        """Change what is deployed next."""
        path = self._folder / file
        text = path.read_text(encoding='utf-8')
        assert text.count(old) == 1, old
        path.write_text(text.replace(old, new), encoding='utf-8')

    def build(self) -> None:
        """Build the browser's code, which takes Reflex half a minute at first, and 10 s again."""
        npm = ['npm', 'config', 'get', 'registry']
        registry = subprocess.check_output(npm, env=self._environment, text=True).strip()
        built = subprocess.run(
            ['reflex', 'export', '--frontend-only', '--no-zip'],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self._folder,
            env={**self._environment, 'NPM_CONFIG_REGISTRY': registry},
            check=False,
        )
        assert built.returncode == 0, built.stdout.decode(errors='replace')

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        process = self._spawn()
        async with asyncio.timeout(PATIENCE):
            is_there = answers(self.port, '/ping')
            while not await asyncio.to_thread(is_there):
                assert process.poll() is None, (self._folder / 'log').read_text(errors='replace')
                await asyncio.sleep(0.05)

    def _spawn(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, '-m', 'granian', '--interface', 'asgi', '--factory', 'guestbook.guestbook:app']
        with (self._folder / 'log').open('ab') as log:
            self._process = subprocess.Popen(
                [*command, '--port', str(self.port)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                env={**self._environment, '__REFLEX_SKIP_COMPILE': 'true'},  # it was built before
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
        self.new_token: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        socket.on('event', self._updates.put_nowait, namespace='/_event')
        socket.on('new_token', self.new_token.set_result, namespace='/_event')

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
                if found := update.get('delta', {}).get(STATE):
                    return {name.removesuffix('_rx_state_'): value for name, value in found.items()}
