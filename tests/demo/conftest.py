"""The browser of the browser tests, and one demo in memory for all tests that need no store of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.browser.conftest import chromium, folder, pytest_runtest_makereport, visitors
from tests.browser.tab import Visitor

from .demo import Demo

__all__ = ['chromium', 'folder', 'pytest_runtest_makereport', 'visitors']  # found here by pytest
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.asyncio(loop_scope='session'), append=False)


@pytest_asyncio.fixture(scope='session', loop_scope='session')
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demo]:
    """Serve the demo in memory; no test may leave a traceback in its log."""
    async with Demo(tmp_path_factory.mktemp('demo'), 'memory://') as demo:
        yield demo


@pytest_asyncio.fixture(loop_scope='session')
async def visitor(visitors: Callable[[], Visitor]) -> AsyncIterator[Visitor]:
    async with visitors() as visitor:
        visitor.context.set_default_timeout(150_000)  # a process that imports all takes long on a busy machine
        yield visitor


@pytest_asyncio.fixture(loop_scope='session')
async def phone(chromium: Browser) -> AsyncIterator[Visitor]:
    context = await chromium.new_context(viewport={'width': 390, 'height': 844}, has_touch=True, is_mobile=True)
    async with Visitor(chromium, context) as visitor:
        yield visitor
