"""An app with `sweep_interval` sweeps its store while it runs."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from pathlib import Path

import pytest

from nicegui_stash import Stash
from nicegui_stash.model.document import Document, to_bytes
from nicegui_stash.session.keys import object_key

from .scene import serving

KEY = object_key('a secret', 'somebody')


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return the file of a session that was unused for decades."""
    file = tmp_path / 'state' / KEY
    file.parent.mkdir(parents=True)
    file.write_bytes(to_bytes(Document(1, 0, 1000, {}, {})))
    os.utime(file, (1, 1))
    return file


async def test_an_app_with_a_sweep_interval_sweeps_and_stops_with_the_server(old: Path, tmp_path: Path) -> None:
    async with serving(lambda: Stash(str(tmp_path / 'state'), sweep_interval=timedelta(seconds=0.4))):
        async with asyncio.timeout(60):
            while old.exists():
                await asyncio.sleep(0.01)
    assert (tmp_path / 'state/sweep/last.json').exists()
    assert {task.get_coro().__qualname__ for task in asyncio.all_tasks()} & {'SweepSchedule.run'} == set()


async def test_without_one_nothing_looks_for_what_is_old(old: Path, tmp_path: Path) -> None:
    async with serving(lambda: Stash(str(tmp_path / 'state'))):
        running = {task.get_coro().__qualname__ for task in asyncio.all_tasks()}
    assert 'SweepSchedule.run' not in running
    assert old.exists()
