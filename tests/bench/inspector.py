"""The first answer of the inspector of a process with ten thousand sessions, beside a page with one label."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import msgspec
from nicegui import Client, ui

from nicegui_stash import Stash
from nicegui_stash.model.document import SESSION_PART, SliceId
from nicegui_stash.session.session import Session

from .measure import Row, Samples, Target
from .simulation import get_page, new_browser, serving, until

SESSIONS = 10_000


def declare(folder: Path) -> Stash:
    stash = Stash(f'sqlite:///{folder}/stash.db', max_new_sessions=0)
    stash.inspector('/inspector', allow=lambda request: True)

    @ui.page('/plain')
    def plain() -> None:
        ui.label()

    return stash


async def measure(folder: Path, rounds: int) -> list[Row]:
    samples = Samples()
    async with serving(lambda: declare(folder)) as stash:
        browser = new_browser()
        await get_page(browser, '/inspector')
        registry = stash._app_state.runtime().registry  # pyright: ignore[reportPrivateUsage]
        sessions: list[Session] = []  # held, as open pages would hold them
        for number in range(SESSIONS):
            session = registry.session(f'visitor {number}', exists=False)
            items = msgspec.json.encode([f'something {each}' for each in range(number % 50)])
            session.set(SliceId('Cart', 1), SESSION_PART, 'items', msgspec.Raw(items))
            sessions.append(session)
        await until(lambda: not stash.statistics().pending)
        for _ in range(rounds):
            for path in ('/inspector', '/plain'):
                start = perf_counter()
                await get_page(browser, path)
                samples.add(path, (perf_counter() - start) * 1000)
                for client in list(Client.instances.values()):
                    client.delete()
    what = f'first answer with {SESSIONS:,} sessions'
    return [
        Row(what, 'ms', samples['/inspector'], target=Target('value', 300)),
        Row(what, 'ms', samples['/inspector'], samples['/plain'], 'a page with a label'),
    ]
