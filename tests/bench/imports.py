"""What an import costs: the core by itself, and `nicegui_stash` beyond NiceGUI."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

from .measure import Row, Samples, Target

PROGRAMS = {
    'nothing': 'pass',
    'core': 'import nicegui_stash.session.registry, nicegui_stash.maintenance.sweep',
    'document': 'import nicegui_stash.model.document',
    'help': 'import sys; from nicegui_stash.cli import main; main(["--help"])',
    'nicegui': 'from nicegui import ui',
    'ours': 'from nicegui import ui; from nicegui_stash import Stash',
}


async def measure(folder: Path, rounds: int) -> list[Row]:
    """Start each program in turns; the first round, which compiles every module, is left out."""
    environment = {**os.environ, 'PYTHONPYCACHEPREFIX': str(folder / 'compiled')}
    environment.pop('PYTHONDONTWRITEBYTECODE', None)
    samples = Samples()
    for _ in range(rounds + 1):
        for name, program in PROGRAMS.items():
            samples.add(name, cpu_of(program, environment))
    found = samples.without_first()
    core = Target('value', 0.25)
    return [
        Row('import the core', 's of CPU', found['core'], found['nothing'], 'an empty program', core),
        Row('import model.document', 's of CPU', found['document'], found['nothing'], 'an empty program', core),
        Row('python -m nicegui_stash --help', 's of CPU', found['help'], found['nothing'], 'an empty program'),
        Row('import Stash', 's of CPU', found['ours'], found['nicegui'], 'NiceGUI alone', Target('difference', 0.2)),
    ]


def cpu_of(program: str, environment: dict[str, str]) -> float:
    """Return the seconds of CPU, user and system, of a process that runs a program."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, '-c', program], check=True, env=environment, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
