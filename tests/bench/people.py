"""What recovery adds to a page whose fields are of a session, a person and a room, and to one with a session alone."""

from __future__ import annotations

from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from nicegui import app, ui

from nicegui_stash import Stash, stored

from .measure import Row, Samples, Target, without_garbage_collection
from .recover import BATCH, Elements, Plain, request
from .simulation import new_browser, open_page, serving, storage_of

PATHS = ('/alone', '/three/a', '/plain')
opened: dict[str, Any] = {}


class Shown(Elements):
    def build(self) -> None:
        super().build()
        opened[type(self).__name__] = self


def declare() -> Stash:
    stash = Stash('memory://people', user=lambda request: app.storage.user.get('username'))

    @stash.page('/alone')
    class Alone(Shown):
        count: int = stored(0)
        name: str = stored('')
        note: str = stored('')
        done: bool = stored(False)
        tags: list[str] = stored([])

    @stash.page('/three/{board}', room='board')
    class Three(Shown):
        count: int = stored(0, scope='room')
        name: str = stored('')
        note: str = stored('', scope='user')
        done: bool = stored(False, scope='user')
        tags: list[str] = stored([], scope='room')

        def build(self, board: str) -> None:
            super().build()

    @ui.page('/plain')
    def plain() -> None:
        Plain().build()

    return stash


async def measure(folder: Path, rounds: int) -> list[Row]:
    """Request the pages in turns, as the browser of somebody who has them open in another tab."""
    del folder
    async with serving(declare) as stash:
        browser = new_browser()
        first = await open_page(browser, '/alone')
        with storage_of(first):
            app.storage.user['username'] = 'ann'
        await open_page(browser, '/three/a')
        for page in list(opened.values()):
            for name in ('count', 'name', 'done', 'tags'):
                setattr(page, name, getattr(Plain(), name))
            await stash.flush(page)
        samples, shuffled = Samples(), Random(0)
        for _ in range(-1, rounds):
            taken = Samples()
            with without_garbage_collection():
                for _ in range(BATCH):
                    for path in shuffled.sample(PATHS, len(PATHS)):
                        taken.add(path, await request(browser, path))
            costs = {path: median(found) for path, found in taken.items()}
            for path, cost in costs.items():
                samples.add(path, cost)
                samples.add(f'added to {path}', cost - costs['/plain'])
        if opened['Three'].tags != Plain().tags or not opened['Three'].done:
            raise RuntimeError('the page was not recovered, so that nothing was measured')
    found = samples.without_first()
    name = 'a page of a session, a person and a room'
    return [
        Row(name, 'µs', found['/three/a'], found['/alone'], 'session alone', Target('ratio', 1.6)),
        Row(
            f'{name}: what is added to a plain one',
            'µs',
            found['added to /three/a'],
            found['added to /alone'],
            'session alone',
            Target('ratio', 1.6),
        ),
    ]
