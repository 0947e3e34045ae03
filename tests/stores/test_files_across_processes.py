from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from nicegui_stash.stores import FileStore, Replace, StoredObject
from tests import playing

from . import processes
from .looking import temporaries

play = partial(playing.play, 'tests.stores.processes')


@pytest.mark.proves('two-servers')
def test_eight_processes_lose_none_of_800_increments(folder: Path) -> None:
    play('increments', folder, 8, 100)
    assert (folder / 'count').read_bytes() == b'800'


def test_a_writer_killed_at_any_time_leaves_a_complete_body(folder: Path) -> None:
    assert play('kill_in_a_loop', folder, 40) == [f'{processes.SIZE} 1'] * 40


@pytest.mark.proves('flush')
@pytest.mark.parametrize(
    ('step', 'body'),
    [
        ('before-write', b'old'),
        ('after-write', b'old'),
        ('before-fsync', b'old'),
        ('after-fsync', b'old'),
        ('before-replace', b'old'),
        ('after-replace', b'new'),
    ],
)
async def test_a_writer_killed_within_a_put_leaves_the_old_or_the_new_body_and_no_lock(
    files: FileStore, folder: Path, step: str, body: bytes
) -> None:
    play('kill_at', folder, step)
    found = await files.get('x')
    assert isinstance(found, StoredObject)
    assert found.body == body
    await files.put('x', b'next', mode=Replace(found.etag))
    assert len(temporaries(folder)) == (1 if body == b'old' else 0)
    again = FileStore(folder)
    again.check()
    await again.aclose()
    assert temporaries(folder) == []
    assert [row.key async for row in files.list()] == ['x']


def test_a_process_forked_within_a_put_does_not_keep_its_lock(folder: Path) -> None:
    play('fork_within_a_put', folder)
    assert (folder / 'x').read_bytes() == b'two'
