"""Starting a Python process that serves: warm, forked from one that has imported the framework, or cold."""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

READ_AT_IMPORT = ('PYTHON', 'NICEGUI_REDIS', 'MARKDOWN_CONTENT', 'RST_CONTENT', 'MATPLOTLIB', 'LC_', 'LANG')
"""Beginnings of the variables that Python and NiceGUI read before an app's first line runs."""
COLD_ONLY = bool(os.environ.get('COLD_SERVERS')) or not hasattr(os, 'pidfd_open')
"""Set COLD_SERVERS=1 to see whether something depends on the fork."""


class Forked:
    """A process that the fork server has forked, with what the tests use of `subprocess.Popen`."""

    def __init__(self, pid: int, report: int) -> None:
        self.pid = pid
        self._report = report
        self._code: int | None = None
        self._asking = threading.Lock()

    def poll(self) -> int | None:
        """Return the exit code, or `None` while it runs."""
        return self._ask(0)

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code. Raises `TimeoutError` where it runs longer than that many seconds."""
        code = self._ask(timeout)
        if code is None:
            raise TimeoutError(f'process {self.pid} has not ended within {timeout} s')
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it has ended, and the fork server has not said so yet
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _ask(self, timeout: float | None) -> int | None:
        with self._asking:
            if self._code is None and self._has_said(timeout):
                self._code = int(os.read(self._report, 100) or -signal.SIGKILL)  # nothing: the fork server has ended
                os.close(self._report)
            return self._code

    def _has_said(self, timeout: float | None) -> bool:
        said = select.poll()  # for any number of open files: `select.select` takes the first 1024 only
        said.register(self._report, select.POLLIN)
        return bool(said.poll(None if timeout is None else timeout * 1000))


Process = Forked | subprocess.Popen[bytes]


def start(
    arguments: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    output: BinaryIO,
    *,
    cold: bool = False,
    new_session: bool = False,
) -> Process:
    """Start `python` with these arguments, in a folder. With `cold` nothing is imported beforehand."""
    if not cold and not COLD_ONLY and (server := ForkServer.of(environment)):
        return server.fork(arguments, folder, environment, output, new_session=new_session)
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        stdout=output,
        stderr=output,
        start_new_session=new_session,
    )


class ForkServer:
    """The one process of this one that has imported the framework; it ends with this one."""

    _only: ForkServer | None = None

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.read = _read_at_import(environment)
        self._asking = threading.Lock()
        self._control, end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with end:
            self._process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name('fork_server.py')), str(end.fileno())],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                pass_fds=[end.fileno()],
            )
        atexit.register(self._end)

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> ForkServer | None:
        """Return the fork server, or `None` where it has read something else than such a process would."""
        if cls._only is None:
            cls._only = cls(environment)
        return cls._only if cls._only.read == _read_at_import(environment) else None

    def fork(
        self,
        arguments: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        output: BinaryIO,
        *,
        new_session: bool,
    ) -> Forked:
        listen, report = os.pipe()
        request = {
            'arguments': list(arguments),
            'folder': str(folder),
            'environment': dict(environment),
            'new_session': new_session,
        }
        try:
            with self._asking:
                socket.send_fds(self._control, [json.dumps(request).encode()], [output.fileno(), report])
                pid = self._control.recv(100)
        finally:
            os.close(report)
        if not pid:
            raise RuntimeError(f'the fork server has ended with {self._process.wait()}')
        return Forked(int(pid), listen)

    def _end(self) -> None:
        self._control.close()
        self._process.wait()


def _read_at_import(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(READ_AT_IMPORT)}
