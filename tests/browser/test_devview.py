"""The developer's panel in a real browser: what it says, and each of the accidents that its buttons cause."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Locator, expect

from tests.servers.process import PATIENCE

from .proxy import Proxy
from .server import Server
from .tab import Tab, Visitor

APP = 'developed.py'


@pytest_asyncio.fixture(loop_scope='session')
async def server(folder: Path) -> AsyncIterator[Server]:
    async with Server(APP, folder, nicegui_stash_dev='1') as server:
        yield server


def panel(tab: Tab) -> Locator:
    return tab.page.locator('.nicegui-stash-dev')


def field(tab: Tab, name: str) -> Locator:
    return panel(tab).locator(f'[data-field={name}]')


def button(tab: Tab, name: str) -> Locator:
    return panel(tab).get_by_role('button', name=name, exact=True)


async def open_panel(visitor: Visitor, server: Server | Proxy) -> Tab:
    tab = await visitor.open(server.url)
    await panel(tab).get_by_role('button', name='stash').click()
    await expect(field(tab, 'name')).to_be_visible()
    return tab


async def typed(tab: Tab, **values: str) -> None:
    """Type, and return when the values are in the store."""
    await tab.type(**values)
    for name in values:
        await expect(field(tab, name)).to_have_attribute('data-state', 'stored')


async def shows(tab: Tab, **values: str) -> None:
    """Return when another client of the same visit shows these values, and the panel beside them."""
    for name, value in values.items():
        await expect(tab.page.get_by_test_id(name)).to_have_text(value)
        await expect(field(tab, name)).to_contain_text(f'"{value}"')


async def test_it_shows_the_fields_of_the_page_and_follows_what_is_typed(visitor: Visitor, server: Server):
    tab = await open_panel(visitor, server)
    await expect(panel(tab)).to_contain_text('Note version 1')
    await expect(field(tab, 'name')).to_have_attribute('data-state', 'default')
    await expect(field(tab, 'name')).to_contain_text('session')
    await expect(field(tab, 'draft')).to_contain_text('reconnect')
    await typed(tab, name='Ann')
    await expect(field(tab, 'name')).to_contain_text('"Ann"')
    await expect(field(tab, 'name')).to_contain_text('5 B')
    await expect(field(tab, 'name')).to_contain_text('ago')
    await expect(field(tab, 'draft')).to_have_attribute('data-state', 'default')


async def test_an_attribute_that_a_handler_assigns_is_named_with_the_line_to_write(visitor: Visitor, server: Server):
    tab = await open_panel(visitor, server)
    lost = panel(tab).locator('[data-lost=clicks]')
    await expect(lost).to_have_count(0)
    await tab.page.get_by_test_id('click').click()
    await expect(lost).to_contain_text('Note.clicks')
    await expect(lost).to_contain_text('clicks: int = stored(0)')


async def test_a_dropped_page_comes_back_and_the_panel_is_still_open(visitor: Visitor, server: Server):
    async with Proxy(server.port) as proxy:
        tab = await open_panel(visitor, proxy)
        await typed(tab, name='Ann', draft='half a thought')
        before = await tab.client()
        await button(tab, 'Drop').click()
        await tab.disconnected()
        proxy.drop_sockets()  # a busy server may take longer to give the page up than the panel waits
        await server.forgot(before)
        proxy.restore()
        await tab.connected(after=before)
        await shows(tab, name='Ann', draft='half a thought')


async def test_while_the_store_is_away_the_page_goes_on_and_is_saved_when_it_is_back(visitor: Visitor, server: Server):
    tab = await open_panel(visitor, server)
    indicator = tab.page.get_by_test_id('indicator')
    await button(tab, 'Store away').click()
    await expect(button(tab, 'Store back')).to_be_visible()
    await tab.type(name='Ann')
    await expect(indicator).to_have_attribute('data-state', 'offline')
    await expect(field(tab, 'name')).to_have_attribute('data-state', 'pending')
    assert server.objects() == []
    await button(tab, 'Store back').click()
    await expect(indicator).to_have_attribute('data-shown', 'saved')
    await expect(indicator).to_contain_text('Saved')
    await expect(field(tab, 'name')).to_have_attribute('data-state', 'stored')
    assert len(server.objects()) == 1


async def test_a_killed_server_loses_nothing_that_the_panel_said_was_stored(visitor: Visitor, server: Server):
    tab = await open_panel(visitor, server)
    await typed(tab, name='Ann', draft='half a thought')
    before = await tab.client()
    await button(tab, 'Kill').click()
    await expect(panel(tab)).to_contain_text('SIGKILL')
    await button(tab, 'Kill it').click()
    assert server._process is not None
    assert await asyncio.to_thread(server._process.wait, PATIENCE) == -signal.SIGKILL
    await server.start()
    await tab.connected(after=before)
    await shows(tab, name='Ann', draft='half a thought')


@pytest.mark.parametrize('mount', ['', '/gui'], ids=['alone', 'below FastAPI'])
async def test_after_a_redeploy_the_same_command_runs_in_the_same_process(visitor: Visitor, folder: Path, mount: str):
    # a server that is forked would run the command of the one that forked it
    async with Server(APP, folder, cold=True, mount=mount, nicegui_stash_dev='1') as server:
        tab = await open_panel(visitor, server)
        await typed(tab, name='Ann', draft='half a thought')
        pid, before = await tab.page.get_by_test_id('pid').inner_text(), await tab.client()
        await button(tab, 'Redeploy').click()
        await tab.connected(after=before)
        await shows(tab, name='Ann', draft='half a thought')
        await expect(tab.page.get_by_test_id('pid')).to_have_text(pid)
        assert server.output().count('dev=True') == 2


async def test_a_return_in_place_keeps_the_document_and_makes_the_panel_anew(visitor: Visitor, folder: Path):
    async with Server(APP, folder, nicegui_stash_dev='1', nicegui_stash_rejoin='in_place') as server:
        tab = await open_panel(visitor, server)
        await typed(tab, name='Ann', draft='half a thought')
        await tab.page.get_by_test_id('click').click()
        await expect(panel(tab).locator('[data-lost=clicks]')).to_be_visible()
        before = await tab.client()
        await tab.page.evaluate(
            "() => Object.assign(window, {input: document.querySelector('[data-testid=name-input]')})"
        )
        await server.kill()
        await server.start()
        await tab.connected(after=before)
        await shows(tab, name='Ann', draft='half a thought')
        await expect(panel(tab).locator('[data-lost=clicks]')).to_have_count(0)  # it is lost
        await expect(panel(tab)).to_have_count(1)
        assert await tab.page.evaluate("window.input === document.querySelector('[data-testid=name-input]')")
        await typed(tab, name='Bob')


@pytest.mark.parametrize('dark', ['', '1'], ids=['light', 'dark'])
async def test_on_a_phone_it_fits_beside_the_indicator(visitor: Visitor, folder: Path, dark: str):
    async with Server(APP, folder, nicegui_stash_dev='1', dark=dark) as server:
        tab = await visitor.tab()
        await tab.page.set_viewport_size({'width': 390, 'height': 844})
        await tab.goto(server.url)
        for is_open in (False, True):
            if is_open:
                await panel(tab).get_by_role('button', name='stash').click()
                await expect(field(tab, 'name')).to_be_visible()
            await tab.until(
                """() => {
                const box = (name) => document.querySelector(name)?.getBoundingClientRect();
                const [panel, said] = [box('.nicegui-stash-dev'), box('.nicegui-stash-indicator')];
                if (!panel?.width) return false;
                const isWithin = panel.left >= 0 && panel.right <= innerWidth && panel.bottom <= innerHeight;
                const isApart = panel.right <= said.left || panel.left >= said.right || panel.bottom <= said.top;
                return isWithin && isApart && document.documentElement.scrollWidth <= innerWidth;
            }"""
            )


async def test_it_is_open_in_one_tab_and_not_on_a_page_without_fields(
    visitors: Callable[[], Visitor], visitor: Visitor, server: Server
):
    tab = await open_panel(visitor, server)
    other = await visitor.open(server.url)
    await expect(panel(other)).to_be_visible()
    await expect(field(other, 'name')).to_have_count(0)
    await tab.type(name='Ann')
    await panel(other).get_by_role('button', name='stash').click()
    await expect(field(other, 'name')).to_contain_text('"Ann"')
    plain = await visitor.tab()
    await plain.goto(f'{server.url}/plain')
    await expect(plain.page.get_by_test_id('plain')).to_be_visible()
    await expect(panel(plain)).to_have_count(0)
