"""The jobs that run in this process: what a lease names by its run is alive here, or nowhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager

from .process import is_gone, this_process

_runs: set[str] = set()
"""Of all registries of this process: two of them are two servers in one process, as in a test."""


class RunningJobs:
    """The jobs of one registry, by their run."""

    def __init__(self) -> None:
        self._tasks: dict[str, tuple[asyncio.Task[None], asyncio.Future[bool], Callable[[], None]]] = {}
        self._refuses_until = 0.0

    @property
    def refuses(self) -> bool:
        """Whether this process is about to end, so that no job may start."""
        return asyncio.get_running_loop().time() < self._refuses_until

    @contextmanager
    def alive(
        self, run: str, task: asyncio.Task[None], started: asyncio.Future[bool], on_cancel: Callable[[], None]
    ) -> Generator[None]:
        """Let a run count as alive meanwhile; `started` will say whether it got its lease.

        `on_cancel` is called before somebody's `cancel`, not before `stop`.
        """
        _runs.add(run)
        self._tasks[run] = task, started, on_cancel
        try:
            yield
        finally:
            _runs.discard(run)
            del self._tasks[run]

    def runs_here(self, run: str) -> bool:
        return run in _runs

    def is_gone(self, run: str, process: str) -> bool:
        """Whether a run is known to have ended with its process, or within this one."""
        return run not in _runs and (is_gone(process) or (process != '' and process == this_process()))

    async def cancel(self, run: str) -> bool:
        """Cancel a run, if it is one of these and has got its lease; wait until that is known."""
        if run not in self._tasks:
            return False
        task, started, on_cancel = self._tasks[run]
        await asyncio.wait([started])
        if run not in self._tasks or not started.result():
            return False
        on_cancel()
        task.cancel()
        return True

    def stop(self, seconds: float) -> None:
        """Cancel all jobs, and start none for so long: the process is about to end."""
        self._refuses_until = asyncio.get_running_loop().time() + seconds
        for task, *_ in self._tasks.values():
            task.cancel()

    async def stopped(self, timeout: float) -> None:
        """Cancel all jobs, and wait until they have ended, for at most `timeout` seconds."""
        if self._tasks:
            self.stop(timeout)
            await asyncio.wait([task for task, *_ in self._tasks.values()], timeout=timeout)
