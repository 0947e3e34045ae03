"""Run the same sections in this checkout and in another one, in turns, and compare figure by figure.

Each side runs its own `tests/bench` with its own package, in a process with the same interpreter.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from .measure import shown, with_spread

HERE = Path(__file__).parents[2]
ALLOWED = 1.05
HEAD = ('what', 'here', 'there', 'here / there', 'peer / peer', f'within x {ALLOWED}')
Key = tuple[str, str, str]
"""The section, what was measured, and its unit."""


@dataclass
class Compared:
    """One figure: its medians of ours and of the peer, turn by turn, first here and then there."""

    what: str
    unit: str
    ours: tuple[list[float], list[float]] = field(default_factory=lambda: ([], []))
    peer: tuple[list[float], list[float]] = field(default_factory=lambda: ([], []))

    @property
    def ratios(self) -> list[float]:
        return _ratios(*self.ours)

    @property
    def within(self) -> bool | None:
        """Whether here is at most 5 % above there; `None` where nothing can be compared."""
        here, there = self.ours
        if here and there and not median(there):
            return not median(here)
        return median(self.ratios) <= ALLOWED if self.ratios else None

    @property
    def cells(self) -> tuple[str, ...]:
        here, there = (f'{with_spread(each)} {self.unit}' if each else 'not there' for each in self.ours)
        met = {None: '', True: 'yes', False: 'NO'}[self.within]
        return self.what, here, there, _times(self.ratios), _times(_ratios(*self.peer)), met


def compared(sections: list[str], other: Path, turns: int, options: list[str]) -> list[Compared]:
    """Measure each section here and there, as often as there are turns; who begins changes from turn to turn."""
    found: dict[Key, Compared] = {}
    for section in sections:
        for turn in range(turns):
            for side in (0, 1) if turn % 2 == 0 else (1, 0):
                print(f'{section}: turn {turn + 1} of {turns}, {("here", "there")[side]}', file=sys.stderr, flush=True)
                for key, row in _rows(section, _run(section, (HERE, other)[side], options)):
                    each = found.setdefault(key, Compared(row['what'], row['unit']))
                    each.ours[side].append(median(row['ours']))
                    each.peer[side].extend([median(row['peer'])] if row['peer'] else [])
    return list(found.values())


def sections_of(checkout: Path) -> set[str]:
    """Return the sections that another checkout can run."""
    program = 'from tests.bench.__main__ import SECTIONS; print(*SECTIONS)'
    told = subprocess.run(
        [sys.executable, '-c', program],
        cwd=checkout,
        env={**os.environ, 'PYTHONPATH': str(checkout)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(told.stdout.split())


def _run(section: str, checkout: Path, options: list[str]) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix='bench-against-') as folder:
        results = Path(folder) / 'results.json'
        subprocess.run(
            [sys.executable, '-m', 'tests.bench', section, '--json', str(results), *options],
            cwd=checkout,
            env={**os.environ, 'PYTHONPATH': str(checkout)},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        return json.loads(results.read_text(encoding='utf-8'))['sections'][section]


def _rows(section: str, rows: list[dict[str, Any]]) -> Iterator[tuple[Key, dict[str, Any]]]:
    """Iterate over the figures of a section; one that is compared with several peers comes once."""
    seen: set[Key] = set()
    for row in rows:
        key = section, row['what'], row['unit']
        if key not in seen:
            seen.add(key)
            yield key, row


def _ratios(here: list[float], there: list[float]) -> list[float]:
    if len(here) != len(there) or not all(there):
        return []
    return [one / other for one, other in zip(here, there, strict=True)]


def _times(ratios: list[float]) -> str:
    """Return the median of ratios and what they lie between."""
    return f'{shown(median(ratios))} ({shown(min(ratios))} to {shown(max(ratios))})' if ratios else ''
