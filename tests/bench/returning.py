"""How long a page takes to come back after kill -9: within its document, and by a reload.

From the server's first answer to a page whose report is answered, as a person would see it, and the CPU time of the
page's thread from the kill on. The pause of NiceGUI's socket is as it comes, so the reload waits for it.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, async_playwright

from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.browser.server import Server
from tests.browser.tab import IS_CONNECTED, Tab, Visitor

from .measure import Row, Samples, Target

WAYS = ('in_place', 'reload')
IS_BACK = f'old => {IS_CONNECTED} && window.clientId !== old && window.__niceguiStash.acknowledged'
TASK = 'ThreadControllerImpl::RunTask'


async def measure(folder: Path, rounds: int) -> list[Row]:
    """Kill the server of a page in each of the two ways, in turns."""
    samples = Samples()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for _ in range(-1, rounds):
            for way in WAYS:
                await _come_back(samples, browser, folder, way)
        await browser.close()
    found = samples.without_first()
    return [
        Row(
            'from the first answer to a usable page', 'ms', found['wait, in_place'], found['wait, reload'],
            'reload', Target('ratio', 1 / 3),
        ),
        Row(
            "of the page's thread meanwhile", 'ms', found['thread, in_place'], found['thread, reload'],
            'reload', Target('ratio', 1 / 3),
        ),
    ]  # fmt: skip


async def _come_back(samples: Samples, browser: Browser, folder: Path, way: str) -> None:
    async with (
        Server('returning.py', folder, store=folder / f'store-{way}', nicegui_stash_rejoin=way) as server,
        Visitor(browser) as visitor,
    ):
        tab = await visitor.tab()
        await tab.page.goto(server.url)
        await tab.until(IS_BACK, '')
        await tab.page.get_by_test_id('draft').fill('a draft')
        await tab.page.wait_for_function('window.__niceguiStash.typed.pending === 0', polling=50)
        client = await tab.client()
        await browser.start_tracing(page=tab.page, categories=['toplevel'])
        await server.kill()
        await tab.disconnected()
        await server.start()
        answered = time.perf_counter()
        await _is_back(tab, client)
        samples.add(f'wait, {way}', (time.perf_counter() - answered) * 1000)
        samples.add(f'thread, {way}', _spent(json.loads(await browser.stop_tracing())['traceEvents']))


async def _is_back(tab: Tab, client: str) -> None:
    await tab.page.wait_for_function(IS_BACK, arg=client, polling=20)


def _spent(events: list[dict[str, Any]]) -> float:
    """Return the milliseconds of CPU time of the busiest page's thread."""
    threads = {(each['pid'], each['tid']) for each in events if _name_of_thread(each) == 'CrRendererMain'}
    spent = dict.fromkeys(threads, 0.0)
    for each in events:
        if each['name'] == TASK and (thread := (each['pid'], each['tid'])) in spent:
            spent[thread] += each.get('tdur', 0) / 1000
    return max(spent.values())


def _name_of_thread(event: dict[str, Any]) -> str:
    return event['args'].get('name', '') if event['name'] == 'thread_name' else ''
