"""A tab duplicated by the browser itself: only an extension can ask for it, so this browser has one."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Browser, BrowserContext

from .conftest import ARGUMENTS, CHROMIUM
from .server import Server
from .tab import Visitor
from .told import fill, words

EXTENSION = Path(__file__).parent / 'extension'
LOAD = [f'--load-extension={EXTENSION}', f'--disable-extensions-except={EXTENSION}']


async def with_extension(chromium: Browser, folder: Path) -> BrowserContext:
    """Start a browser that may use what only extensions may."""
    return await chromium.browser_type.launch_persistent_context(
        folder / 'profile',
        executable_path=CHROMIUM,
        args=[*ARGUMENTS, *LOAD],
        ignore_default_args=['--disable-extensions'],
    )


async def test_a_tab_duplicated_from_the_menu_is_told_as_a_duplicate_and_then_independent(
    chromium: Browser, form: Server, folder: Path
):
    context = await with_extension(chromium, folder)
    async with Visitor(chromium, context) as visitor:
        tab = visitor.adopt(context.pages[0])
        await tab.goto(f'{form.url}/')
        typed, _ = await fill(tab)
        workers = context.service_workers or [await context.wait_for_event('serviceworker')]
        async with context.expect_page() as opened:
            await workers[0].evaluate('url => self.duplicate(url)', f'{form.url}/')
        copy = visitor.adopt(await opened.value)
        await copy.connected()
        shown = await copy.look()
        assert shown.fields == typed | {'reconnect': ''}
        assert shown.reason == 'duplicate'
        later = words()
        await copy.type(tab=later['tab'], reconnect=later['reconnect'])
        assert (await tab.look()).fields == typed
