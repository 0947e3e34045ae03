"""What an event costs with Reflex's own state managers and with ours: python -m tests.reflex.bench.

An event changes one of ten texts of 100 bytes, so the state has 1 KB. Managers are asked in turns. What is accepted is
measured in CPU time of the event loop's thread, which other processes do not lengthen; waiting for a store on the wall.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import shutil
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from redis.asyncio import Redis
from reflex.istate.manager.disk import StateManagerDisk
from reflex.istate.manager.memory import StateManagerMemory
from reflex.istate.manager.redis import StateManagerRedis
from reflex.istate.manager.token import BaseStateToken
from reflex.state import BaseState

from nicegui_stash.reflex.manager import StashStateManager
from nicegui_stash.reflex.options import ReflexOptions
from nicegui_stash.settings import resolve
from tests.bench.measure import HEAD, Row, Samples, Target, printed, table
from tests.stores.redis_server import RedisServer

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


def ours(url: str) -> StashStateManager:
    settings = resolve(url, secrets='a secret', max_new_sessions=0)
    return StashStateManager(settings, url, ReflexOptions(answer='durable'), Texts)


async def fill(manager: Any, ident: str) -> None:
    """Give a client values of its own, 1 KB of them."""
    async with manager.modify_state(BaseStateToken(ident=ident, cls=Texts), event=EVENT) as state:
        for number in range(10):
            setattr(state, f't{number}', f'{ident:>100}')
        state.dirty_vars.clear()


async def events(manager: Any, ident: str, number: int) -> float:
    """Return the microseconds of CPU time of one event."""
    token = BaseStateToken(ident=ident, cls=Texts)
    begun = time.thread_time()
    for count in range(number):
        async with manager.modify_state(token, event=EVENT) as state:
            state.t3 = f'{count:0100}'
        state.dirty_vars.clear()
    return (time.thread_time() - begun) / number * 1e6


async def waited(manager: Any, ident: str, count: int, *, durable: bool = False) -> float:
    """Return the milliseconds on the wall of one event; `durable`: until its change is in the store, too."""
    begun = time.perf_counter()
    async with manager.modify_state(BaseStateToken(ident=ident, cls=Texts), event=EVENT) as state:
        state.t3 = f'{count:0100}'
    if durable:
        await manager.before_answer(ident)
    took = (time.perf_counter() - begun) * 1e3
    state.dirty_vars.clear()
    await asyncio.sleep(0)
    return took


def synced() -> float:
    """Return the milliseconds in which 4 KB of a new file are on the disk."""
    begun = time.perf_counter()
    with Path('floor').open('wb') as floor:
        floor.write(bytes(4096))
        floor.flush()
        os.fsync(floor.fileno())
    return (time.perf_counter() - begun) * 1e3


async def accepted(url: str, turns: int) -> list[Row]:
    managers = {'memory': StateManagerMemory(), 'disk': StateManagerDisk(), 'ours': ours(url)}
    found = Samples()
    for manager in managers.values():
        await fill(manager, 'one')
        await events(manager, 'one', 2000)
    for _ in range(turns):
        for name, manager in managers.items():
            found.add(name, await events(manager, 'one', 200))
            await asyncio.sleep(0)
    for manager in managers.values():
        await manager.close()
    return [
        Row('accepted', 'µs', found['ours'], found['memory'], 'memory', Target('ratio', 2)),
        Row('accepted', 'µs', found['ours'], found['disk'], 'disk', Target('ratio', 1)),
    ]


async def until_written(url: str, turns: int) -> list[Row]:
    """Measure from the end of an event until the database has committed its change, or Reflex has written its file."""
    disk, manager, found = StateManagerDisk(), ours(url), Samples()
    for name in ('ours', 'disk'):
        await fill(manager if name == 'ours' else disk, 'one')
    path = disk.token_path(BaseStateToken(ident='one', cls=Texts))
    for count in range(turns):
        found.add('ours', await waited(manager, 'one', count, durable=True))
        found.add('floor', synced())
    for count in range(3):
        while disk._write_queue or not path.exists():
            await asyncio.sleep(0.01)
        before = path.stat().st_mtime_ns
        begun = time.perf_counter()
        await waited(disk, 'one', count)
        while path.stat().st_mtime_ns == before:
            await asyncio.sleep(0.001)
        found.add('disk', (time.perf_counter() - begun) * 1e3)
    await manager.close()
    await disk.close()
    return [
        Row('until it is durable', 'ms', found['ours'], found['floor'], '4 KB and fsync', Target('value', 5)),
        Row("until Reflex's disk manager has written", 'ms', found['disk']),
    ]


async def same_redis(server: RedisServer, turns: int) -> list[Row]:
    peer, manager, found = StateManagerRedis(redis=Redis.from_url(server.url)), ours(server.url), Samples()
    for each in (peer, manager):
        await fill(each, 'one')
    for count in range(turns):
        found.add('peer', await waited(peer, 'one', count))
        found.add('accepted', await waited(manager, 'one', count))
        found.add('durable', await waited(manager, 'one', -1 - count, durable=True))
    await manager.close()
    await peer.close()
    found = found.without_first()
    return [
        Row('on the same Redis: accepted', 'ms', found['accepted'], found['peer'], 'Redis', Target('ratio', 0.1)),
        Row('on the same Redis: durable', 'ms', found['durable'], found['peer'], 'Redis'),
    ]


async def memory(make: Callable[[], Any], number: int, *, idle: bool = False) -> float:
    """Return the KB that a client's state takes once its changes are durable; `idle`: after ten seconds without any."""
    manager = make()
    await fill(manager, 'first')
    gc.collect()
    tracemalloc.start()
    for count in range(number):
        await fill(manager, f'client {count}')
    if isinstance(manager, StashStateManager):
        running = manager._open()
        for tree in list(running.trees.values()):
            await tree.session.flush()
        del tree
        if idle:
            while not running.release_idle(time.monotonic() + 11):
                pass
    gc.collect()
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    await manager.close()
    return taken / number / 1000


async def measure(arguments: argparse.Namespace) -> list[Row]:
    folder = Path.cwd()
    rows = await accepted(f'sqlite:///{folder}/accepted.db', arguments.turns)
    rows += await until_written(f'sqlite:///{folder}/durable.db', arguments.turns)
    if shutil.which('redis-server'):
        server = RedisServer(folder, '--appendonly', 'no')
        server.start()
        try:
            await server.is_up()
            rows += await same_redis(server, arguments.turns)
        finally:
            server.kill()
    number = arguments.clients
    theirs = [await memory(StateManagerMemory, number)]
    for idle in (False, True):
        url = f'sqlite:///{folder}/memory-{idle}.db'
        many = number if idle else min(number, 500)  # of more, the first would rest before the last is made
        taken = await memory(lambda url=url: ours(url), many, idle=idle)
        when = 'ten seconds later' if idle else 'in use'
        target = Target('ratio', 1) if idle else None
        rows.append(Row(f'memory of a client, {when}', 'KB', [taken], theirs, 'memory', target))
    return rows


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--turns', type=int, default=200)
    parser.add_argument('--clients', type=int, default=10_000)
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)  # Reflex keeps the files of its disk manager below
        printed(HEAD, table(asyncio.run(measure(parser.parse_args()))))
    sys.stdout.flush()
