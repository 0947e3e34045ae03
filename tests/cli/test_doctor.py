"""`doctor`: it finds out whether a store is fit, says what to do if not, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from nicegui_stash.cli import main
from nicegui_stash.cli.checkup import check_up
from nicegui_stash.errors import OutcomeUnknown, Refused, Unavailable
from nicegui_stash.stores import ETag, MemoryStore, SQLiteStore, Store, StoredObject
from nicegui_stash.stores.base import Mode, Replace
from nicegui_stash.testing import FaultyStore
from tests.stores.redis_server import RedisServer

from .conftest import Run, cart, keep

CHECKS = ['write, read, list, delete', 'conditions', 'racing writers', 'latency', 'clean-up']


class Overwriting(MemoryStore):
    """Ignores the condition, as some servers do."""

    def __repr__(self) -> str:
        return 'Overwriting()'

    async def put(self, key: str, body: bytes, *, mode: Mode) -> ETag:
        found = await self.get(key)
        return await super().put(key, body, mode=Replace(found.etag) if isinstance(found, StoredObject) else 'create')


def results(table: str) -> dict[str, str]:
    """The result of each check."""
    return {check: line[28:].split()[0] for check in CHECKS for line in table.splitlines() if line.startswith(check)}


def with_store(monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
    monkeypatch.setattr('nicegui_stash.cli.doctor.opened', lambda settings: store)


async def keys_of(store: Store) -> list[str]:
    return [row.key async for row in store.list()]


def test_a_folder_is_fit_and_nothing_is_left_in_it(folder: Path, doctor: Run) -> None:
    key = keep(folder, 'one', cart(1), prefix='shop/')
    code, table, said = doctor('state', '--prefix', 'shop')
    assert (code, said) == (0, '')
    assert table.startswith('state (prefix shop): FileStore, guarantee host, puts 0.1 s apart\n')
    assert results(table) == dict.fromkeys(CHECKS, 'ok')
    assert 'verdict: fit for the processes of this host.' in table
    assert 'advice' not in table
    left = {path.relative_to(folder / 'state').as_posix() for path in (folder / 'state').rglob('*')}
    assert {name for name in left if '@' not in name} == {'shop', f'shop/{key[5:7]}', key}


def test_a_database_is_fit_and_nothing_is_left_in_it(folder: Path, doctor: Run) -> None:
    code, table, said = doctor('sqlite:///state/stash.db')
    assert (code, said) == (0, '')
    assert table.startswith('sqlite:///state/stash.db: SQLiteStore, guarantee host, puts 0.005 s apart\n')
    assert results(table) == dict.fromkeys(CHECKS, 'ok')
    assert 'verdict: fit for the processes of this host.' in table
    assert "advice:  the database 'state/stash.db' does not exist; the app would create it" in table
    assert list(folder.iterdir()) == []
    SQLiteStore(folder / 'state' / 'stash.db').check()
    assert 'advice' not in doctor('sqlite:///state/stash.db')[1]
    assert [path.name for path in (folder / 'state').iterdir()] == ['stash.db']


def test_a_damaged_database_is_found(folder: Path, doctor: Run) -> None:
    database = folder / 'stash.db'
    with closing(sqlite3.connect(database)) as connection:
        store = SQLiteStore(database)
        store.check()
        rows = [(f'k{number:03}', '', 0, b'x' * 900) for number in range(100)]
        connection.executemany('INSERT INTO objects VALUES (?, ?, ?, ?)', rows)
        connection.commit()
    content = bytearray(database.read_bytes())
    content[7 * 4096 : 7 * 4096 + 8] = b'\xff' * 8
    database.write_bytes(content)
    assert 'advice:  the database is damaged' in doctor('sqlite:///stash.db')[1]


def test_a_file_that_is_no_database_is_a_wrong_setting(folder: Path, doctor: Run) -> None:
    (folder / 'notes').write_text('not a database, but long enough\n' * 100)
    code, _, said = doctor('sqlite:///notes')
    assert code == 2
    assert 'is not an SQLite database' in said


@pytest.mark.parametrize('command', ['doctor', 'sweep --ttl 30d', 'migrate'])
def test_the_folder_around_a_database_is_not_taken_for_the_store(
    folder: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    SQLiteStore(folder / 'state' / 'stash.db').check()
    name, *options = command.split()
    more = ['shop:Cart', '--dry-run'] if name == 'migrate' else []
    assert main([name, 'state', *more, *options]) == 2
    assert 'Write sqlite:///state/stash.db' in capsys.readouterr().err


def test_a_folder_that_was_not_there_is_told(folder: Path, doctor: Run) -> None:
    code, table, _ = doctor('sttae')
    assert code == 0
    assert "advice:  the folder 'sttae' does not exist; the app would create it: is it the right one?" in table
    assert list(folder.iterdir()) == []


def test_a_folder_without_flock_is_not_one_that_does_not_answer(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(file: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, 'flock', refuse)
    (folder / 'there').mkdir()
    for place in ('there', 'new'):
        assert main(['doctor', place]) == 2
        said = capsys.readouterr().err
        assert 'Network folders often have no flock' in said
        assert 'answer' not in said


def test_where_nothing_can_be_created_the_store_says_why(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / 'file').write_bytes(b'')
    assert main(['doctor', 'file/state']) == 2
    assert 'is a file: move the file away' in capsys.readouterr().err


def test_memory_is_fit_for_what_it_is(folder: Path, doctor: Run) -> None:
    code, table, _ = doctor('memory://doctor')
    assert code == 0
    assert 'verdict: fit for one process that may forget everything at a restart.' in table
    assert asyncio.run(keys_of(MemoryStore('doctor'))) == []


def test_a_filesystem_without_conditions_is_not_raced(folder: Path, doctor: Run) -> None:
    code, table, _ = doctor(f'dir::file://{folder}/generic', '--allow-lost-updates')
    assert code == 0
    assert results(table) == {**dict.fromkeys(CHECKS, 'ok'), 'conditions': 'skipped', 'racing writers': 'skipped'}
    assert 'two would lose changes of each other' in table


@pytest.fixture
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp('redis'), '--requirepass', 'right')
    server.start()
    asyncio.run(server.is_up())
    yield server
    server.kill()


def test_redis_is_fit_for_any_number_of_servers(redis: RedisServer, doctor: Run) -> None:
    url = redis.url.replace('://', '://:right@')
    code, table, _ = doctor(url)
    assert code == 0
    assert results(table) == dict.fromkeys(CHECKS, 'ok')
    assert 'RedisStore, guarantee shared' in table
    assert 'verdict: fit for any number of servers.\n' in table
    assert 'advice' not in table
    assert 'right' not in table


def test_a_wrong_password_of_redis_says_which_setting_to_correct(redis: RedisServer, doctor: Run) -> None:
    code, table, _ = doctor(redis.url)
    assert code == 1
    assert results(table)['write, read, list, delete'] == 'FAILED'
    assert (
        'verdict: not fit: the server does not accept user and password. To do: correct user and password in' in table
    )


def test_a_server_that_is_not_there_is_no_answer(folder: Path, doctor: Run) -> None:
    code, table, _ = doctor(RedisServer(folder).url)
    assert code == 3
    assert 'verdict: no answer (the server cannot be reached).' in table
    assert list(results(table).values()) == ['FAILED', *['skipped'] * 4]


def test_a_store_that_ignores_conditions_is_not_fit(doctor: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Overwriting('overwriting')
    with_store(monkeypatch, store)
    code, table, _ = doctor('memory://')
    assert code == 1
    assert results(table) == {
        'write, read, list, delete': 'ok',
        'conditions': 'FAILED',
        'racing writers': 'skipped',
        'latency': 'skipped',
        'clean-up': 'ok',
    }
    assert 'verdict: not fit: it overwrites an object that must not exist' in table
    assert asyncio.run(keys_of(store)) == []


@pytest.mark.parametrize('option', ['recover_timeout', 'revalidate_timeout'])
def test_a_store_that_is_slower_than_a_time_limit_is_fit_and_the_limit_is_named(
    folder: Path, doctor: Run, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    monkeypatch.setenv(f'NICEGUI_STASH_{option.upper()}', '0.0000001')
    code, table, _ = doctor('state')
    assert code == 0
    assert f'longer than {option}' in table


@pytest.mark.parametrize(
    ('error', 'code'), [(Refused('delete', 'x', 'no right', 'give it'), 1), (Unavailable('delete', 'x', 'away'), 3)]
)
def test_what_a_failed_check_has_left_is_removed(
    doctor: Run, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int
) -> None:
    store = FaultyStore(MemoryStore('left'))
    store.fail_next('delete', error)
    with_store(monkeypatch, store)
    assert doctor('memory://')[0] == code
    assert asyncio.run(keys_of(store.inner)) == []


async def test_answers_that_are_lost_make_no_store_unfit() -> None:
    store = FaultyStore(MemoryStore('losing'))
    told: list[tuple[int, int]] = []

    class Losing(FaultyStore):
        async def put(self, key: str, body: bytes, *, mode: Mode) -> ETag:
            etag = await super().put(key, body, mode=mode)
            if self.calls['put'] > 1 and self.calls['put'] % 7 == 0 and body != b'x' * 2000:
                raise OutcomeUnknown('put', key, 'lost')
            return etag

    checkup = await check_up(Losing(store), 'a/', lambda done, total: told.append((done, total)))
    assert [(finding.check, finding.state) for finding in checkup.findings] == [(check, 'ok') for check in CHECKS]
    assert told == [(number, 4) for number in range(4)]


def test_a_folder_that_cannot_be_written_is_a_wrong_setting(folder: Path, doctor: Run) -> None:
    (folder / 'file').write_bytes(b'')
    code, table, said = doctor('file')
    assert (code, table) == (2, '')
    assert said
    assert [path.name for path in folder.iterdir()] == ['file']
