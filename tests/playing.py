"""Running a scene: a function of a module that is a program, whose processes a test watches from outside."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def play(module: str, scene: str, *arguments: object, under: tuple[str, ...] = ()) -> list[str]:
    """Run `python -m module scene arguments` at the root of the project; return the lines it printed.

    `under`: a program that runs it, with its options.
    """
    done = subprocess.run(
        [*under, sys.executable, '-m', module, scene, *map(str, arguments)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
