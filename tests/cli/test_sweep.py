"""`sweep`: it removes what is too old, and says what it did; it asks for the `ttl`, and can be interrupted."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from nicegui_stash.cli.report import Progress
from nicegui_stash.errors import Refused
from nicegui_stash.session.keys import object_key
from nicegui_stash.stores import Mode, SQLiteStore

from .conftest import Run, document, keep, rows, slice_of


def age(folder: Path, key: str, days: float) -> None:
    """Let a file look as old as what it holds."""
    moment = time.time() - days * 86400
    os.utime(folder / 'state' / key, (moment, moment))


def keep_old(folder: Path, person: str, days: float, *, prefix: str = '', erased: bool = False) -> str:
    more = {'erased': True} if erased else {}
    body = document({'Cart': {'1': {'': slice_of(a=1)}}}, days=days, **more)
    key = keep(folder, person, body, prefix=prefix)
    age(folder, key, days)
    return key


def files(folder: Path) -> set[str]:
    state = folder / 'state'
    return {path.relative_to(state).as_posix() for path in state.rglob('*') if path.is_file() and '@' not in str(path)}


@pytest.fixture
def python_sigint() -> Iterator[None]:
    """Interrupt as in a process of its own: not by way of handlers that servers of other tests have left."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_what_is_too_old_is_removed_and_counted(folder: Path, sweep: Run) -> None:
    new, middle = keep_old(folder, 'new', 1), keep_old(folder, 'middle', 20)
    keep_old(folder, 'old', 40)
    keep_old(folder, 'older', 400)
    keep_old(folder, 'erased', 40, erased=True)
    before = files(folder)
    code, table, said = sweep('state', '--ttl', '30d', '--dry-run')
    assert (code, said, files(folder)) == (0, '', before)
    assert rows(table) == {
        'sessions not seen for ttl: would be removed': 2,
        'old tombstones of erased sessions: would be removed': 1,
        'kept': 2,
    }
    assert table.startswith('state: 5 of 5 objects looked at, nothing was written\n')
    code, table, said = sweep('state', '--ttl', '30d')
    assert (code, said) == (0, '')
    assert rows(table) == {
        'sessions not seen for ttl: removed': 2,
        'old tombstones of erased sessions: removed': 1,
        'kept': 2,
    }
    assert 'removed: 3 objects, ' in table
    assert files(folder) == {new, middle}
    assert rows(sweep('state', '--ttl', '12h')[1])['sessions not seen for ttl: removed'] == 2
    assert sweep('state', '--ttl', '12h') == (0, 'no sessions in state\n', '')


def test_a_database_is_swept_as_a_folder_is(folder: Path, sweep: Run) -> None:
    old, new = (document({'Cart': {'1': {'': slice_of(a=1)}}}, days=days) for days in (40, 1))
    keys = {name: object_key('the secret of the tests', name) for name in ('old', 'new')}

    async def fill() -> None:
        store = SQLiteStore(folder / 'stash.db')
        await store.put(keys['old'], old, mode='create')
        await store.put(keys['new'], new, mode='create')
        await store.aclose()

    asyncio.run(fill())
    with closing(sqlite3.connect(folder / 'stash.db')) as connection:
        connection.execute('UPDATE objects SET modified = 0 WHERE key = ?', (keys['old'],))
        connection.commit()
    code, table, said = sweep('sqlite:///stash.db', '--ttl', '30d')
    assert (code, said) == (0, '')
    assert rows(table) == {'sessions not seen for ttl: removed': 1, 'kept': 1}
    assert rows(sweep('sqlite:///stash.db', '--ttl', '30d', '--dry-run')[1]) == {'kept': 1}
    code, _, said = sweep('sqlite:///sttash.db', '--ttl', '30d')
    assert code == 2
    assert "there is no database 'sttash.db'" in said


def test_only_what_is_below_the_prefix_is_swept(folder: Path, sweep: Run) -> None:
    other = keep_old(folder, 'old', 400)
    keep_old(folder, 'old', 400, prefix='shop/')
    code, table, _ = sweep('state', '--prefix', 'shop', '--ttl', '30d')
    assert (code, rows(table)) == (0, {'sessions not seen for ttl: removed': 1})
    assert files(folder) == {other}


def test_without_the_ttl_of_the_app_nothing_is_swept(folder: Path, sweep: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_old(folder, 'old', 400)
    monkeypatch.delenv('NICEGUI_STASH_TTL', raising=False)
    code, table, said = sweep('state')
    assert (code, table) == (2, '')
    assert '--ttl' in said
    assert len(files(folder)) == 1
    monkeypatch.setenv('NICEGUI_STASH_TTL', '30d')
    assert sweep('state')[0] == 0
    assert files(folder) == set()


@pytest.mark.parametrize('arguments', ['state --ttl soon', 'state --ttl=-1', 'nowhere --ttl 1d'])
def test_a_wrong_call_is_told(folder: Path, sweep: Run, arguments: str) -> None:
    keep_old(folder, 'old', 400)
    code, table, said = sweep(*arguments.split())
    assert (code, table) == (2, '')
    assert said
    assert len(files(folder)) == 1


@pytest.mark.usefixtures('python_sigint')
def test_an_interrupted_sweep_says_what_it_did_and_the_next_goes_on(
    folder: Path, sweep: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(60):
        keep_old(folder, f'{number}', 400)
    show = Progress.show

    def interrupt(self: Progress, done: int, total: int) -> None:
        show(self, done, total)
        if done == 20:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Progress, 'show', interrupt)
    code, table, said = sweep('state', '--ttl', '30d')
    assert (code, said) == (130, 'interrupted\n')
    removed = rows(table)['sessions not seen for ttl: removed']
    assert 20 <= removed < 60
    assert table.startswith(f'state: {removed} of 60 objects looked at\n')
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    assert sweep('state', '--ttl', '30d')[0] == 0
    assert files(folder) == set()


def test_what_cannot_be_swept_is_told_and_left(folder: Path, sweep: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = keep_old(folder, 'bad', 400)
    (folder / 'state' / bad).write_bytes(b'{')
    age(folder, bad, 400)
    keep_old(folder, 'old', 400)

    code, table, _ = sweep('state', '--ttl', '30d', '--dry-run')
    assert code == 0
    assert f'         1  no document, quarantined when its visitor comes back: left alone\n              {bad}' in table
    monkeypatch.setattr('nicegui_stash.stores.file.folder.Folder.put', _refuse)
    code, table, _ = sweep('state', '--ttl', '30d')
    assert code == 1
    assert 'COULD NOT BE SWEPT: put ' in table
    assert '(make room)' in table
    assert len(files(folder)) == 2


def _refuse(self: object, key: str, body: bytes, mode: Mode) -> None:
    raise Refused('put', key, 'no space left', 'make room')


def test_what_only_an_app_needs_of_the_environment_is_not_imported(
    folder: Path, sweep: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_old(folder, 'old', 40)
    monkeypatch.setenv('NICEGUI_STASH_IDENTITY', 'shop_of_another_machine:who')
    code, table, said = sweep('state', '--ttl', '30d', '--dry-run')
    assert (code, said) == (0, '')
    assert rows(table)['sessions not seen for ttl: would be removed'] == 1
