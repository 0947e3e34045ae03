"""One typed value is durable after a short walk through the package."""

from __future__ import annotations

import subprocess
import sys

from tests.bench.walk import MOST_REENTRIES, MOST_STAYS


def test_a_typed_value_takes_a_short_walk() -> None:
    command = [sys.executable, '-m', 'tests.bench.walk', '--check']
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    walked = f'more than {MOST_STAYS} stays or {MOST_REENTRIES} re-entries:\n{done.stdout}'
    assert done.returncode == 0, walked + done.stderr
