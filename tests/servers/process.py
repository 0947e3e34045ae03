"""Starting a server, waiting until it answers, and ending it."""

from __future__ import annotations

import http.client
import itertools
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

PATIENCE = 300.0
"""Seconds that a server may take to start, on a machine that has much else to do: this ends what never comes."""
WITHOUT_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For `verify=` of an httpx client: otherwise each client loads the system's certificates, for 34 ms of CPU."""


_candidates = (10000 + (os.getpid() * 64 + step) % 20000 for step in itertools.count())
_claims: list[socket.socket] = []
"""UDP sockets on the ports that were given away: what this process and others beside it claim in the same way."""


def free_ports(number: int) -> list[int]:
    """Return ports that nobody listens on, below those that the system gives to outgoing connections.

    Between that and the server's start may be seconds, in which no other test, in this process or beside it, is given
    the same port.
    """
    found: list[int] = []
    while len(found) < number:
        candidate = next(_candidates)
        claim = socket.socket(type=socket.SOCK_DGRAM)
        with socket.socket() as tried:
            try:
                claim.bind(('127.0.0.1', candidate))
                tried.bind(('127.0.0.1', candidate))
            except OSError:
                claim.close()
                continue
        _claims.append(claim)
        found.append(candidate)
    return found


def answers(port: int, path: str = '/') -> Callable[[], bool]:
    """Return a function that tells whether an HTTP server answers there, whatever it says."""

    def ask() -> bool:
        connection = http.client.HTTPConnection('127.0.0.1', port, timeout=60)
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
