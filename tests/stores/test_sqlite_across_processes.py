"""Processes of one host on one database: real ones, killed, stopped and forked."""

from __future__ import annotations

import re
import shutil
from functools import partial
from pathlib import Path

import pytest

from tests import playing

FLUSHES = {'fsync', 'fdatasync'}


play = partial(playing.play, 'tests.stores.sqlite_processes')


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / 'state' / 'stash.db'


@pytest.mark.proves('two-servers')
@pytest.mark.slow
def test_eight_processes_lose_none_of_800_increments(path: Path) -> None:
    assert play('increments', path, 8, 100) == ['800']


@pytest.mark.proves('two-servers')
def test_of_32_processes_that_create_an_object_one_wins(path: Path) -> None:
    assert play('creates', path, 32, 5) == ['5 True']


@pytest.mark.proves('flush')
@pytest.mark.slow
def test_a_process_killed_with_twenty_puts_under_way_loses_none_that_was_answered_and_tears_none(path: Path) -> None:
    assert play('kill_in_a_loop', path, 40) == ['0 0 True']


@pytest.mark.proves('flush')
@pytest.mark.parametrize(
    ('when', 'statement', 'body'),
    [
        ('after', 'BEGIN IMMEDIATE', 'old'),
        ('before', 'COMMIT', 'old'),
        ('after', 'COMMIT', 'new'),
    ],
)
def test_a_process_killed_within_a_put_leaves_the_old_or_the_new_body_and_no_lock(
    path: Path, when: str, statement: str, body: str
) -> None:
    assert play('kill_at', path, when, statement) == [f'{body} and next']


def test_a_process_that_stands_still_within_a_commit_makes_others_unavailable_and_loses_nothing(path: Path) -> None:
    assert play('freeze', path, 'BEGIN IMMEDIATE') == ['unavailable, read 0', 'put, read 2']


def test_a_process_that_stands_still_between_two_commits_stops_nobody(path: Path) -> None:
    assert play('freeze', path, 'COMMIT') == ['put, read 2', 'put, read 3']


def test_processes_that_are_forked_from_one_with_an_open_store_may_use_it(path: Path) -> None:
    assert play('fork_with_an_open_store', path, 4, 25) == ['126']


@pytest.mark.proves('flush')
@pytest.mark.skipif(shutil.which('strace') is None, reason='needs strace')
def test_a_commit_is_flushed_to_the_disk_before_it_is_answered_once_for_all_that_waited(
    path: Path, tmp_path: Path
) -> None:
    trace = tmp_path / 'trace'
    strace = ('strace', '-f', '-y', '-o', str(trace), '-e', 'trace=pwrite64,fsync,fdatasync,write')
    play('put_together', path, under=strace)
    events = [
        match['call'] if match['file'].endswith('.db-wal') else 'answer'
        for match in re.finditer(r'(?P<call>\w+)\(\d+<(?P<file>[^>]*)>(?:, "(?P<text>[^"]*))?', trace.read_text())
        if match['file'].endswith('.db-wal') or 'durable' in (match['text'] or '')
    ]
    one, hundred = (part.split() for part in ' '.join(events).split('answer')[:2])
    for written in (one, hundred):
        assert 'pwrite64' in written
        assert written[-1] in FLUSHES, 'the last that was written is flushed before the answer'
    assert sum(event in FLUSHES for event in hundred) <= 2, 'the first put, and all that waited for it'
