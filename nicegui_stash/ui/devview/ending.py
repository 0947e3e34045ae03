"""How a developer ends this process, so that its pages have to come back: what starts it again, and what is lost."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from nicegui import app

from .. import nicegui_private

Way = Literal['exec', 'signal', 'touch', 'none']
"""How a redeploy is done: the same command takes the process's place, a parent process starts another one, as does a
reloader that sees a changed file; or not at all."""

LOST_WITH_MEMORY: Final = ' The store is in its memory: all that is stored is lost.'
_KILL: Final = {
    'exec': ' Nothing that starts it again is known: do it yourself.',
    'signal': ' Its parent process starts another one.',
    'touch': ' The reloader starts it again once you save a file.',
    'none': ' Nothing that starts it again is known: do it yourself.',
}
_REDEPLOY: Final = {
    'exec': 'SIGTERM for process {pid}: it puts what is pending, and the same command takes its place.',
    'signal': 'SIGTERM for process {pid}: it puts what is pending, and its parent process starts another one.',
    'touch': 'The time of {file} is set, as if you saved it: the reloader ends process {pid} and starts another one.',
    'none': 'Windows cannot put another program in the place of process {pid}: end it, and start it again.',
}


class Ending(NamedTuple):
    """The ways to end this process, and what to say of them."""

    way: Way
    kill: str
    redeploy: str
    can_kill: bool = True

    def told(self) -> dict[str, Any]:
        """Return what the browser shows."""
        return {
            'kill': self.kill,
            'canKill': self.can_kill,
            'redeploy': self.redeploy,
            'canRedeploy': self.way != 'none',
        }


def way_here() -> Way:
    """Return how this process can be redeployed."""
    config = app.config
    if getattr(config, 'reload', False) or '--reload' in sys.argv:
        return 'touch'
    if sys.platform == 'win32':
        return 'none'
    if multiprocessing.parent_process() is not None or Path(sys.argv[0]).name == 'gunicorn':
        return 'signal'
    return 'exec'


def ending_here(*, keeps_nothing: bool, file: Path) -> Ending:
    """Say how this process can be ended. `keeps_nothing`: its store ends with it; `file`: one of the app's own."""
    way, pid = way_here(), os.getpid()
    memory = LOST_WITH_MEMORY if keeps_nothing else ''
    redeploy = _REDEPLOY[way].format(pid=pid, file=file.name) + memory
    if pid == 1:
        return Ending(way, 'Process 1 of a container cannot kill itself.', redeploy, can_kill=False)
    kill = f'SIGKILL for process {pid}: no handler runs, what is pending is lost.{memory}{_KILL[way]}'
    return Ending(way, kill, redeploy)


def kill() -> None:
    """End this process as a power cut would."""
    os.kill(os.getpid(), getattr(signal, 'SIGKILL', signal.SIGTERM))  # on Windows the latter ends it as the former


def redeploy(way: Way, file: Path) -> None:
    """End this process as a redeploy does, and let another one take its place."""
    if way == 'touch':
        file.touch()
    elif way != 'none':
        if way == 'exec':
            nicegui_private.on_shutdown(_begin_again)  # the last of all: the store is closed by then
        os.kill(os.getpid(), signal.SIGTERM)


def _begin_again() -> None:
    """Run the command of this process in its place. No parameters: NiceGUI would pass its app."""
    nicegui_private.end_workers()
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 our own command, without a shell
