"""Several entries, one after another, into one element that has them all: chips, and a select of several."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Locator, expect

from .proxy import Proxy
from .server import Server
from .tab import Tab, Visitor
from .told import dead
from .typist import visit

pytestmark = pytest.mark.proves('typed')
DURABLE = 'window.__niceguiStash.typed.pending === 0'


@pytest_asyncio.fixture(loop_scope='session', params=['reload', 'in_place'])
async def server(folder: Path, request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    async with Server('typed.py', folder, nicegui_stash_rejoin=request.param) as server:
        yield server


async def add(tab: Tab, name: str, *texts: str) -> None:
    """Enter chips, each when the one before is shown."""
    for text in texts:
        await enter(tab, name, text)
        await expect(chip(tab, name, text)).to_be_visible()


async def enter(tab: Tab, name: str, text: str) -> None:
    """Enter a chip, and return when it has left the input."""
    entry = tab.page.locator(f'.at-{name} input')
    await entry.fill(text)
    await entry.press('Enter')
    await expect(entry).to_have_value('')


def chip(tab: Tab, name: str, text: str) -> Locator:
    return tab.page.locator(f'.at-{name} .q-chip').filter(has_text=text)


async def remove(tab: Tab, name: str, text: str) -> None:
    await chip(tab, name, text).locator('.q-chip__icon--remove').click()
    await expect(chip(tab, name, text)).to_have_count(0)


async def choose(tab: Tab, name: str, *options: str) -> None:
    """Click options of a select, each when the one before is chosen, or no longer."""
    select = tab.page.locator(f'.at-{name}').filter(has=tab.page.locator('.q-select__dropdown-icon'))
    await select.locator('.q-select__dropdown-icon').click()
    for option in options:
        item = tab.page.locator('.q-menu .q-item', has_text=option)
        was_chosen = await item.get_attribute('aria-selected')
        await item.click()
        await expect(item).to_have_attribute('aria-selected', 'false' if was_chosen == 'true' else 'true')
    await tab.page.keyboard.press('Escape')
    await expect(tab.page.locator('.q-menu')).to_have_count(0)
    # Quasar gives a select its focus back when its menu has faded away, from whatever has it by then
    await expect(select.locator('.q-select__focus-target')).to_be_focused()


async def holds(tab: Tab, **values: object) -> None:
    """Return when the server has these values, and has rejected none."""
    for name, value in values.items():
        await expect(tab.page.get_by_test_id(name)).to_have_text(json.dumps(value))
    await expect(tab.page.get_by_test_id('rejected')).to_have_text('[]')


async def test_all_chips_that_are_entered_while_the_server_is_away_come_back_in_order(visitor: Visitor, server: Server):
    tab = await visit(visitor, f'{server.url}/several')
    await add(tab, 'chips', 'zoo')
    await holds(tab, chips=['zoo'])
    async with dead(server, tab):
        await add(tab, 'chips', 'one', 'two', 'three')
        await remove(tab, 'chips', 'two')
        await add(tab, 'chips', 'four')
    await holds(tab, chips=['zoo', 'one', 'three', 'four'])
    async with dead(server, tab):
        await remove(tab, 'chips', 'zoo')
        await remove(tab, 'chips', 'four')
    await holds(tab, chips=['one', 'three'])
    await tab.until(DURABLE)
    await holds(await visit(visitor, f'{server.url}/several'), chips=['one', 'three'])


async def test_all_choices_that_are_made_while_the_server_is_away_come_back(visitor: Visitor, server: Server):
    tab = await visit(visitor, f'{server.url}/several')
    async with dead(server, tab):
        await choose(tab, 'many', 'dog', 'bee', 'ant', 'bee')
        await tab.page.locator('.at-box').click()
        await expect(tab.page.locator('.at-box')).to_have_attribute('aria-checked', 'true')
        await tab.page.locator('.at-box').click()
    await holds(tab, many=['dog', 'ant'], box=False)


async def test_what_is_added_to_a_set_while_the_server_is_away_comes_back(visitor: Visitor, server: Server):
    tab = await visit(visitor, f'{server.url}/several')
    await choose(tab, 'some', 'dog', 'ant', 'ant')  # in another order than the next server shows them
    await holds(tab, some=['ant', 'cat', 'dog'])
    await tab.until(DURABLE)
    async with dead(server, tab):
        await choose(tab, 'some', 'cat', 'bee')
        await add(tab, 'tags', 'rice', 'salt')
        await remove(tab, 'tags', 'tea')
    await holds(tab, some=['ant', 'bee', 'dog'], tags=['milk', 'rice', 'salt'])
    await tab.until(DURABLE)
    await holds(await visit(visitor, f'{server.url}/several'), some=['ant', 'bee', 'dog'])


async def test_chips_that_are_entered_faster_than_the_server_answers_are_all_kept(visitor: Visitor, folder: Path):
    async with Server('typed.py', folder, reconnect_timeout=120) as server, Proxy(server.port) as proxy:
        tab = await visit(visitor, f'{proxy.url}/several')
        await add(tab, 'chips', 'zoo')
        await holds(tab, chips=['zoo'])
        proxy.hold()
        for text in ('one', 'two', 'three'):
            await enter(tab, 'chips', text)
        await remove_shown(tab, 'zoo')
        proxy.restore()
        await holds(tab, chips=['one', 'two', 'three'])
        await tab.until(DURABLE)


async def remove_shown(tab: Tab, text: str) -> None:
    """Remove a chip that stays shown until the server has answered."""
    await chip(tab, 'chips', text).locator('.q-chip__icon--remove').click()


async def test_chips_of_which_a_short_drop_swallows_some_are_all_kept(visitor: Visitor, folder: Path):
    async with Server('typed.py', folder, reconnect_timeout=120) as server, Proxy(server.port) as proxy:
        tab = await visit(visitor, f'{proxy.url}/several')
        client = await tab.client()
        proxy.hold()
        await enter(tab, 'chips', 'one')
        await enter(tab, 'chips', 'two')
        proxy.drop_sockets()
        await tab.disconnected()
        await enter(tab, 'chips', 'three')
        await enter(tab, 'chips', 'four')
        proxy.restore()
        await holds(tab, chips=['one', 'two', 'three', 'four'])
        assert await tab.client() == client, 'the same page'
        await tab.until(DURABLE)
