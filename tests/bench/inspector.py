"""The first answer of the inspector of a process with ten thousand sessions, beside a page with one label.

It is also measured where it is seen: in Chromium, as the browser tells when the answer to its navigation had ended.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from time import perf_counter

import httpx
import msgspec
from nicegui import Client, ui
from playwright.async_api import async_playwright

from nicegui_stash import Stash
from nicegui_stash.model.document import SESSION_PART, SliceId
from nicegui_stash.session.session import Session
from tests.browser.server import Server

from .measure import Row, Samples, Target
from .simulation import get_page, new_browser, serving, until

SESSIONS = 10_000
CHROMIUM = shutil.which('chromium-headless-shell') or shutil.which('chromium')
ANSWERED = "() => performance.getEntriesByType('navigation')[0].responseEnd"
"""How many ms after the navigation began the last byte of the answer was there."""


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
    in_browser = await measure_in_browser(folder, rounds)
    what = f'first answer with {SESSIONS:,} sessions'
    return [
        Row(what, 'ms', samples['/inspector'], target=Target('value', 300)),
        Row(what, 'ms', samples['/inspector'], samples['/plain'], 'a page with a label'),
        Row(f'{what}, in Chromium', 'ms', in_browser, target=Target('value', 300)),
    ]


async def measure_in_browser(folder: Path, rounds: int) -> list[float]:
    """Return how many ms each navigation of a new browser took; the server is a process of its own."""
    if CHROMIUM is None:
        raise RuntimeError('the section opens the inspector in Chromium: `make chromium` installs it')
    found: list[float] = []
    async with Server('inspected.py', folder, cold=True) as server, async_playwright() as playwright:
        async with httpx.AsyncClient(timeout=120) as operator:
            (await operator.post(f'{server.url}/sessions/{SESSIONS}')).raise_for_status()
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=['--no-sandbox'])
        for _ in range(rounds):
            async with await browser.new_context() as context:
                await context.add_cookies([{'name': 'role', 'value': 'operator', 'url': server.url}])
                page = await context.new_page()
                answer = await page.goto(f'{server.url}/_stash')
                if answer is None or answer.status != 200:
                    raise RuntimeError('the inspector was not shown')
                await page.locator('.stash-count', has_text=f'{SESSIONS:,}').first.wait_for()
                found.append(await page.evaluate(ANSWERED))
        await browser.close()
    return found
