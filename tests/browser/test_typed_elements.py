"""Every element that is bound two-way: what is entered into it while the server is away comes back, and is accepted."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from .server import Server
from .tab import Tab
from .told import Visitors, dead
from .typist import visit

Enter = Callable[[Page, Locator], Awaitable[None]]


def fill(text: str) -> Enter:
    async def enter(_: Page, element: Locator) -> None:
        inner = element.locator('input, textarea').first
        await (inner if await inner.count() else element).fill(text)

    return enter


def click(selector: str, nth: int = 0) -> Enter:
    async def enter(_: Page, element: Locator) -> None:
        await element.locator(selector).nth(nth).click()

    return enter


def choose(option: str) -> Enter:
    async def enter(page: Page, element: Locator) -> None:
        await element.click()
        await page.locator('.q-menu .q-item', has_text=option).click()
        await page.keyboard.press('Escape')
        await expect(page.locator('.q-menu')).to_have_count(0)
        # Quasar gives a select its focus back when its menu has faded away, from whatever has it by then
        await expect(element.locator('.q-select__focus-target')).to_be_focused()

    return enter


def press(selector: str, key: str) -> Enter:
    async def enter(_: Page, element: Locator) -> None:
        await element.locator(selector).first.press(key)

    return enter


def write(selector: str, text: str) -> Enter:
    async def enter(page: Page, element: Locator) -> None:
        await element.locator(selector).click()
        await page.keyboard.press('Control+Home')
        await page.keyboard.type(text)

    return enter


async def itself(page: Page, element: Locator) -> None:
    del page
    await element.click()


ELEMENTS: dict[str, tuple[Enter, object]] = {
    'input': (fill('a line'), 'a line'),
    'textarea': (fill('two\nlines'), 'two\nlines'),
    'number': (fill('12.5'), 12.5),
    'select': (choose('cat'), 'cat'),
    'several': (choose('dog'), ['ant', 'dog']),
    'checkbox': (itself, True),
    'switch': (itself, True),
    'slider': (press('[tabindex="0"]', 'ArrowRight'), 11.0),
    'range': (press('[tabindex="0"]', 'ArrowRight'), {'min': 21.0, 'max': 80.0}),
    'toggle': (click('button', 1), 'bee'),
    'radio': (click('.q-radio', 2), 'cat'),
    'date': (click('.q-date__calendar-item button', 19), '2031-07-20'),
    'time': (click('.q-time__clock-position', 9), '09:30'),
    'color_input': (fill('#123456'), '#123456'),
    'rating': (click('.q-rating__icon-container', 3), 4.0),
    'editor': (write('[contenteditable=true]', 'words'), 'words'),
    'codemirror': (write('.cm-content', 'zero '), 'zero one\ntwo\n'),
}


ENTERED = 'count => window.__niceguiStash.typed.pending === count'


@pytest_asyncio.fixture(scope='module', loop_scope='session')
async def returned(visitors: Visitors, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Tab]:
    """Enter something into each element while the server is dead, and return the page that came back."""
    async with (
        Server('typed.py', tmp_path_factory.mktemp('elements')) as server,
        visitors() as visitor,
    ):
        tab = await visit(visitor, f'{server.url}/elements')
        await tab.until(ENTERED, 0)
        async with dead(server, tab):
            for count, (name, (enter, _)) in enumerate(ELEMENTS.items(), start=1):
                await enter(tab.page, tab.page.locator(f'.at-{name}').first)
                await tab.until(ENTERED, count)
        yield tab


@pytest.mark.parametrize('name', ELEMENTS)
async def test_what_was_entered_is_accepted_by_the_next_server(returned: Tab, name: str):
    await expect(returned.page.get_by_test_id(name)).to_have_text(json.dumps(ELEMENTS[name][1]))
