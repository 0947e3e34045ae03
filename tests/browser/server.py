"""A real server process, run from an app file, that can be killed and started again on the same port."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, ClassVar, Self

import httpx

from tests.servers import forked
from tests.servers.process import PATIENCE, WITHOUT_TLS, free_ports

APPS = Path(__file__).parent / 'apps'
ROOT = Path(__file__).parents[2]
SECRET = 'the secret of the browser tests'
REJOIN = os.environ.get('REJOIN', 'in_place')
"""How pages come back that do not say it: REJOIN=reload runs the same tests with reloads."""

REFUSED = 10080
"""A port that Chromium opens no page of."""


def port_of_server() -> int:
    """Return a port that nobody else gets, even while the server is killed: none of those that the system chooses."""
    (port,) = free_ports(1)
    return port if port != REFUSED else port_of_server()


async def eventually(holds: Callable[[], Awaitable[Any]], what: str, *, timeout: float = 60.0) -> Any:
    """Ask again and again until the answer is true and return it; raise `TimeoutError` naming `what`."""
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout
    while True:
        if answer := await holds():
            return answer
        if loop.time() > end:
            raise TimeoutError(f'not within {timeout} s: {what}')
        await asyncio.sleep(0.03)


BROWSER_VANISHED = re.compile(r"(?m)^(RuntimeError: No response returned\.|KeyError: 'REQUEST_METHOD')$")
PACKAGE = ROOT / 'nicegui_stash'
MIDDLEWARE = PACKAGE / 'ui' / 'app' / 'preload.py'
"""Every request goes through it."""


class Server:
    """An app file in a process of its own. Its output goes to `log`; its port and its store survive a restart.

    It is forked from a process that has imported the framework; a `cold` one imports that by itself.
    As a context manager it fails at the end if anything was logged with a traceback.
    """

    running: ClassVar[set[Server]] = set()

    def __init__(
        self, app: str, folder: Path, *, store: Path | str | None = None, cold: bool = False, **settings: object
    ) -> None:
        self.app = APPS / app
        self.cold = cold
        self.folder = folder
        self.store = store or folder / 'store'
        self.port = port_of_server()
        self.log = folder / f'server-{self.port}.log'
        self.log.touch()
        self.settings = {'reconnect_timeout': 3.0, 'secret': SECRET, 'nicegui_stash_rejoin': REJOIN, **settings}
        self._process: forked.Process | None = None

    @property
    def url(self) -> str:
        return f'http://127.0.0.1:{self.port}{self.settings.get("mount", "")}'

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, failure: type[BaseException] | None, *_: object) -> None:
        if self._process is not None:
            await self.kill()
        if failure is None:
            assert 'Traceback' not in self.complaints(), self.complaints()[-8000:]

    async def start(self) -> None:
        """Start the process and return when it answers; raise with its output if it ends instead."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(('PYTEST', 'NICEGUI'))}
        environment = inherited | {
            'PYTHONPATH': str(ROOT),
            'PYTHONUNBUFFERED': '1',
            'NICEGUI_STORAGE_PATH': str(self.folder / f'nicegui-{self.port}'),
            'STORE': str(self.store),
            'PORT': str(self.port),
            **{name.upper(): str(value) for name, value in self.settings.items()},
        }
        with self.log.open('ab') as output:
            self._process = forked.start([str(self.app)], self.folder, environment, output, cold=self.cold)
        Server.running.add(self)
        await eventually(self._answers, f'{self.app.name} answers', timeout=PATIENCE)

    async def kill(self) -> None:
        """End the process as a power cut would (SIGKILL): no handler runs."""
        await self._end(signal.SIGKILL)

    async def terminate(self) -> None:
        """End the process as a redeploy would (SIGTERM), and wait until it has shut down."""
        await self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """Stop the process where it is, as a host that is overloaded would, until it is ended."""
        assert self._process is not None, 'the server is not running'
        self._process.send_signal(signal.SIGSTOP)

    async def probe(self) -> dict[str, Any]:
        """Ask the server about itself, past any proxy: see `apps/probe.py`."""
        async with httpx.AsyncClient(timeout=60, verify=WITHOUT_TLS) as client:
            return (await client.get(f'{self.url}/probe')).raise_for_status().json()

    async def ask_to_reconnect(self, client_id: str) -> None:
        """Have one of the server's clients reload by NiceGUI's own `try_reconnect`."""
        async with httpx.AsyncClient(timeout=60, verify=WITHOUT_TLS) as client:
            (await client.post(f'{self.url}/probe/reconnect/{client_id}')).raise_for_status()

    async def forgot(self, client_id: str) -> None:
        """Return when the server has deleted this NiceGUI client: its `reconnect_timeout` has passed."""

        async def is_gone() -> bool:
            return client_id not in (await self.probe())['clients']

        await eventually(is_gone, f'client {client_id} deleted')

    async def lost(self, client_id: str) -> None:
        """Return when the server has noticed that this client's socket is gone."""

        async def is_lost() -> bool:
            return not (await self.probe())['clients'].get(client_id, False)

        await eventually(is_lost, f'client {client_id} disconnected')

    def output(self) -> str:
        """Return everything the process has written so far, over all its lives."""
        return self.log.read_text(errors='replace')

    def complaints(self) -> str:
        """Return the output without what NiceGUI's own parts log where a browser goes away within a request."""
        head, *errors = re.split(r'(?m)^(?=ERROR: +Exception in ASGI application$)', self.output())
        return head + ''.join(_without_vanished(error) for error in errors)

    def document(self) -> dict[str, Any]:
        """Return the only document in the store."""
        path, *others = self.objects()
        assert not others, '\n'.join(f'{each}: {each.read_text()}' for each in (path, *others))
        return json.loads(path.read_bytes())

    def objects(self) -> list[Path]:
        """Return the documents in the store's folder."""
        assert isinstance(self.store, Path), 'it is a folder'
        return sorted(path for path in self.store.rglob('*.json') if path.is_file()) if self.store.exists() else []

    async def _answers(self) -> bool:
        assert self._process is not None
        if (code := self._process.poll()) is not None:
            raise RuntimeError(f'{self.app.name} ended with {code}:\n{self.output()[-4000:]}')
        try:
            return bool(await self.probe())
        except httpx.TransportError:
            return False

    async def _end(self, how: signal.Signals) -> None:
        assert self._process is not None, 'the server is not running'
        process, self._process = self._process, None
        Server.running.discard(self)
        process.send_signal(how)
        process.send_signal(signal.SIGCONT)  # if it was frozen
        await asyncio.to_thread(process.wait, PATIENCE)


def _without_vanished(error: str) -> str:
    end = BROWSER_VANISHED.search(error)
    if end is None:
        return error
    files = map(Path, re.findall(r'File "(.+?)"', error[: end.end()]))
    is_ours = any(file.is_relative_to(PACKAGE) and file != MIDDLEWARE for file in files)
    return error if is_ours else error[end.end() :]
