"""The store's latency of the last minutes, as an SVG of numbers alone."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from ...session.record import INTERVAL, INTERVALS, Answers

WIDTH: Final = 600
HEIGHT: Final = 160
_LEFT, _BOTTOM = 52, 18
_LOWEST, _HIGHEST = 0.0001, 30.0
"""Seconds at the ends of the scale, which is logarithmic; the highest is the deadline of an operation."""
_MARKS: Final = {0.001: '1 ms', 0.01: '10 ms', 0.1: '100 ms', 1.0: '1 s', 10.0: '10 s'}


def plot(answers: Iterable[tuple[str, Iterable[Answers]]], now: float) -> str:
    """Return a line with the mean of each interval, and above it a band up to the longest, for each operation.

    `now` is the time of the event loop; the plot moves only once per interval. The class of each line is the
    operation's name.
    """
    now += INTERVAL - now % INTERVAL
    lines = [
        f'<line x1="{_LEFT}" x2="{WIDTH}" y1="{_y(at):.1f}" y2="{_y(at):.1f}" class="mark"/>'
        f'<text x="{_LEFT - 6}" y="{_y(at) + 4:.1f}" text-anchor="end">{text}</text>'
        for at, text in _MARKS.items()
    ]
    for minutes in (8, 6, 4, 2, 0):
        x = _x(now - minutes * 60, now)
        anchor, text = ('middle', f'{minutes} min ago') if minutes else ('end', 'now')
        lines.append(f'<text x="{x:.1f}" y="{HEIGHT - 2}" text-anchor="{anchor}">{text}</text>')
    for operation, rows in answers:
        points = [(_x(row.since + INTERVAL / 2, now), _y(row.mean), _y(row.longest)) for row in rows]
        points = [point for point in points if point[0] > _LEFT]  # while nothing was asked, intervals grow old
        bands = ''.join(f'M{x:.0f} {mean:.1f}V{longest:.1f}' for x, mean, longest in points)
        dots = ''.join(f'M{x:.0f} {mean:.1f}h0' for x, mean, _ in points)
        lines.append(f'<path d="{bands}" class="{operation} band"/><path d="{dots}" class="{operation} dot"/>')
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">{"".join(lines)}</svg>'


def told(operation: str, rows: Iterable[Answers], now: float) -> str:
    """Return the last minute of the same in words."""
    recent = [row for row in rows if row.since > now - 60]
    count = sum(row.count for row in recent)
    if not count:
        return f'{operation}: none in the last minute'
    mean, longest = sum(row.total for row in recent) / count, max(row.longest for row in recent)
    return f'{operation}: {_time(mean)} on average in the last minute, {_time(longest)} at most'


def _time(seconds: float) -> str:
    return f'{seconds * 1000:.2g} ms' if seconds < 0.1 else f'{seconds:.2g} s'


def _x(at: float, now: float) -> float:
    return WIDTH - (now - at) / (INTERVALS * INTERVAL) * (WIDTH - _LEFT)


def _y(seconds: float) -> float:
    share = math.log(min(max(seconds, _LOWEST), _HIGHEST) / _LOWEST) / math.log(_HIGHEST / _LOWEST)
    return (HEIGHT - _BOTTOM) - share * (HEIGHT - _BOTTOM - 6)
