"""The whole programs of the documentation as real server processes, started cold: asked, stopped."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.servers.process import PATIENCE, free_ports

from .conftest import Running
from .examples import ROOT, named

LAUNCH = """\
import functools, runpy, sys
from nicegui import ui
ui.run = functools.partial(ui.run, port=int(sys.argv[1]), host='127.0.0.1', reload=False, show=False)
runpy.run_path('main.py', run_name='__main__')
"""


@asynccontextmanager
async def serving(folder: Path, *command: str, port: int, **variables: str) -> AsyncIterator[str]:
    """Run a command in a folder until it answers, and end it with SIGTERM; yield its address."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(('PYTEST', 'NICEGUI'))}
    log = folder / f'{port}.log'
    with log.open('wb') as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            cwd=folder,
            env={**inherited, 'PYTHONPATH': str(ROOT), 'NICEGUI_STASH_RECOVER_TIMEOUT': '2.9', **variables},
            stdout=output,
            stderr=output,
        )
    try:
        address = f'http://127.0.0.1:{port}'
        async with httpx.AsyncClient(timeout=300) as client:
            while True:
                assert process.returncode is None, log.read_text()
                try:
                    await client.get(address)
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
        yield address
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), PATIENCE)
        assert 'Traceback' not in log.read_text(), log.read_text()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / 'launch.py').write_text(LAUNCH)
    return tmp_path


async def test_the_first_example_runs_as_it_stands(folder: Path) -> None:
    (folder / 'main.py').write_text(named('README.md', 'counter').code)
    (port,) = free_ports(1)
    async with (
        serving(folder, 'launch.py', str(port), port=port) as address,
        httpx.AsyncClient(timeout=300) as browser,
    ):
        answer = await browser.get(address)
        assert answer.status_code == 200
        assert '+1' in answer.text
        assert (folder / '.nicegui-stash' / 'stash.db').is_file(), 'the default store'


async def test_an_app_behind_fastapi_serves_its_routes_and_its_page(folder: Path) -> None:
    (folder / 'main.py').write_text(named('howto/fastapi.md', 'main.py').code)
    (port,) = free_ports(1)
    command = ('-m', 'uvicorn', 'main:api', '--port', str(port), '--log-level', 'warning')
    async with serving(folder, *command, port=port) as address, httpx.AsyncClient(timeout=300) as browser:
        assert (await browser.get(f'{address}/health')).json() == {'status': 'well'}
        answer = await browser.get(address)
        assert '+1' in answer.text
        assert 'session' in answer.cookies


async def test_a_second_server_on_the_same_folder_shows_what_the_first_one_stored(
    running: Running, tmp_path: Path
) -> None:
    code = named('howto/several-servers.md', 'server').code
    async with running(code) as user:  # its state is in the folder 'state' beside main.py, as the example says
        await user.open('/')
        user.find('+1').click()
        await user.should_see('1')
        cookies = user.http_client.cookies
    (port,) = free_ports(1)
    async with serving(tmp_path, 'main.py', port=port, PORT=str(port)) as address:
        session = {'session': cookies['session']}
        async with httpx.AsyncClient(timeout=300, cookies=session) as browser, asyncio.timeout(PATIENCE):
            # again where a busy machine took longer than `recover_timeout`: that page shows the default
            while '"text":1}' not in (await browser.get(address)).text:
                pass
