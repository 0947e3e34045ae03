"""A backend process that changes one var of a client many times, each change durable before the next.

    python writer.py URL VAR TIMES

It says `ready`, and begins when it is told.
"""

from __future__ import annotations

import asyncio
import sys

from reflex.state import BaseState

from nicegui_stash.reflex import stash_state
from tests.reflex.life import CLIENT, Life


@stash_state(name='Both')
class Both(BaseState):
    """What the two processes write."""

    left: int = 0
    right: int = 0


async def write(url: str, name: str, times: int) -> None:
    life = Life(url, Both)
    await life.read(name)
    sys.stdout.write('ready\n')
    sys.stdout.flush()
    sys.stdin.readline()
    for _ in range(times):
        async with life.event() as state:
            setattr(state, name, getattr(state, name) + 1)
            await life.manager.before_answer(CLIENT)
    await life.stop()


if __name__ == '__main__':
    asyncio.run(write(sys.argv[1], sys.argv[2], int(sys.argv[3])))
