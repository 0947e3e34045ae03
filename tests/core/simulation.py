"""Many lives of a session, each from a seed: `python -m tests.core.simulation --seeds 20000`.

`--first 1234 --seeds 1 --trace` shows what happened in one. A seed always gives the same.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import hashlib
import logging
import os
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from .house import House
from .lives import Broken
from .virtual import Deadlock, LeanLoop
from .world import World

Trace = list[tuple[Any, ...]]


def live(seed: int, *, may_have_journals: bool = True) -> Trace:
    """Live through the world of a seed. Raises `Broken` or `Deadlock`, which say the seed; returns what happened."""
    return _live(seed, lambda: World(seed, may_have_journals=may_have_journals), 60)


def live_together(seed: int) -> Trace:
    """Live through the house of a seed: several people, their rooms and their browsers."""
    return _live(seed, lambda: House(seed), 40)


def live_one(seed: int) -> Trace:
    """Live through one of both: every fourth seed is a house."""
    return live_together(seed) if seed % 4 == 3 else live(seed)


def _live(seed: int, begin: Callable[[], World | House], most: int) -> Trace:
    traces: list[Trace] = []

    async def lives() -> None:
        world = begin()
        traces.append(world.store.trace)
        for _ in range(world.dice.randrange(5, most)):
            await world.step()
        await world.settle()

    try:
        with asyncio.Runner(loop_factory=LeanLoop) as runner:
            runner.run(lives())
    except (Broken, Deadlock) as error:
        error.add_note(f'seed {seed}; to see it: python -m tests.core.simulation --first {seed} --seeds 1 --trace')
        error.trace = traces[0]  # type: ignore[union-attr]
        raise
    return traces[0]


def digest(trace: Trace) -> str:
    return hashlib.sha256(repr(trace).encode()).hexdigest()


def failures(seeds: Iterable[int]) -> dict[int, str]:
    """Live through each; return what failed by seed."""
    found: dict[int, str] = {}
    for seed in seeds:
        try:
            live_one(seed)
        except (Broken, Deadlock) as error:
            found[seed] = str(error) or type(error).__name__
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0] if __doc__ else None)
    parser.add_argument('--seeds', type=int, default=20_000)
    parser.add_argument('--first', type=int, default=0)
    parser.add_argument('--jobs', type=int, default=os.cpu_count() or 1)
    parser.add_argument('--trace', action='store_true', help='show what happened, and a digest of it')
    asked = parser.parse_args()
    logging.getLogger('nicegui_stash').setLevel(logging.CRITICAL)  # for the processes, which are forked, too
    if asked.trace:
        return _show(asked.first)
    begin = time.monotonic()
    gc.freeze()  # what is loaded is not looked through again, and what a life leaves not after every step
    gc.set_threshold(100_000)
    found: dict[int, str] = {}
    blocks = [
        range(first, min(first + 100, asked.first + asked.seeds))
        for first in range(asked.first, asked.first + asked.seeds, 100)
    ]
    with ProcessPoolExecutor(asked.jobs) as processes:
        for block in processes.map(failures, blocks):
            found |= block
    for seed, why in sorted(found.items()):
        sys.stdout.write(f'seed {seed}: {why}\n')
    taken = time.monotonic() - begin
    sys.stdout.write(f'{asked.seeds} seeds, {len(found)} failed, {taken:.0f} s, {asked.seeds / taken:.0f} per second\n')
    return 1 if found else 0


def _show(seed: int) -> int:
    try:
        trace, why = live_one(seed), 'it holds'
    except (Broken, Deadlock) as error:
        trace, why = error.trace, str(error)  # type: ignore[union-attr]
    for when, *happened in trace:
        sys.stdout.write(f'{when:12.6f}  {" ".join(map(str, happened))}\n')
    sys.stdout.write(f'{why}\n{digest(trace)}\n')
    return 0


if __name__ == '__main__':
    sys.exit(main())
