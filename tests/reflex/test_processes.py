"""Real backends: killed, stopped, and two at once."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reflex.backend import COUNTER, ROOT, Backend, Client
from tests.reflex.conftest import Start
from tests.reflex.life import CLIENT
from tests.reflex.writer import Both

TIMES = 500


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Backend]:
    backend = Backend(tmp_path)
    yield backend
    backend.kill()


async def test_a_kill_after_the_answer_loses_nothing(backend: Backend) -> None:
    answered = 0
    for _ in range(3):
        await backend.start()
        async with Client.connected(backend, CLIENT) as client:
            assert (await client.hydrate())['count'] == answered
            for _ in range(5):
                await client.send(f'{COUNTER}.add')
                answered = (await client.sent())['count']
            backend.kill()
    assert answered == 15


async def test_a_stop_makes_everything_durable_a_form_and_what_no_browser_sees(backend: Backend) -> None:
    await backend.start(answer='accepted')
    async with Client.connected(backend, CLIENT) as client:
        assert (await client.hydrate()) == {'count': 0, 'names': [], 'added': 0}
        await client.send(f'{COUNTER}.enter', {'form': {'name': 'Ada'}})
        assert (await client.sent())['names'] == ['Ada']
        await client.send(f'{COUNTER}.add')
        assert (await client.sent()) == {'count': 1, 'added': 1}
        backend.stop()
    await backend.start()
    async with Client.connected(backend, CLIENT) as client:
        assert (await client.hydrate()) == {'count': 1, 'names': ['Ada'], 'added': 1}
    async with Client.connected(backend, 'another-client') as client:
        assert (await client.hydrate()) == {'count': 0, 'names': [], 'added': 0}


async def test_two_processes_with_500_changes_each_lose_none(url: str, start: Start) -> None:
    writers = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            str(Path(__file__).with_name('writer.py')),
            *(url, name, str(TIMES)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={'PYTHONPATH': str(ROOT)},
        )
        for name in ('left', 'right')
    ]
    for each in writers:
        assert each.stdout is not None
        assert await each.stdout.readline() == b'ready\n'
    for each in writers:
        assert each.stdin is not None
        each.stdin.write(b'go\n')
    assert [await each.wait() for each in writers] == [0, 0]
    assert await start(Both).read('left', 'right') == (TIMES, TIMES)
