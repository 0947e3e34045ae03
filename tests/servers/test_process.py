"""What the tests start their servers with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from .process import free_ports

ROOT = Path(__file__).parents[2]
CLAIM = """
import os
os.getpid = lambda: 7  # both would begin with the same
from tests.servers.process import free_ports
print(*free_ports(20), flush=True)
input()
"""


def test_no_port_is_given_twice_before_anybody_listens() -> None:
    assert len({port for _ in range(50) for port in free_ports(1)}) == 50


def test_processes_beside_each_other_are_given_different_ports() -> None:
    command = [sys.executable, '-c', CLAIM]
    others = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    given: list[str] = []
    for other in others:
        assert other.stdout is not None
        given += other.stdout.readline().split()
    for other in others:
        other.communicate('\n')
    assert len(set(given)) == 40
