"""Run the demo as `python -m demo_app` does, on a busy machine: the arguments are those of its tests.

With `gated`, the n-th step of its job in this process waits for a file `step n` in the current folder. Trouble with the
store lasts as long as there is a file `trouble`.
"""

from __future__ import annotations

import asyncio
import itertools
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

from tests.browser.apps import patience

steps = itertools.count(1)


async def may_take_a_step(_seconds: float) -> None:
    """Wait in place of `asyncio.sleep` until the test lets the job go on."""
    gate = Path(f'step {next(steps)}')
    while not gate.exists():
        await asyncio.sleep(0.01)


async def may_end(seconds: float) -> None:
    """Sleep, and let trouble not end meanwhile that a test still looks at."""
    await asyncio.sleep(seconds)
    while seconds == outage.TROUBLE_LASTS and Path('trouble').exists():
        await asyncio.sleep(0.01)


from demo_app import job, outage  # noqa: E402 once patience has set what they read

outage.ASLEEP = patience.SECONDS
outage.LATE = 8.0  # a page that is back before it is dropped goes on with its old client, and is never another one
outage.asyncio = SimpleNamespace(**{**vars(asyncio), 'sleep': may_end})  # type: ignore[assignment]
if 'gated' in sys.argv:
    job.asyncio = SimpleNamespace(sleep=may_take_a_step)  # type: ignore[assignment]
runpy.run_module('demo_app', run_name='__main__', alter_sys=True)
