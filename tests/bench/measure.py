"""What one measurement is: paired samples of ours and of a peer, a target, and how a table of them is printed."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from statistics import median, quantiles
from time import thread_time
from typing import Any, Literal

Kind = Literal['ratio', 'difference', 'value']
HEAD = ('what', 'ours', 'peer', 'compared', 'target', 'met')
"""What `table` has a cell of."""


@dataclass(frozen=True, slots=True)
class Target:
    """A bound on the median of `ours / peer`, `ours - peer` or `ours` alone."""

    kind: Kind
    most: float
    least: float = -float('inf')

    def __str__(self) -> str:
        low = f'{self.least:g} to ' if self.least > -float('inf') else 'at most '
        return f'{low}{self.most:g}' + {'ratio': ' x', 'difference': ' more', 'value': ''}[self.kind]


class Samples(dict[str, list[float]]):
    """What was measured, round by round, under a name each."""

    def add(self, name: str, sample: float) -> None:
        self.setdefault(name, []).append(sample)

    def without_first(self) -> Samples:
        """Leave out the first round, in which caches are filled and code is loaded."""
        return Samples({name: samples[1:] for name, samples in self.items()})


@dataclass(frozen=True, slots=True)
class Row:
    """Samples of ours and of a peer, one pair per round, measured in turns; without a peer ours stands alone."""

    what: str
    unit: str
    ours: list[float]
    peer: list[float] = field(default_factory=list[float])
    peer_name: str = ''
    target: Target | None = None

    @property
    def ratios(self) -> list[float]:
        return [ours / peer for ours, peer in zip(self.ours, self.peer, strict=True)]

    @property
    def differences(self) -> list[float]:
        return [ours - peer for ours, peer in zip(self.ours, self.peer, strict=True)]

    @property
    def met(self) -> bool | None:
        """Whether the median of what the target is about is within it; `None` without one."""
        if self.target is None:
            return None
        match self.target.kind:
            case 'ratio':
                about = self.ratios
            case 'difference':
                about = self.differences
            case 'value':
                about = self.ours
        return self.target.least <= median(about) <= self.target.most

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {'met': self.met, 'target': str(self.target) if self.target else None}


def spread(samples: list[float]) -> tuple[float, float]:
    """Return the quartiles, between which half of the samples lie."""
    if len(samples) < 2:
        return samples[0], samples[0]
    low, _, high = quantiles(samples, n=4, method='inclusive')
    return low, high


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Collect now and not within: a collection falls on whoever is measured at that moment."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def per_call(call: Callable[[int], Any], numbers: range) -> float:
    """Return the microseconds of CPU time of this thread that one call takes; each gets another number.

    CPU time, since on a shared machine the clock on the wall measures the neighbours.
    """
    start = thread_time()
    for number in numbers:
        call(number)
    return (thread_time() - start) / len(numbers) * 1e6


def per_assignment(target: Any, numbers: range) -> float:
    """Return the microseconds of CPU time that `target.count = number` takes in a tight loop."""
    start = thread_time()
    for number in numbers:
        target.count = number
    return (thread_time() - start) / len(numbers) * 1e6


def with_spread(samples: list[float]) -> str:
    low, high = (shown(quartile) for quartile in spread(samples))
    middle = shown(median(samples))
    return middle if low == high else f'{middle} ({low} to {high})'


def shown(number: float) -> str:
    """Write three significant digits, without an exponent."""
    return f'{number:.0f}' if abs(number) >= 100 else f'{number:.3g}' if number else '0'


def table(rows: list[Row]) -> list[tuple[str, ...]]:
    """Return the cells: what, ours, peer, both compared, target, met; medians with quartiles."""
    lines: list[tuple[str, ...]] = []
    for row in rows:
        peer = f'{shown(median(row.peer))} {row.peer_name}' if row.peer else ''
        if row.target and row.target.kind == 'difference':
            relation = f'{with_spread(row.differences)} {row.unit}'
        else:
            relation = f'x {with_spread(row.ratios)}' if all(row.peer) and row.peer else ''
        met = {None: '', True: 'yes', False: 'NO'}[row.met]
        lines.append((row.what, f'{with_spread(row.ours)} {row.unit}', peer, relation, str(row.target or ''), met))
    return lines


def printed(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        print('| ' + ' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + ' |')
        if line is head:
            print('|' + '|'.join('-' * (width + 2) for width in widths) + '|')
