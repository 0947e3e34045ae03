"""`copy`: all sessions are at the other store, byte for byte; it may be killed and repeated, and the app may run."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from nicegui_stash.maintenance.copying import Copy, Tally
from nicegui_stash.model.document import SESSION_PART, SliceId
from nicegui_stash.model.limits import Policy
from nicegui_stash.session.keys import Keys, object_key
from nicegui_stash.session.loading import quarantine_key
from nicegui_stash.session.registry import Registry
from nicegui_stash.stores import MemoryStore, SQLiteStore, Store, StoredObject, open_store
from nicegui_stash.testing import FaultyStore
from tests.servers.fixtures import moto
from tests.servers.s3 import S3Server
from tests.stores.redis_server import RedisServer

from .conftest import Run, _runner, document, rows, slice_of

__all__ = ['moto']
ROOT = Path(__file__).parents[2]
COUNTER = SliceId('Counter', 1)


@pytest.fixture
def copy(folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    return _runner('copy', capsys)


@pytest.fixture(scope='module')
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp('redis'))
    server.start()
    asyncio.run(server.is_up())
    yield server
    server.kill()


def fill(url: str, count: int = 20, options: Any = None) -> dict[str, bytes]:
    """Store documents, a tombstone, a damaged document and its copy; and what is not copied."""
    bodies = {
        object_key('a secret', f'{number}'): document({'Cart': {'1': {'': slice_of(a=number)}}}, born=number + 1)
        for number in range(count)
    }
    bodies[object_key('a secret', 'erased')] = document({}, erased=True, born=1)
    damaged = f'shop/{object_key("a secret", "damaged")}'
    bodies[damaged] = b'{'
    bodies[quarantine_key(damaged, b'{')] = b'{'
    others = {f'probe/{"0" * 32}-0': b'', 'sweep/last.json': b'{}', 'other/thing.json': b'{}'}

    async def put() -> None:
        store = open_store(url, options)
        for key, body in {**bodies, **others}.items():
            await store.put(key, body, mode='create')
        await store.aclose()

    asyncio.run(put())
    return bodies


def held(url: str, options: Any = None) -> dict[str, bytes]:
    async def look() -> dict[str, bytes]:
        store = open_store(url, options)
        try:
            return await contents(store)
        finally:
            await store.aclose()

    return asyncio.run(look())


async def contents(store: Store) -> dict[str, bytes]:
    found = {row.key: await store.get(row.key) for row in [row async for row in store.list()]}
    return {key: there.body for key, there in found.items() if isinstance(there, StoredObject)}


@pytest.mark.proves('copy')
def test_sessions_go_from_store_to_store_byte_for_byte(
    folder: Path, copy: Run, redis: RedisServer, moto: S3Server
) -> None:
    bodies = fill('state')
    options = msgspec.json.encode(moto.options).decode()
    s3, memory = moto.url(), f'memory://{uuid.uuid4().hex}'
    way = ['state', 'sqlite:///stash.db', redis.url, s3, memory, 'back']
    for source, target in itertools.pairwise(way):
        given = ['--from-options', options] if source == s3 else ['--to-options', options] if target == s3 else []
        code, table, said = copy(source, target, *given)
        assert (code, said) == (0, ''), table
        assert rows(table) == {'now copied to TO': 23}
        assert 'compared byte by byte: 23 objects' in table
        there = held(target, moto.options if target == s3 else None)
        assert there == bodies, target
    assert rows(copy('state', 'back')[1]) == {'there already, with the same bytes': 23}


def test_a_dry_run_says_what_would_be_done_and_makes_nothing(folder: Path, copy: Run) -> None:
    fill('state')
    code, table, _ = copy('state', 'sqlite:///stash.db', '--dry-run')
    assert (code, rows(table)) == (0, {'would be copied to TO': 23})
    assert 'nothing was written' in table
    assert [path.name for path in folder.iterdir()] == ['state']


def test_a_prefix_takes_only_what_is_below_it(folder: Path, copy: Run) -> None:
    bodies = fill('state')
    assert copy('state', 'there', '--prefix', 'shop')[0] == 0
    assert held('there') == {key: body for key, body in bodies.items() if 'shop/' in key}


def test_the_default_folder_is_moved_into_the_database_within_it_and_again(folder: Path, copy: Run) -> None:
    bodies = fill('state')
    for _ in range(2):
        code, table, said = copy('state', 'sqlite:///state/stash.db')
        assert (code, said) == (0, ''), table
    assert rows(table) == {'there already, with the same bytes': 23}
    assert held('sqlite:///state/stash.db') == bodies
    assert [path.name for path in (folder / 'state').glob('stash.db*')] == ['stash.db']


def test_what_is_newer_at_the_target_is_left_alone_until_that_is_asked_for(folder: Path, copy: Run) -> None:
    key = object_key('a secret', '1')
    older, newer, begun = (
        document({'Cart': {'1': {'': slice_of(a=a)}}}, applied={'w': w}, born=born) for a, w, born in PLACES
    )
    for there, fate, expected in ((older, 'older at TO: now replaced', 0), (newer, NEWER, 1), (begun, NEWER, 1)):
        for url, body in (('state', MIDDLE), ('there', there)):
            asyncio.run(replace(url, key, body))
        assert copy('state', 'there')[::2] == (expected, '')
        assert held('there') == {key: MIDDLE if expected == 0 else there}
        code, table, _ = copy('state', 'there', '--overwrite')
        assert (code, held('there')) == (0, {key: MIDDLE}), (fate, table)


PLACES = ((1, 1, 5), (3, 3, 5), (3, 1, 6))
MIDDLE = document({'Cart': {'1': {'': slice_of(a=2)}}}, applied={'w': 2}, born=5)
NEWER = 'WRITTEN AT TO, or begun there: left alone; --overwrite replaces them'


async def replace(url: str, key: str, body: bytes) -> None:
    store = open_store(url)
    await store.delete(key)
    await store.put(key, body, mode='create')
    await store.aclose()


HALF = """
import asyncio, itertools, sys
from nicegui_stash.cli import main
from nicegui_stash.stores import SQLiteStore

put, number = SQLiteStore.put, itertools.count()

async def put_half(*arguments, **options):
    if next(number) >= 1000:
        await asyncio.Event().wait()
    return await put(*arguments, **options)

SQLiteStore.put = put_half
main(sys.argv[1:])
"""
"""The command, which stands still with half of the objects: it is not done before it is killed."""


@pytest.mark.proves('copy')
def test_a_copy_that_is_killed_leaves_no_half_database_and_is_gone_on_with(folder: Path, copy: Run) -> None:
    bodies = fill('state', 2000)
    command = [sys.executable, '-c', HALF, 'copy', 'state', 'sqlite:///stash.db']
    environment = {**os.environ, 'PYTHONPATH': str(ROOT)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None and not count('stash.db.copying'):
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not (folder / 'stash.db').exists()
    assert 0 < count('stash.db.copying') < len(bodies)
    code, table, _ = copy('state', 'sqlite:///stash.db')
    assert code == 0
    found = rows(table)
    assert found['there already, with the same bytes'] > 0
    assert sum(found.values()) == len(bodies)
    assert held('sqlite:///stash.db') == bodies
    assert [path.name for path in folder.glob('stash.db*')] == ['stash.db']


def count(path: str) -> int:
    with suppress(sqlite3.Error), closing(sqlite3.connect(f'file:{path}?mode=ro', uri=True)) as database:
        return database.execute('SELECT count(*) FROM objects').fetchone()[0]
    return 0


def test_an_interrupted_copy_says_what_it_did(folder: Path, copy: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    fill('state')

    async def interrupt(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(SQLiteStore, 'put', interrupt)
    code, table, said = copy('state', 'sqlite:///stash.db')
    assert (code, said.strip()) == (130, 'interrupted')
    assert '0 of 23 objects looked at' in table
    assert not (folder / 'stash.db').exists()


@pytest.mark.parametrize(
    ('arguments', 'code', 'remedy'),
    [
        (('nowhere', 'there'), 2, "there is no folder 'nowhere'"),
        (('state', './state'), 2, 'it is the same place as FROM'),
        (('state', 'redis://127.0.0.1:1/0'), 3, 'the store does not answer'),
        (('state', 'dir::file:///tmp/x'), 2, 'allow_lost_updates=True'),
        (('state', 'wrong://x'), 2, 'unknown protocol'),
        (('state',), 2, 'TO'),
    ],
)
def test_a_call_that_cannot_work_says_why(
    folder: Path, copy: Run, arguments: tuple[str, ...], code: int, remedy: str
) -> None:
    fill('state', 60)
    returned, _, said = copy(*arguments)
    assert returned == code
    assert remedy in said


# ---- while the app runs


class Nobody:
    def show(self, done: int, total: int) -> None:
        """Show nothing."""


@pytest.mark.proves('copy')
async def test_what_the_app_writes_meanwhile_is_there_after_another_pass() -> None:
    source, target = MemoryStore(f'from-{uuid.uuid4().hex}'), FaultyStore(MemoryStore(f'to-{uuid.uuid4().hex}'))
    registry = Registry(source, Keys(['a secret']), Policy(flush_interval=0.001))
    sessions = [registry.session(f'{number}', exists=False) for number in range(40)]
    for session in sessions:
        session.set(COUNTER, SESSION_PART, 'count', msgspec.Raw(b'0'))
        await session.flush()
    target.lose_answers(3)
    target.conflict_after_apply(3)
    stopped = asyncio.Event()

    async def write() -> None:
        number = 0
        while not stopped.is_set():
            number += 1
            for session in sessions[::2]:
                session.set(COUNTER, SESSION_PART, 'count', msgspec.Raw(str(number).encode()))
            await asyncio.sleep(0)

    writing = asyncio.create_task(write())
    for _ in range(5):
        tally = Tally()
        await Copy(source, target, int(time.time() * 1000)).run(tally, Nobody())
        assert (tally.fates['failed'], tally.fates['newer']) == (0, 0)
        await asyncio.sleep(0.01)
    stopped.set()
    await writing
    for session in sessions:
        await session.flush()
    tally = Tally()
    await Copy(source, target, int(time.time() * 1000)).run(tally, Nobody())
    assert await contents(target.inner) == await contents(source)
    assert tally.verified == len(sessions)


async def test_a_target_that_stops_answering_ends_the_copy() -> None:
    source, target = MemoryStore(f'from-{uuid.uuid4().hex}'), FaultyStore(MemoryStore(f'to-{uuid.uuid4().hex}'))
    for number in range(500):
        await source.put(object_key('a secret', f'{number}'), b'{}', mode='create')
    target.down = True
    tally = Tally()
    with pytest.raises(Exception, match='taken the store down'):
        await Copy(source, target, 0).run(tally, Nobody())
    assert 32 <= tally.fates['failed'] < 100
