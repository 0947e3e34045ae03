"""A draft comes back although another document was shown before: a page of sign-in, or of maintenance."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from playwright.async_api import expect

from .server import Server
from .tab import Tab, Visitor

WAYS = pytest.mark.parametrize('rejoin', ['reload', 'in_place'])


def served(folder: Path, page: str, rejoin: str) -> Server:
    return Server('signing_in.py', folder, sign_in=page, nicegui_stash_rejoin=rejoin)


async def sign_in(tab: Tab) -> None:
    """Press the button, and return when another document is connected than that of the sign-in, if it is NiceGUI's."""
    button = tab.page.get_by_role('button', name='sign in')
    await button.wait_for()
    before = await tab.client()
    await button.click()
    await tab.connected(after=before)


async def type_draft(server: Server, tab: Tab) -> None:
    """Fill in one input, lose the server, fill in another, and start the server again."""
    get = tab.page.get_by_test_id
    await get('draft').fill('a draft')
    await expect(get('draft-text')).to_have_text('a draft')
    await server.kill()
    await tab.disconnected()
    await get('typed').fill('typed while it was away')
    await server.start()


async def shows_draft(tab: Tab) -> None:
    get = tab.page.get_by_test_id
    await expect(get('reason')).to_have_text('rejoin')
    for name, text in {'draft': 'a draft', 'typed': 'typed while it was away'}.items():
        await expect(get(name)).to_have_value(text)
        await expect(get(f'{name}-text')).to_have_text(text)


@WAYS
@pytest.mark.parametrize('page', ['plain', 'nicegui'])
async def test_a_draft_is_back_after_a_page_of_sign_in(visitor: Visitor, folder: Path, page: str, rejoin: str):
    async with served(folder, page, rejoin) as server:
        tab = await visitor.tab()
        await tab.page.goto(f'{server.url}/form')
        await sign_in(tab)
        await expect(tab.page.get_by_test_id('reason')).to_have_text('visit')
        for _ in range(2):
            await type_draft(server, tab)
            await tab.page.wait_for_url('**/sign-in?to=/form')
            await sign_in(tab)
            await shows_draft(tab)
        await tab.follow('to-form')  # a link is a new visit
        await expect(tab.page.get_by_test_id('reason')).to_have_text('visit')
        await expect(tab.page.get_by_test_id('draft')).to_have_value('')


@WAYS
async def test_a_draft_is_back_after_a_page_of_maintenance_that_leads_to_itself(
    visitor: Visitor, folder: Path, rejoin: str
):
    async with served(folder, 'maintenance', rejoin) as server, httpx.AsyncClient(timeout=60) as client:
        await client.get(f'{server.url}/open')
        await visitor.context.add_cookies([{'name': 'who', 'value': 'ann', 'url': server.url}])
        tab = await visitor.open(f'{server.url}/form')
        await type_draft(server, tab)
        for _ in range(2):
            async with tab.page.expect_navigation():
                await tab.page.wait_for_function('document.title === "soon"')
        await client.get(f'{server.url}/open')
        await tab.connected()
        await shows_draft(tab)


async def test_another_page_in_between_begins_a_new_visit(visitor: Visitor, folder: Path):
    async with served(folder, 'plain', 'reload') as server:
        tab = await visitor.tab()
        await tab.page.goto(f'{server.url}/form')
        await sign_in(tab)
        await type_draft(server, tab)
        await tab.page.wait_for_url('**/sign-in?to=/form')
        await tab.page.goto('about:blank')
        await tab.page.goto(f'{server.url}/form')
        await sign_in(tab)
        await expect(tab.page.get_by_test_id('reason')).to_have_text('visit')
        await expect(tab.page.get_by_test_id('draft')).to_have_value('')
