"""Apps in real processes, which are ended with everything they have started."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tests.servers import forked
from tests.servers.process import PATIENCE, WITHOUT_TLS, free_ports

T = TypeVar('T')
ROOT = Path(__file__).parents[2]
PATIENTLY: dict[str, Any] = {'timeout': PATIENCE, 'verify': WITHOUT_TLS}
"""For requests that count: one that is given up and made again would be another visit."""


class Process:
    """A running Python script, with what it has written so far."""

    def __init__(self, script: Path, *, cold: bool = False) -> None:
        (self.port,) = free_ports(1)
        self.url = f'http://127.0.0.1:{self.port}'
        self._log = script.with_suffix('.log')
        inherited = {name: text for name, text in os.environ.items() if not name.startswith(('PYTEST', 'NICEGUI'))}
        with self._log.open('wb') as log:
            self._process = forked.start(
                [script.name],
                script.parent,
                {**inherited, 'PYTHONPATH': str(ROOT), 'PYTHONUNBUFFERED': '1', 'PORT': str(self.port)},
                log,
                cold=cold,
                new_session=True,
            )

    @property
    def output(self) -> str:
        return self._log.read_text(errors='replace')

    def ends_with(self, timeout: float = PATIENCE) -> int:
        """Wait until the process ends by itself; return its exit code."""
        return self._process.wait(timeout)

    def answers(self, ask: Callable[[], T | None], timeout: float = PATIENCE) -> T:
        """Ask until there is an answer; what fails on the way is that nothing listens yet."""
        end = time.monotonic() + timeout
        while True:
            assert self._process.poll() is None, f'it ended:\n{self.output}'
            try:
                if (answer := ask()) is not None:
                    return answer
            except httpx.TransportError:
                pass
            assert time.monotonic() < end, f'no answer:\n{self.output}'
            time.sleep(0.05)

    def terminate(self) -> int:
        self._process.send_signal(signal.SIGTERM)
        return self.ends_with()

    def freeze(self) -> None:
        """Let it stand still, with whatever it holds, until `thaw`."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End the process and its children, whatever state they are in."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            self._process.kill()  # where it leads no group yet; one that has ended hears nothing
        finally:
            self._process.wait(PATIENCE)


@contextmanager
def running(folder: Path, source: str, *, cold: bool = False) -> Iterator[Process]:
    """Run a script as the main file of an app; a `cold` one is started by Python itself, which imports everything."""
    script = folder / 'main.py'
    script.write_text(source)
    process = Process(script, cold=cold)
    try:
        yield process
    finally:
        process.kill()
