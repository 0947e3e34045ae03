"""The demo app in a real Chromium, while its backend is killed and replaced. `ROUNDS` is how often it is killed."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, async_playwright, expect

from tests.reflex.backend import PATIENCE, Backend

ROUNDS = int(os.environ.get('ROUNDS', '3'))
CHROMIUM = next(filter(None, map(shutil.which, ('chromium-headless-shell', 'chromium', 'google-chrome'))), None)
SHOWS = '([id, text]) => document.getElementById(id)?.textContent === text'

pytestmark = [
    pytest.mark.asyncio(loop_scope='module'),
    pytest.mark.skipif(CHROMIUM is None, reason='no Chromium on this machine'),
]
expect.set_options(timeout=60_000)


@pytest.fixture(scope='module')
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    backend = Backend(tmp_path_factory.mktemp('built'), has_page=True)
    backend.build()
    yield backend
    backend.kill()


@pytest_asyncio.fixture(loop_scope='module')
async def backend(built: Backend) -> AsyncIterator[Backend]:
    await built.start()
    yield built
    built.kill()


@pytest_asyncio.fixture(scope='module', loop_scope='module')
async def context() -> AsyncIterator[BrowserContext]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=['--no-sandbox', '--disable-gpu'])
        context = await browser.new_context()
        context.set_default_timeout(PATIENCE * 1000)
        yield context
        await browser.close()


@pytest_asyncio.fixture(loop_scope='module')
async def page(context: BrowserContext, backend: Backend) -> AsyncIterator[Page]:
    page = await opened(context, backend)
    yield page
    await page.close()


async def opened(context: BrowserContext, backend: Backend) -> Page:
    """Open a tab, and wait until it shows what the backend has."""
    page = await context.new_page()
    await page.goto(backend.url)
    await page.locator('#connected').wait_for()
    return page


async def shows(page: Page, element: str, text: str) -> None:
    """Wait until an element shows this text. It is looked at in each frame, so that a kill follows at once."""
    await page.wait_for_function(SHOWS, arg=[element, text])


async def count(page: Page, number: int) -> None:
    """Click, and wait until the page shows this number."""
    await page.click('#add')
    await shows(page, 'count', str(number))


async def entries(page: Page) -> list[str]:
    return await page.locator('.entry').all_inner_texts()


@pytest.mark.timeout(600 + 30 * ROUNDS)
async def test_what_an_answer_shows_survives_a_kill_right_after_it(page: Page, backend: Backend) -> None:
    counted, written = 0, []
    await page.fill('[name=author]', 'Ada')
    for turn in range(ROUNDS):
        text = f'entry {turn}'
        if turn % 3 == 0:  # a counter, on a page that stays
            counted += 1
            await count(page, counted)
        elif turn % 3 == 1:  # a text that is typed, on a page that is opened again
            await page.fill('[name=draft]', text)
            await shows(page, 'letters', f'Letters: {len(text)}')
        else:  # a form
            written.append(f'Ada: {await page.input_value("[name=draft]")}')
            await page.click('#write')
            await shows(page, 'written', f'Written: {len(written)}')
        backend.kill()
        await backend.start()
        if turn % 3:
            await page.reload()
        counted += 1
        await count(page, counted)
        assert await page.input_value('[name=draft]') == (text if turn % 3 == 1 else '')
        assert await entries(page) == written


async def test_each_tab_has_its_own_state_and_a_duplicate_begins_with_a_copy(
    page: Page, context: BrowserContext, backend: Backend
) -> None:
    other = await opened(context, backend)
    await count(page, 1)
    await count(page, 2)
    await count(other, 1)
    async with context.expect_page() as duplicated:  # the browser copies the token
        await page.evaluate('() => { window.open(location.href) }')
    copy = await duplicated.value
    await shows(copy, 'count', '2')
    await count(copy, 3)
    await page.fill('[name=author]', 'Grace')  # what the browser keeps
    await count(page, 3)
    await count(page, 4)
    backend.kill()
    await backend.start()
    for tab, number in ((page, 5), (other, 2), (copy, 4)):
        await tab.reload()
        await count(tab, number)
        await expect(tab.locator('[name=author]')).to_have_value('Grace')
    await other.close()
    await copy.close()


async def test_an_open_page_shows_an_added_field_and_keeps_the_others(page: Page, backend: Backend) -> None:
    await count(page, 1)
    await page.fill('[name=draft]', 'a draft')
    await shows(page, 'letters', 'Letters: 7')
    backend.stop()
    backend.edit('guestbook/guestbook.py', "    draft: str = ''\n", "    draft: str = ''\n    stars: int = 5\n")
    backend.edit(
        'guestbook/guestbook.py', "rx.text('Written: '", "rx.text(Guestbook.stars, id='stars'), rx.text('Written: '"
    )
    backend.build()
    await backend.start()
    await shows(page, 'stars', '5')  # Reflex has loaded the new page by itself
    await count(page, 2)
    assert await page.input_value('[name=draft]') == 'a draft'
