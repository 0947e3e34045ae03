"""What a change in a room costs that a thousand pages show, beside NiceGUI setting a label in a thousand clients."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random
from time import thread_time
from typing import Any

from nicegui import Client, ui

from nicegui_stash import Stash, stored
from nicegui_stash.ui.page.page_object import page_object_of

from .measure import Row, Samples, Target, without_garbage_collection
from .simulation import new_browser, open_page, serving

PAGES = 1000
BATCH = 5
PAUSE = 0.1
"""Seconds between two changes, so that no put waits for its turn while it is measured."""
opened: list[Any] = []


def declare() -> Stash:
    stash = Stash('memory://rooms')

    @stash.page('/room/{board}', room='board')
    class Board:
        votes: int = stored(0, scope='room')
        title: str = stored('', scope='room')
        wide: bool = stored(False)

        def build(self, board: str) -> None:
            self.shown = ui.label().bind_text_from(self, 'votes')
            self.plain = ui.label()
            opened.append(self)

    return stash


async def measure(folder: Path, rounds: int) -> list[Row]:
    """Change a value in a room of a thousand pages, and set a label in as many clients, in turns.

    Counted is all until the change is stored and every page has sent it; sending costs as little as without a network.
    """
    del folder
    async with serving(declare) as stash:
        clients = [await open_page(new_browser(), '/room/a') for _ in range(PAGES)]
        room = page_object_of(opened[0]).documents['room'].session
        number = 0

        def is_stored() -> bool:
            return not room.pending and all(task.done() for task in tasks)

        def assign() -> None:
            opened[number % PAGES].votes = number

        def update() -> None:
            change = stash.update(opened[number % PAGES], lambda found: setattr(found, 'votes', number))
            tasks.append(asyncio.ensure_future(change))

        def set_labels() -> None:
            for page in opened:
                page.plain.text = str(number)

        tasks: list[asyncio.Future[None]] = []
        ways: dict[str, Callable[[], None]] = {'assigned': assign, 'updated': update, 'labels': set_labels}
        samples, shuffled = Samples(), Random(0)
        for _ in range(-1, rounds):
            taken = Samples()
            with without_garbage_collection():
                for _ in range(BATCH):
                    for name in shuffled.sample(list(ways), len(ways)):
                        number += 1
                        total, turn = await cost_of(ways[name], is_stored, clients)
                        taken.add(name, total)
                        taken.add(f'turn of {name}', turn)
                        shown = {str((page.plain if name == 'labels' else page.shown).text) for page in opened}
                        if shown != {str(number)}:
                            raise RuntimeError(f'{name}: not every page shows the change, so nothing was measured')
                        tasks.clear()
                        await asyncio.sleep(PAUSE)
            for name, found in taken.items():
                samples.add(name, min(found))
    found = samples.without_first()
    peer = f'a label in {PAGES:,} clients'
    rows: list[Row] = []
    for name in ('assigned', 'updated'):
        what = f'a value that is {name} in a room of {PAGES:,} pages'
        turn, peers_turn = found[f'turn of {name}'], found['turn of labels']
        rows += [
            Row(what, 'ms', found[name], found['labels'], peer, Target('ratio', 1.5)),
            Row(f'{what}: its longest turn of the loop', 'ms', turn, peers_turn, peer, Target('ratio', 1.0)),
        ]
    return rows


async def cost_of(
    change: Callable[[], None], is_stored: Callable[[], bool], clients: list[Client]
) -> tuple[float, float]:
    """Return the ms of CPU time until the change is stored and sent, and those of the longest turn of the loop."""
    begin = last = thread_time()
    longest, sent = 0.0, 0
    change()
    while sent < len(clients):
        await asyncio.sleep(0)
        now = thread_time()
        longest, last = max(longest, now - last), now
        while sent < len(clients) and is_stored() and not clients[sent].outbox.updates:
            sent += 1
    return (last - begin) * 1000, longest * 1000
