"""What remembering fifty elements adds to the first answer of a page, and what a page without any pays."""

from __future__ import annotations

from pathlib import Path
from random import Random
from statistics import median
from time import process_time

from nicegui import Client, ui

from nicegui_stash import Stash
from nicegui_stash.model.document import SESSION_PART, Raw

from .measure import Row, Samples, Target, without_garbage_collection
from .simulation import get_page, new_browser, open_page, serving

ELEMENTS = 50
BATCH = 12
PATHS = ('/remembering', '/empty', '/plain')


def show() -> None:
    for number in range(ELEMENTS // 5):
        ui.input(f'Name {number}')
        ui.checkbox(f'Done {number}')
        ui.select([1, 2, 3], label=f'Level {number}')
        ui.expansion(f'More {number}')
        ui.slider(min=0, max=10, value=0)


def declare(folder: Path) -> Stash:
    stash = Stash(str(folder / 'stash'))

    @ui.page('/remembering')
    def remembering() -> None:
        with stash.remembering():
            show()

    @ui.page('/empty')
    def empty() -> None:
        with stash.remembering():
            ui.label()
        show()

    @ui.page('/plain')
    def plain() -> None:
        show()

    return stash


async def measure(folder: Path, rounds: int) -> list[Row]:
    """Request the pages in turns, as a browser that has set all fifty elements, which another tab still shows."""
    samples, shuffled = Samples(), Random(0)
    async with serving(lambda: declare(folder)) as stash:
        browser = new_browser()
        client = await open_page(browser, '/remembering')
        _set_all(stash, client)
        for _ in range(-1, rounds):
            taken = Samples()
            with without_garbage_collection():
                for _ in range(BATCH):
                    for path in shuffled.sample(PATHS, len(PATHS)):
                        start = process_time()
                        requested = await get_page(browser, path)
                        taken.add(path, (process_time() - start) * 1000)
                        requested.delete()
            for path, costs in taken.items():
                samples.add(path, median(costs))
    samples = samples.without_first()
    ours, empty, plain = (samples[path] for path in PATHS)
    return [
        Row('a page that shows 50 remembered elements', 'ms', ours, plain, 'plain page', Target('difference', 2.0)),
        Row('the same with nothing in the block', 'ms', empty, plain, 'plain page'),
    ]


def _set_all(stash: Stash, client: Client) -> None:
    """Store a value for each element, as if a person had set it."""
    memory = stash._app_state.connection_of(client).memory
    for remembered in memory.roll:
        element = remembered.shape.element
        value = {ui.input: '"Ada"', ui.select: '2', ui.slider: '5'}.get(type(element), 'true')
        raw = Raw(f'{{"{remembered.shape.name}":{{"value":{value}}}}}'.encode())
        memory.places.session.set(remembered.slice_id, SESSION_PART, remembered.name, raw)
