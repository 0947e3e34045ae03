"""Processes with journals, run by the tests as `python -m tests.stores.journal_processes <scene> <folder> …`.

Children are forked from here, where no thread is running yet.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable

from nicegui_stash.errors import StoreError
from nicegui_stash.stores.journal import Row
from nicegui_stash.stores.sqlite.journal import JournalFolder, SQLiteJournal

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


def find(folder: str) -> None:
    _print_found(folder)


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
        'find': find,
    }
    scenes[sys.argv[1]](*sys.argv[2:])
