"""The commands for operators on a store of Reflex's states."""

from __future__ import annotations

import re
import subprocess
import sys

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
