"""A section runs in a process of its own, with nothing around that another one left behind."""

from __future__ import annotations

import asyncio
import dataclasses
import multiprocessing
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from pathlib import Path

from .measure import Row


def measured(section: str, folder: Path, rounds: int) -> list[Row]:
    """Run one section on the event loop that a NiceGUI server would use."""
    try:
        from uvloop import new_event_loop  # noqa: PLC0415
    except ImportError:
        from asyncio import new_event_loop  # noqa: PLC0415
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(import_module(f'.{section}', __package__).measure(folder, rounds))


def in_own_processes(section: str, rounds: int, parent: Path | None, processes: int) -> list[Row]:
    """Return what a section measures in several processes, one after the other, with the samples of all of them.

    Where code and data lie in memory differs from process to process. That moves what takes microseconds.
    """
    found = [in_own_process(section, max(2, round(rounds / processes)), parent) for _ in range(processes)]
    return [
        dataclasses.replace(
            rows[0],
            ours=[sample for row in rows for sample in row.ours],
            peer=[sample for row in rows for sample in row.peer],
        )
        for rows in zip(*found, strict=True)
    ]


def in_own_process(section: str, rounds: int, parent: Path | None) -> list[Row]:
    """Return what a section measures in a folder of its own, which NiceGUI learns of when it is imported."""
    with tempfile.TemporaryDirectory(prefix=f'bench-{section}-', dir=parent) as folder:
        os.environ['NICEGUI_STORAGE_PATH'] = f'{folder}/nicegui'
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context('spawn')) as pool:
            return pool.submit(measured, section, Path(folder), rounds).result()
