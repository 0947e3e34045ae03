"""An app with `sweep_interval` sweeps its store while it runs."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

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
    async with serving(lambda: Stash(str(tmp_path / 'state'), sweep_interval=timedelta(seconds=4))):
        async with asyncio.timeout(60):
            while old.exists():
                await asyncio.sleep(0.01)
    assert (tmp_path / 'state/sweep/last.json').exists()
    assert {task.get_coro().__qualname__ for task in asyncio.all_tasks()} & {'SweepSchedule.run'} == set()


@pytest.mark.parametrize(
    ('url', 'options', 'sweeps'),
    [
        ('state', {}, True),
        ('sqlite:///{}/stash.db', {}, True),
        ('memory://', {}, False),
        ('dir::file://{}/other', {'allow_lost_updates': True}, False),
        ('state', {'sweep_interval': timedelta(0)}, False),
    ],
)
async def test_without_one_an_app_sweeps_where_that_is_safe_and_needed_but_not_at_its_start(
    old: Path, tmp_path: Path, url: str, options: dict[str, Any], *, sweeps: bool
) -> None:
    place = str(tmp_path / url) if url == 'state' else url.format(tmp_path)
    async with serving(lambda: Stash(place, **options)):
        running = {task.get_coro().__qualname__ for task in asyncio.all_tasks()}
    assert ('SweepSchedule.run' in running) == sweeps
    assert old.exists()
