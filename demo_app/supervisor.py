"""Serve the demo in a child process, and in a new one whenever that is redeployed or killed.

State in memory would end with the child, so such a demo is one process without a supervisor.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

REDEPLOYED = 75
"""The exit code of a child that asks for another one."""
KILL = getattr(signal, 'SIGKILL', signal.SIGTERM)  # Windows has only the latter, and ends a process at once
_CHILD = 'DEMO_CHILD'

number = int(os.environ.get(_CHILD, '0'))
"""The number of this child, counted from 1; 0 without a supervisor."""


def supervise() -> int:
    """Start children until one ends by itself, and return its exit code."""
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C reaches the child, too
    command = [sys.executable, *sys.orig_argv[1:]]  # the one that has started the supervisor
    environment = dict(os.environ)
    while True:
        environment[_CHILD] = str(int(environment.get(_CHILD, '0')) + 1)
        child = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE)  # noqa: S603 our own command
        signal.signal(signal.SIGTERM, lambda *_, child=child: child.terminate())
        code = child.wait()
        if code not in {REDEPLOYED, KILL, -KILL}:
            return code if code >= 0 else 128 - code


def end_with_supervisor() -> None:
    """End this child at once when its supervisor has ended, however that came: then its pipe closes."""

    def wait() -> None:
        os.read(0, 1)
        kill()

    threading.Thread(target=wait, daemon=True).start()


def kill() -> None:
    """End this process as a power cut would: nothing is stored first, no handler runs."""
    os.kill(os.getpid(), KILL)
