"""What it costs a page that one cell of a long list changed elsewhere: all that runs in its turn of the event loop."""

from __future__ import annotations

import asyncio
from pathlib import Path
from time import thread_time
from typing import Any

from nicegui import ui

from nicegui_stash import Stash, stored

from .measure import Row, Samples, Target, without_garbage_collection
from .simulation import new_browser, open_page, serving

NUMBERS = (1000, 10_000)
opened: dict[int, list[Any]] = {number: [] for number in NUMBERS}


def declare(folder: Path) -> Stash:
    stash = Stash(str(folder / 'stash'), max_value_bytes=1_000_000, max_document_bytes=2_000_000)
    for number in NUMBERS:
        _declare(stash, number)
    return stash


def _declare(stash: Stash, number: int) -> None:
    @stash.page(f'/{number}', name=f'Rows{number}')
    class Rows:
        rows: list[dict[str, Any]] = stored([{'id': each, 'name': f'part {each}', 'qty': 0} for each in range(number)])

        def build(self) -> None:
            for row in self.rows[:1000]:
                ui.input().bind_value(row, 'qty')
            opened[number].append(self)


async def measure(folder: Path, rounds: int) -> list[Row]:
    """Change a cell in one of two tabs, and look at what the other does in the turn in which it follows."""
    samples, touched = Samples(), Samples()
    async with serving(lambda: declare(folder)):
        for number in NUMBERS:
            browser = new_browser()
            clients = [await open_page(browser, f'/{number}') for _ in range(2)]
            here, there = opened[number]
            following = vars(there)['_nicegui_stash_instance'].documents['session']
            for value in range(-1, rounds):
                await asyncio.sleep(0.2)  # what has been written before, and NiceGUI's look at the bindings
                clients[1].outbox.updates.clear()
                with without_garbage_collection():
                    here.rows[7]['qty'] = f'value {value}'
                    start = thread_time()
                    following._deliver()
                    samples.add(str(number), (thread_time() - start) * 1000)
                assert there.rows[7]['qty'] == f'value {value}'
                touched.add(str(number), float(len(clients[1].outbox.updates)))
    samples, touched = samples.without_first(), touched.without_first()
    few, many = map(str, NUMBERS)
    per_row = [sample / NUMBERS[1] * NUMBERS[0] for sample in samples[many]]
    return [
        Row('a cell of 1,000 rows changed elsewhere', 'ms', samples[few], target=Target('value', 1.0)),
        Row('the same of 10,000 rows, a tenth of it', 'ms', per_row, samples[few], '1,000 rows', Target('ratio', 1.5)),
        Row('elements that the browser gets', '', touched[few], target=Target('value', 3)),
    ]
