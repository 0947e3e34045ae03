"""One browser for the whole run; servers and visitors are each test's own, and are shown where a test fails.

A test runs on a way of 200 ms as well (`proxy.LATENCIES`) only if it claims something of what crosses on its way.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from .server import Server
from .tab import PATIENCE_MS, Visitor

CHROMIUM = shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which('google-chrome')
WITHOUT_WINDOWS = shutil.which('chromium-headless-shell') or CHROMIUM
"""The same engine without windows, extensions, and what a browser does by itself: a page costs a third of the CPU."""
ARGUMENTS = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--no-first-run',
]
HERE = Path(__file__).parent

expect.set_options(timeout=PATIENCE_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            # the browser lives on one event loop, so every test of this folder runs on it
            item.add_marker(pytest.mark.asyncio(loop_scope='session'), append=False)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    outcome: Any = yield
    report = outcome.get_result()
    if report.failed:
        for server in Server.running:
            report.sections.append((f'output of {server.app.name}', server.output()[-8000:]))
        for visitor in Visitor.live:
            report.sections.append(('browser console', visitor.console()[-8000:]))


@pytest_asyncio.fixture(scope='session', loop_scope='session')
async def chromium() -> AsyncIterator[Browser]:
    if WITHOUT_WINDOWS is None:
        pytest.skip('no Chromium on this machine')
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=WITHOUT_WINDOWS, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture(scope='class')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty folder for the servers of one class, or of one test outside a class."""
    return tmp_path_factory.mktemp('server')


@pytest_asyncio.fixture(scope='session', loop_scope='session')
async def form(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """Serve the form to all tests that need no server of their own."""
    async with Server('form.py', tmp_path_factory.mktemp('form')) as server:
        yield server


@pytest_asyncio.fixture(scope='session', loop_scope='session')
async def views(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """Serve the page with two views to all tests that need no server of their own."""
    async with Server('views.py', tmp_path_factory.mktemp('views')) as server:
        yield server


@pytest.fixture(scope='session')
def visitors(chromium: Browser) -> Callable[[], Visitor]:
    """Return what makes a browser for `async with`."""
    return lambda: Visitor(chromium)


@pytest_asyncio.fixture(loop_scope='session')
async def visitor(visitors: Callable[[], Visitor]) -> AsyncIterator[Visitor]:
    async with visitors() as visitor:
        yield visitor


@pytest_asyncio.fixture(loop_scope='session')
async def whole_visitor(chromium: Browser) -> AsyncIterator[Visitor]:
    """Return one in a whole browser, which loads the page of an error again by itself."""
    async with (
        await chromium.browser_type.launch(executable_path=CHROMIUM, args=ARGUMENTS) as whole,
        Visitor(whole) as visitor,
    ):
        yield visitor
