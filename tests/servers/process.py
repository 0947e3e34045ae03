"""Starting a server, waiting until it answers, and ending it."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

PATIENCE = 60.0
"""Seconds that a server may take to start, on a machine that has much else to do."""
WITHOUT_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For `verify=` of an httpx client: otherwise each client loads the system's certificates, for 34 ms of CPU."""


def free_ports(number: int) -> list[int]:
    """Return ports that nobody listens on, below those that the system gives to outgoing connections."""
    found: list[int] = []
    candidate = 10000 + (os.getpid() * 64 + int(time.monotonic() * 1000)) % 20000
    while len(found) < number:
        candidate += 1
        with socket.socket() as tried:
            try:
                tried.bind(('127.0.0.1', candidate))
            except OSError:
                continue
        found.append(candidate)
    return found


def answers(port: int, path: str = '/') -> Callable[[], bool]:
    """Return a function that tells whether an HTTP server answers there, whatever it says."""

    def ask() -> bool:
        connection = http.client.HTTPConnection('127.0.0.1', port, timeout=5)
        try:
            connection.request('GET', path)
            return connection.getresponse().status < 500
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return ask


@contextmanager
def running(
    command: Sequence[str | Path], ready: Callable[[], bool], log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Run a server within `with`; its output is in `log`. It is killed: nobody needs what it would write at an end."""
    with log.open('wb') as output:
        process = subprocess.Popen(
            [os.fspath(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            cwd=log.parent,
            start_new_session=True,
        )
    try:
        _wait(process, ready, log)
        yield
    finally:
        with suppress(ProcessLookupError):  # it has ended by itself
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait(process: subprocess.Popen[bytes], ready: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f'{process.args} did not start:\n{log.read_text(errors="replace")[-3000:]}')
        time.sleep(0.05)
