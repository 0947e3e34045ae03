"""Real backends: killed, stopped, and two at once."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from nicegui_stash.stores.opening import open_store
from tests.reflex.backend import PATIENCE, ROOT, STATE, Backend, Client
from tests.reflex.conftest import Start
from tests.reflex.life import CLIENT
from tests.reflex.writer import Both
from tests.stores.redis_server import RedisServer

TIMES = 500
SECONDS_AWAY = float(os.environ.get('SECONDS_AWAY', '3'))
FRESH = {'count': 0, 'draft': '', 'entries': [], 'author': '', 'letters': 0, 'written': 0}


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Backend]:
    backend = Backend(tmp_path)
    yield backend
    backend.kill()


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    await server.is_up()
    yield server
    server.kill()


@pytest.mark.parametrize('journal', [False, True], ids=['sqlite', 'redis-and-journal'])
async def test_a_kill_after_the_answer_loses_nothing(
    backend: Backend, redis: RedisServer, tmp_path: Path, *, journal: bool
) -> None:
    if journal:
        backend.set('NICEGUI_STASH_URL', redis.url)
        backend.set('NICEGUI_STASH_JOURNAL', str(tmp_path / 'journal'))
    answered = 0
    for _ in range(2):
        await backend.start()
        async with Client.connected(backend, CLIENT) as client:
            assert (await client.hydrate())['count'] == answered
            for _ in range(5):
                await client.send(f'{STATE}.add')
                answered = (await client.sent())['count']
            backend.kill()
    assert answered == 10


async def test_a_stop_makes_everything_durable_a_form_and_what_no_browser_sees(backend: Backend) -> None:
    backend.edit('rxconfig.py', 'StashPlugin(', "StashPlugin(answer='accepted', ")
    await backend.start()
    async with Client.connected(backend, CLIENT) as client:
        assert (await client.hydrate()) == FRESH
        await client.send(f'{STATE}.write', {'form': {'author': 'Ada', 'draft': 'Hello'}})
        assert (await client.sent()) == {'entries': ['Ada: Hello'], 'written': 1, 'draft': '', 'letters': 0}
        await client.send(f'{STATE}.add')
        assert (await client.sent()) == {'count': 1}
    backend.stop()  # with an open connection Granian 2.8.9 may panic before the app has stopped: granian#884
    await backend.start()
    async with Client.connected(backend, CLIENT) as client:
        assert (await client.hydrate()) == {**FRESH, 'count': 1, 'entries': ['Ada: Hello'], 'written': 1}
    async with Client.connected(backend, 'another-client') as client:
        assert (await client.hydrate()) == FRESH


async def test_a_second_connection_with_the_same_token_gets_a_copy(backend: Backend) -> None:
    await backend.start()
    async with Client.connected(backend, CLIENT) as first, Client.connected(backend, CLIENT) as second:
        assert (await first.hydrate())['count'] == 0
        await first.send(f'{STATE}.add')
        assert (await first.sent())['count'] == 1
        async with Client.connected(backend, CLIENT) as third:
            token = await third.new_token
            assert (await third.hydrate())['count'] == 1
            for number in (2, 3):
                await third.send(f'{STATE}.add')
                assert (await third.sent())['count'] == number
        assert (await second.hydrate())['count'] == 0  # a copy of what there was then
        backend.kill()
    await backend.start()
    for ident, number in ((CLIENT, 1), (token, 3)):
        async with Client.connected(backend, ident) as client:
            assert (await client.hydrate())['count'] == number


async def test_two_backends_of_one_database_have_the_same_of_one_client(tmp_path: Path) -> None:
    backends = [Backend(tmp_path / name) for name in ('one', 'other')]
    try:
        for each in backends:
            each.set('NICEGUI_STASH_URL', f'sqlite:///{tmp_path / "stash.db"}')
        await asyncio.gather(*(each.start() for each in backends))
        one, other = backends
        async with Client.connected(one, CLIENT) as first, Client.connected(other, CLIENT) as second:
            assert await first.hydrate() == await second.hydrate() == FRESH
            for number in range(1, 21):
                await first.send(f'{STATE}.add')
                await second.send(f'{STATE}.type', {'text': 'x' * number})
                assert (await first.sent())['count'] == number
                assert (await second.sent())['letters'] == number
            everything = {**FRESH, 'count': 20, 'draft': 'x' * 20, 'letters': 20}
            assert await first.hydrate() == await second.hydrate() == everything
            one.kill()
        async with Client.connected(other, CLIENT) as moved:
            assert await moved.hydrate() == everything
    finally:
        for each in backends:
            each.kill()


async def test_a_redis_that_hangs_delays_no_answer_and_loses_nothing(backend: Backend, redis: RedisServer) -> None:
    backend.set('NICEGUI_STASH_URL', redis.url)
    backend.set('NICEGUI_STASH_FLUSH_INTERVAL', '0.1')
    await backend.start()
    async with Client.connected(backend, CLIENT) as client:
        assert await client.hydrate() == FRESH
        await client.send(f'{STATE}.add')
        assert (await client.sent())['count'] == 1
        redis.freeze()
        back, counted = time.monotonic() + SECONDS_AWAY, 1
        while time.monotonic() < back:
            await client.send(f'{STATE}.add')
            counted = (await client.sent())['count']
            await asyncio.sleep(0.1)
        redis.thaw()
        await is_stored(redis.url, f'"count":{counted}')
        backend.kill()
    await backend.start()
    async with Client.connected(backend, CLIENT) as client:
        assert (await client.hydrate())['count'] == counted
    assert counted > 1


async def is_stored(url: str, json: str) -> None:
    """Wait until an object of a store has this."""
    store = open_store(url)
    try:
        async with asyncio.timeout(PATIENCE):
            while not any([json in str(await store.get(row.key)) async for row in store.list()]):
                await asyncio.sleep(0.05)
    finally:
        await store.aclose()


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
