"""The inspector in a real browser, of a process with ten thousand sessions."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import expect

from .server import Server
from .tab import Tab, Visitor

SESSIONS = 10_000


@pytest_asyncio.fixture(scope='module', loop_scope='session')
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with Server('inspected.py', tmp_path_factory.mktemp('inspected')) as server:
        await tell(server, f'sessions/{SESSIONS}')
        yield server


async def tell(server: Server, what: str) -> None:
    async with httpx.AsyncClient(timeout=120) as client:
        (await client.post(f'{server.url}/{what}')).raise_for_status()


async def open_inspector(visitor: Visitor, server: Server) -> Tab:
    await visitor.context.add_cookies([{'name': 'role', 'value': 'operator', 'url': server.url}])
    return await visitor.open(f'{server.url}/_stash')


def part(tab: Tab, title: str):
    return tab.page.locator('.stash-part', has=tab.page.get_by_role('heading', name=title, exact=True))


async def test_it_shows_ten_thousand_sessions_and_measures_a_share_of_the_store(visitor: Visitor, server: Server):
    tab = await open_inspector(visitor, server)
    await expect(tab.page.locator('.stash-count').first).to_contain_text('10,000')
    await expect(part(tab, 'Largest sessions in memory').locator('tbody tr')).to_have_count(10)
    await tab.page.get_by_role('button', name='Measure the store').click()
    await expect(tab.page.get_by_text('are of 500 of them')).to_be_visible()


async def test_a_change_of_a_visitor_is_shown_and_no_value(
    visitors: Callable[[], Visitor], visitor: Visitor, server: Server
):
    async with visitors() as somebody:
        page = await somebody.open(server.url)
        await page.page.get_by_label('note').fill('x' * 40_000)  # the largest session
        await page.page.get_by_label('draft').fill('half a thought')
        tab = await visitor.tab()
        tab.listen()
        await visitor.context.add_cookies([{'name': 'role', 'value': 'operator', 'url': server.url}])
        await tab.goto(f'{server.url}/_stash')
        largest = part(tab, 'Largest sessions in memory').get_by_role('row', name=re.compile(r'40\.\d KB'))
        await largest.get_by_role('button', name='Open').click()
        document = part(tab, 'One session')
        await expect(document.get_by_role('row', name=re.compile('visit 1.*draft.*text, 16 B'))).to_be_visible()
        await page.page.get_by_label('note').fill('y' * 41_000)
        change = document.get_by_role('row', name=re.compile(r'note.*text, 40\.0 KB.*text, 41\.0 KB'))
        await expect(change).to_be_visible()
        heard = await tab.heard()
        assert 'Cart' in heard
        for secret in ('half a thought', 'yyyy', 'xxxx', await page.client()):
            assert secret not in heard


async def test_nobody_else_sees_it_and_who_may_no_longer_loses_it(
    visitors: Callable[[], Visitor], visitor: Visitor, server: Server
):
    tab = await open_inspector(visitor, server)
    await expect(tab.page.get_by_role('heading', name='Latency of the store')).to_be_visible()
    async with visitors() as somebody:
        answer = await (await somebody.tab()).page.goto(f'{server.url}/_stash', wait_until='commit')
        assert answer is not None
        assert answer.status == 404
        assert 'inspector' not in await answer.text()
    await tell(server, 'away/3')
    pending = part(tab, 'Not in the store yet').get_by_role('row', name=re.compile('offline'))
    await expect(pending).to_have_count(3)
    await tell(server, 'revoke')
    await expect(tab.page.get_by_text("This page doesn't exist.")).to_be_visible()
    assert 'Latency' not in await tab.page.content()
