"""A tab that the browser threw out of memory: only an extension can ask for it, so this browser has one."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Browser, Page

from .server import Server, eventually
from .tab import Visitor
from .test_duplicate_from_the_menu import with_extension
from .told import fill


async def test_a_discarded_tab_continues_its_visit(chromium: Browser, form: Server, folder: Path):
    context = await with_extension(chromium, folder)
    async with Visitor(chromium, context) as visitor:
        tab = visitor.adopt(context.pages[0])
        await tab.goto(f'{form.url}/')
        typed, _ = await fill(tab, flush=True)
        workers = context.service_workers or [await context.wait_for_event('serviceworker')]
        discarded = await workers[0].evaluate('url => self.discard(url)', f'{form.url}/')
        await workers[0].evaluate('id => self.show(id)', discarded)

        async def shown_again() -> Page | None:
            pages = [page for page in context.pages if page != tab.page and page.url.startswith(form.url)]
            return pages[-1] if pages else None

        again = visitor.adopt(await eventually(shown_again, 'the tab is loaded again'))
        await again.connected()
        assert await again.page.evaluate('document.wasDiscarded')
        shown = await again.look()
        assert shown.fields == typed
        assert shown.reason == 'rejoin'
