"""What an event costs with Reflex's own state managers and with ours, side by side: python -m tests.reflex.bench.

An event changes one of ten texts of 100 bytes, so the state has 1 KB. Every manager is asked in turns, and of each the
median of its turns is shown: the CPU time of the event loop's thread, which other processes do not lengthen.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from reflex.istate.manager.disk import StateManagerDisk
from reflex.istate.manager.memory import StateManagerMemory
from reflex.istate.manager.token import BaseStateToken
from reflex.state import BaseState

from nicegui_stash.reflex.manager import StashStateManager
from nicegui_stash.reflex.options import ReflexOptions
from nicegui_stash.settings import resolve

EVENT = SimpleNamespace(name='state.click')


class Texts(BaseState):
    """1 KB."""

    t0: str = '0' * 100
    t1: str = '1' * 100
    t2: str = '2' * 100
    t3: str = '3' * 100
    t4: str = '4' * 100
    t5: str = '5' * 100
    t6: str = '6' * 100
    t7: str = '7' * 100
    t8: str = '8' * 100
    t9: str = '9' * 100


def ours(folder: Path, **options: Any) -> StashStateManager:
    url = f'sqlite:///{folder / "stash.db"}'
    settings = resolve(url, secrets='a secret', max_new_sessions=0, **options)
    return StashStateManager(settings, url, ReflexOptions(), Texts)


async def events(manager: Any, ident: str, number: int) -> float:
    """Return the microseconds of one event."""
    token = BaseStateToken(ident=ident, cls=Texts)
    begun = time.thread_time()
    for count in range(number):
        async with manager.modify_state(token, event=EVENT) as state:
            state.t3 = f'{count:0100}'
        state.dirty_vars.clear()
    return (time.thread_time() - begun) / number * 1e6


async def accepted(folder: Path, turns: int, number: int) -> dict[str, float]:
    managers = {'memory': StateManagerMemory(), 'disk': StateManagerDisk(), 'ours, SQLite': ours(folder)}
    times: dict[str, list[float]] = {name: [] for name in managers}
    for manager in managers.values():
        await events(manager, 'one', number)
    for _ in range(turns):
        for name, manager in managers.items():
            times[name].append(await events(manager, 'one', number))
            await asyncio.sleep(0)
    for manager in managers.values():
        await manager.close()
    return {name: statistics.median(each) for name, each in times.items()}


async def durable(folder: Path, number: int) -> list[float]:
    """Return the milliseconds from an accepted change until it is durable, sorted."""
    manager, token = ours(folder), BaseStateToken(ident='one', cls=Texts)
    times: list[float] = []
    for count in range(number):
        async with manager.modify_state(token, event=EVENT) as state:
            state.t3 = f'{count:0100}'
            begun = time.perf_counter()
            await manager.before_answer('one')
            times.append((time.perf_counter() - begun) * 1e3)
    await manager.close()
    return sorted(times)


async def memory(make: Callable[[], Any], number: int, *, idle: bool) -> float:
    """Return the bytes that a state of a client takes that nobody uses for the moment."""
    manager = make()
    await events(manager, 'first', 1)
    gc.collect()
    tracemalloc.start()
    for count in range(number):
        await events(manager, f'client {count}', 1)
    if idle:
        running = manager._open()
        for tree in list(running.trees.values()):
            await tree.session.flush()
        del tree
        running.release_idle(asyncio.get_running_loop().time() + 600)
    gc.collect()
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    await manager.close()
    return taken / number


async def measure(arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = await accepted(folder, arguments.turns, arguments.events)
        for what, value in found.items():
            sys.stdout.write(f'{what:30} {value:8.1f} µs an event, {value / found["memory"]:.2f} of memory\n')
        times = await durable(folder, arguments.events // 4)
        say = f'{times[len(times) // 2]:.2f} ms, 95 % within {times[len(times) * 95 // 100]:.2f} ms'
        sys.stdout.write(f'{"ours, until it is durable":30} {say}\n')
        taken = {
            'memory': await memory(StateManagerMemory, arguments.clients, idle=False),
            'ours, in use': await memory(lambda: ours(folder), arguments.clients, idle=False),
            'ours, after idle_timeout': await memory(lambda: ours(folder), arguments.clients, idle=True),
        }
        for what, value in taken.items():
            sys.stdout.write(f'{what:30} {value / 1000:8.1f} KB a client\n')


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--turns', type=int, default=9)
    parser.add_argument('--events', type=int, default=2000)
    parser.add_argument('--clients', type=int, default=1000)
    asyncio.run(measure(parser.parse_args()))
