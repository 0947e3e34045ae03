"""Journals as files: what a process that was killed left is found, whole up to where it ends, and by one alone."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from nicegui_stash.errors import ConfigurationError, StoreError
from nicegui_stash.model.limits import Policy
from nicegui_stash.session.keys import Keys
from nicegui_stash.session.registry import Registry
from nicegui_stash.session.session import Session
from nicegui_stash.stores import MemoryStore
from nicegui_stash.stores.journal import Leftover, Row
from nicegui_stash.stores.sqlite.journal import JournalFolder, SQLiteJournal
from tests import playing
from tests.core.scene import put, stored, values

from .journal_processes import STORE, row
from .test_sqlite_files import as_root, disk, fill

__all__ = ['disk']


def play(scene: str, *arguments: object) -> list[Any]:
    """Run a scene of `journal_processes.py` and return the lines it printed, which are JSON."""
    return [json.loads(line) for line in playing.play('tests.stores.journal_processes', scene, *arguments)]


@pytest.fixture(autouse=True)
def let_go(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close what a test took over: it would be closed when it is collected, in another test."""
    taken: list[Leftover] = []
    take = JournalFolder.leftovers

    def take_and_note(folder: JournalFolder) -> list[Leftover]:
        found = list(take(folder))
        taken.extend(found)
        return found

    monkeypatch.setattr(JournalFolder, 'leftovers', take_and_note)
    yield
    for left in taken:
        assert isinstance(left.file, SQLiteJournal)
        left.file.let_go()


# ---- a process that ended


@pytest.mark.proves('kill')
def test_what_a_killed_process_committed_is_taken_over_in_order(tmp_path: Path) -> None:
    play('commit_and_die', tmp_path, 30)
    (left,) = JournalFolder(str(tmp_path), STORE).leftovers()
    assert (left.writer, list(left.rows)) == ('writer', [row(number) for number in range(30)])
    assert JournalFolder(str(tmp_path), STORE).leftovers() == []  # they have one owner now


@pytest.mark.proves('kill')
def test_a_torn_tail_costs_the_last_commits_and_nothing_before_them(tmp_path: Path) -> None:
    whole = tmp_path / 'whole'
    play('commit_and_die', whole, 30)
    (log,) = whole.glob('*.db-wal')
    kept: list[int] = []
    for cut in range(0, log.stat().st_size, 7919):
        torn = tmp_path / f'torn {cut}'
        shutil.copytree(whole, torn)
        os.truncate(torn / log.name, log.stat().st_size - cut)
        found = [list(left.rows) for left in JournalFolder(str(torn), STORE).leftovers()]
        rows = found[0] if found else []
        assert rows == [row(number) for number in range(len(rows))]
        kept.append(len(rows))
    assert kept[0] == 30
    assert kept == sorted(kept, reverse=True)
    assert len(set(kept)) > 5


@pytest.mark.proves('kill')
def test_a_tail_of_rubbish_is_not_taken_for_a_change(tmp_path: Path) -> None:
    play('commit_and_die', tmp_path, 30)
    (log,) = tmp_path.glob('*.db-wal')
    with log.open('r+b') as file:
        file.seek(-5000, os.SEEK_END)
        file.write(b'\xff' * 5000)
    (left,) = JournalFolder(str(tmp_path), STORE).leftovers()
    assert list(left.rows) == [row(number) for number in range(len(left.rows))]
    assert 20 < len(left.rows) < 30


def test_a_file_that_is_no_database_is_kept_aside_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    play('commit_and_die', tmp_path, 1)
    (path,) = tmp_path.glob('*.db')
    for each in (path, path.with_name(f'{path.name}-wal')):
        each.write_bytes(b'x' * 8192)
    assert JournalFolder(str(tmp_path), STORE).leftovers() == []
    assert path.with_name(f'{path.name}.damaged').read_bytes() == b'x' * 8192
    assert 'is damaged' in caplog.text


def test_a_journal_for_another_store_is_left_alone(tmp_path: Path) -> None:
    play('commit_and_die', tmp_path, 1)
    assert JournalFolder(str(tmp_path), 's3://bucket/another').leftovers() == []
    assert len(JournalFolder(str(tmp_path), STORE).leftovers()) == 1


# ---- a process that lives


def test_a_journal_whose_process_lives_is_neither_taken_over_nor_written_by_another(tmp_path: Path) -> None:
    assert play('look_while_it_lives', tmp_path) == [
        [],
        'another process holds the lock of the database',
        [['writer', [1]]],
    ]


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='there is no fork')
def test_a_process_that_forks_keeps_its_journal_and_the_child_has_none(tmp_path: Path) -> None:
    assert play('fork_with_an_open_journal', tmp_path) == [
        [],
        'another process holds the lock of the database',
        [['writer', [1, 2]]],
    ]


# ---- a folder that cannot be used


def test_a_path_where_no_folder_can_be_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / 'file').touch()
    with pytest.raises(ConfigurationError, match='file is not a folder') as caught:
        JournalFolder(str(tmp_path / 'file'), STORE).own('writer')
    assert 'a folder of a local disk' in caught.value.remedy


class Server:
    """A registry with a journal on a real disk, whose second change stays there."""

    def __init__(self, folder: Path, store: MemoryStore) -> None:
        self.store = store
        self.registry = Registry(
            store, Keys(['a secret']), Policy(flush_interval=3600), journals=JournalFolder(str(folder), STORE)
        )
        self.session = self.registry.session('an id')

    async def change(self, value: object) -> Session:
        assert await self.session.load(60)
        put(self.session, 'first', 1)
        await self.session.put_pending()
        put(self.session, 'count', value)
        await self.session.flush()
        return self.session

    async def end(self) -> None:
        await self.registry.drain(60)
        await self.registry.aclose()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(f'journals-{uuid.uuid4().hex}')


@pytest.fixture
def read_only(disk: Path) -> Iterator[Callable[[bool], None]]:
    """Make the disk read-only, or writable again."""

    def remount(is_read_only: bool) -> None:
        subprocess.run(['mount', '-o', f'remount,{"ro" if is_read_only else "rw"}', str(disk)], check=True)

    yield remount
    remount(False)


@as_root
async def test_a_folder_that_cannot_be_written_is_said_once_and_leaves_the_store_alone(
    disk: Path, read_only: Callable[[bool], None], store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger='nicegui_stash')
    read_only(True)
    server = Server(disk, store)
    for number in range(5):
        session = await server.change(number)
        assert await stored(store, session.key) == {'first': 1, 'count': number}
        assert not session.is_kept
    assert sum('the journal cannot be written' in record.message for record in caplog.records) == 1
    await server.end()


@as_root
async def test_a_disk_that_fills_up_is_said_once_and_loses_nothing_that_was_flushed(
    disk: Path, store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger='nicegui_stash')
    server = Server(disk, store)
    session = await server.change('in the journal')
    assert session.is_kept
    ballast = fill(disk)
    for number in range(5):  # each is more than one page
        put(session, 'count', f'{number}' * 20_000)
        await session.flush()
        assert (await stored(store, session.key) or {})['count'] == f'{number}' * 20_000
    told = [record.getMessage() for record in caplog.records if 'the journal cannot be written' in record.message]
    assert len(told) == 1
    assert 'full' in told[0]
    ballast.unlink()
    await server.end()


# ---- taken over by a registry


@pytest.mark.proves('kill')
async def test_a_registry_that_is_gone_is_continued_by_the_next_which_removes_the_file(
    tmp_path: Path, store: MemoryStore
) -> None:
    server = Server(tmp_path, store)
    session = await server.change(7)
    assert await stored(store, session.key) == {'first': 1}
    rows = _let_go(server)
    assert [each.sequence for each in rows] == [4]
    again = Server(tmp_path, store)
    assert await again.session.load(60)
    assert values(again.session) == {'first': 1, 'count': 7}
    assert await stored(store, session.key) == {'first': 1, 'count': 7}
    await again.end()
    assert list(tmp_path.iterdir()) == []


async def test_what_was_put_before_its_row_was_removed_is_not_applied_over_a_later_change(
    tmp_path: Path, store: MemoryStore
) -> None:
    server = Server(tmp_path, store)
    session = await server.change(7)
    copy = tmp_path / 'copy'
    shutil.copytree(tmp_path, copy)
    await session.put_pending()
    _let_go(server)
    other = Registry(store, Keys(['a secret']), Policy()).session('an id')
    assert await other.load(60)
    put(other, 'count', 8)
    await other.flush()
    again = Server(copy, store)
    assert await again.session.load(60)
    assert values(again.session) == {'first': 1, 'count': 8}
    await again.end()


def _let_go(server: Server) -> list[Row]:
    """End a server as a kill does: nothing is put, and its file is free."""
    journal = server.registry._shared.journal
    assert journal is not None
    server.session.retire('it was killed')
    for task in list(server.registry._tasks):
        task.cancel()
    with suppress(StoreError):
        journal._file.let_go()  # type: ignore[attr-defined]
    rows = journal._file.open().execute('SELECT sequence, key, accepted, body FROM operations').fetchall()  # type: ignore[attr-defined]
    journal._file.let_go()  # type: ignore[attr-defined]
    return [Row(*each) for each in rows]


async def test_a_commit_is_on_the_disk_when_it_returns_while_another_loop_runs(tmp_path: Path) -> None:
    journal = JournalFolder(str(tmp_path), STORE).own('writer')
    await asyncio.gather(*(journal.commit([row(number)], []) for number in range(50)))
    await journal.commit([], list(range(49)))
    journal.let_go()
    (left,) = JournalFolder(str(tmp_path), STORE).leftovers()
    assert list(left.rows) == [row(49)]
