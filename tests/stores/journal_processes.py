"""Processes with journals, run by the tests as `python -m tests.stores.journal_processes <scene> <folder> …`.

Children are forked from here, where no thread is running yet.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import json
import os
import random
import signal
import sqlite3
import sys
from collections.abc import Callable
from typing import Any

from nicegui_stash.errors import StoreError
from nicegui_stash.model.limits import Policy
from nicegui_stash.session.keys import Keys
from nicegui_stash.session.registry import Registry
from nicegui_stash.session.session import Session
from nicegui_stash.stores.journal import Row
from nicegui_stash.stores.opening import open_store
from nicegui_stash.stores.sqlite.journal import JournalFolder, SQLiteJournal
from tests.core.scene import put, values

from .sqlite_processes import child

STORE = 's3://bucket/app'


def row(number: int) -> Row:
    return Row(number, 'key', 1_700_000_000_000, f'body {number} '.encode() * 20)


def commit_and_die(folder: str, rows: str) -> None:
    """Commit rows one after another, and die by SIGKILL."""

    async def work() -> None:
        journal = JournalFolder(folder, STORE).own('writer')
        for number in range(int(rows)):
            await journal.commit([row(number)], [])
        os.kill(os.getpid(), signal.SIGKILL)

    os.waitpid(child(work), 0)


def look_while_it_lives(folder: str) -> None:
    """Print what another process finds while the first one lives, whether it may commit, and what it finds later."""
    listen, report = os.pipe()

    async def work() -> None:
        journal = JournalFolder(folder, STORE).own('writer')
        await journal.commit([row(1)], [])
        os.write(report, b'.')
        signal.pause()

    process = child(work)
    os.read(listen, 1)
    _print_found(folder)
    asyncio.run(_try_to_commit(next(iter(JournalFolder(folder, STORE)._folder.glob('*.db')))))
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    _print_found(folder)


def fork_with_an_open_journal(folder: str) -> None:
    """Fork while the journal is open; print what the child and a stranger find, and whether the parent goes on."""

    async def work() -> None:
        journal = JournalFolder(folder, STORE).own('writer')
        await journal.commit([row(1)], [])
        for look in (lambda: _print_found(folder), lambda: _go_on_in_the_child(journal)):
            listen, report = os.pipe()
            process = os.fork()
            if process == 0:
                os.read(listen, 1)  # for some microseconds the file is free
                _end(look)
            os.write(report, b'.')
            await asyncio.to_thread(os.waitpid, process, 0)
        await journal.commit([row(2)], [])
        os.kill(os.getpid(), signal.SIGKILL)

    os.waitpid(child(work), 0)
    _print_found(folder)


def die_unflushed(folder: str, url: str, options: str, rounds: str) -> None:
    """Change without a flush, wait for two commits of the journal, and die; print how many changes the next one missed.

    Every server is also the one that takes over what the last one left. Changes of another field go on meanwhile, so
    that the puts of some are under way.
    """
    commits = _count_commits()
    dice = random.Random(1)
    missed = puts = 0
    for number in range(int(rounds) + 1):
        listen, report = os.pipe()

        async def work(number: int = number, pause: float = dice.random() * 0.03, report: int = report) -> None:
            store = open_store(url, json.loads(options))
            if number:
                store._known = True  # type: ignore[attr-defined]  # the first one has probed it
            registry = Registry(
                store, Keys(['a secret']), Policy(flush_interval=600), journals=JournalFolder(folder, url)
            )
            session = registry.session('an id')
            while not await session.load(60):
                await asyncio.sleep(0.01)
            there = values(session).get(f'field-{(number - 1) % 10}', -1)
            os.write(report, b'.' if there == number - 1 else b'!')
            changing = asyncio.create_task(_go_on_changing(session))
            await asyncio.sleep(pause)
            put(session, f'field-{number % 10}', number)
            before = commits[0]
            while commits[0] < before + 2:
                await asyncio.sleep(0)
            if session.pending:
                os.write(report, b'p')
            os.kill(os.getpid(), signal.SIGKILL)
            await changing

        _, status = os.waitpid(child(work), 0)
        assert os.WIFSIGNALED(status), status
        os.close(report)
        told = os.read(listen, 10)
        os.close(listen)
        missed += not told.startswith(b'.')
        puts += b'p' in told
    _say([missed, puts])


async def _go_on_changing(session: Session) -> None:
    for step in itertools.count():
        put(session, 'step', step)
        await asyncio.sleep(0.001)


def _count_commits() -> list[int]:
    commits = [0]

    class Counted(sqlite3.Connection):
        def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
            done = super().execute(sql, *arguments)
            commits[0] += sql == 'COMMIT'
            return done

    sqlite3.connect = functools.partial(sqlite3.connect, factory=Counted)  # type: ignore[assignment]
    return commits


def _end(look: Callable[[], None]) -> None:
    status = 1
    try:
        asyncio.events._set_running_loop(None)  # of the parent
        look()
        status = 0
    finally:
        os._exit(status)


def _go_on_in_the_child(journal: SQLiteJournal) -> None:
    asyncio.run(_try_to_commit(journal.path, journal))


async def _try_to_commit(path: object, journal: SQLiteJournal | None = None) -> None:
    journal = journal or SQLiteJournal(path, 0.0)  # type: ignore[arg-type]
    try:
        await journal.commit([row(9)], [])
    except StoreError as error:
        _say(error.reason)
    else:
        _say('committed')


def _print_found(folder: str) -> None:
    leftovers = JournalFolder(folder, STORE).leftovers()
    _say([[found.writer, [each.sequence for each in found.rows]] for found in leftovers])


def _say(answer: object) -> None:
    sys.stdout.write(f'{json.dumps(answer)}\n')
    sys.stdout.flush()


if __name__ == '__main__':
    scenes: dict[str, Callable[..., None]] = {
        'commit_and_die': commit_and_die,
        'look_while_it_lives': look_while_it_lives,
        'fork_with_an_open_journal': fork_with_an_open_journal,
        'die_unflushed': die_unflushed,
    }
    scenes[sys.argv[1]](*sys.argv[2:])
