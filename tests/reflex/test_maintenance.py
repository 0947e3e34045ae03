"""The commands for operators on a store of Reflex's states."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from reflex.state import BaseState

from nicegui_stash.reflex import stash_state
from nicegui_stash.stores.base import Replace, StoredObject
from tests.reflex.conftest import Start


@stash_state(name='Counter')
class Counter(BaseState):
    count: int = 0


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, '-m', 'nicegui_stash', *arguments], capture_output=True, text=True, check=False
    )


async def counted(start: Start) -> None:
    life = start(Counter)
    async with life.event() as state:
        state.count = 3
    await life.stop()


async def test_show_lists_the_vars(start: Start, url: str) -> None:
    await counted(start)
    shown = run('show', url, '--largest', '1', '--values')
    assert (shown.returncode, 'Counter, version 1' in shown.stdout) == (0, True), shown.stdout + shown.stderr
    assert [line.split()[0] for line in shown.stdout.splitlines() if line.endswith('B  3')] == ['count']


NEXT = """
import reflex as rx
from nicegui_stash.reflex import stash_state

@stash_state(name='Counter', version=2, migrations={1: MIGRATION})
class Counter(rx.State):
    count: str = ''
"""


async def test_migrate_says_what_a_new_version_of_a_class_would_find(
    start: Start, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await counted(start)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('PYTHONPATH', f'{tmp_path}:{Path(__file__).parents[2]}')
    found: dict[str, tuple[int, str]] = {}
    for name, migration in {
        'fits': "lambda stored: {'count': str(stored['count'])}",
        'lost': 'lambda _: {}[1]',
    }.items():
        (tmp_path / f'{name}.py').write_text(NEXT.replace('MIGRATION', migration))
        said = run('migrate', url, f'{name}:Counter', '--dry-run')
        found[name] = said.returncode, said.stdout + said.stderr
    assert found['fits'][0] == 0, found['fits'][1]
    assert '1  would migrate from version 1' in found['fits'][1], found['fits'][1]
    assert found['lost'][0] == 1, found['lost'][1]
    assert 'KeyError' in found['lost'][1], found['lost'][1]


async def test_doctor_says_what_the_store_is_fit_for(start: Start, url: str) -> None:
    await counted(start)
    said = run('doctor', url)
    assert said.returncode == 0, said.stdout + said.stderr
    assert 'fit for the processes of this host' in said.stdout


async def test_a_sweep_removes_states_that_nobody_has_seen_for_long(start: Start, url: str) -> None:
    await counted(start)
    kept = run('sweep', url, '--ttl', '30d')
    assert kept.returncode == 0, kept.stdout + kept.stderr
    assert await start(Counter).read('count') == 3
    await grow_old(start)
    swept = run('sweep', url, '--ttl', '30d')
    assert swept.returncode == 0, swept.stdout + swept.stderr
    assert await start(Counter).read('count') == 0


async def grow_old(start: Start) -> None:
    """Let the stored document have been seen last before the turn of the century."""
    store = start(Counter).manager.open().store
    (row,) = [row async for row in store.list()]
    found = await store.get(row.key)
    assert isinstance(found, StoredObject)
    await store.put(row.key, re.sub(rb'"seen":\d+', b'"seen":900000000000', found.body), mode=Replace(found.etag))
