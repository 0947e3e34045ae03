"""Two people, one after the other, on one real browser: what the second sees, and what the old cookie opens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from .server import Server
from .tab import Visitor

pytestmark = pytest.mark.proves('next-person')


async def session_cookie(visitor: Visitor) -> str:
    (cookie,) = [cookie for cookie in await visitor.context.cookies() if cookie['name'] == 'session']
    return cookie['value']


async def write(page: Page, text: str) -> None:
    await page.get_by_test_id('note').fill(text)
    await expect(page.get_by_test_id('shown')).to_have_text(text)


async def test_the_second_person_sees_nothing_of_the_first_in_any_tab_and_the_old_cookie_opens_nothing(
    visitors: Callable[[], Visitor], visitor: Visitor, folder: Path
):
    async with Server('account.py', folder) as server, visitors() as thief:
        tab, other = await visitor.open(server.url), await visitor.open(server.url)
        await write(tab.page, 'before the sign-in')
        planted = await session_cookie(visitor)

        here, there = await tab.client(), await other.client()
        await tab.page.get_by_test_id('sign-in').click()
        await tab.connected(after=here)
        await other.connected(after=there)  # it was reloaded, and has the new cookie, too
        await expect(tab.page.get_by_test_id('note')).to_have_value('before the sign-in')
        await write(tab.page, 'of the first person')
        await expect(other.page.get_by_test_id('shown')).to_have_text('of the first person')
        first = await session_cookie(visitor)
        assert first != planted

        here, there = await tab.client(), await other.client()
        await tab.page.get_by_test_id('sign-out').click()
        await tab.connected(after=here)
        await other.connected(after=there)
        for each in (tab, other):
            await expect(each.page.get_by_test_id('note')).to_have_value('')
        assert all('of the first person' not in path.read_text() for path in server.objects())
        await write(other.page, 'of the second person')
        await expect(tab.page.get_by_test_id('shown')).to_have_text('of the second person')

        for old in (planted, first):
            await thief.context.add_cookies([{'name': 'session', 'value': old, 'url': server.url}])
            stolen = await thief.open(server.url)
            await expect(stolen.page.get_by_test_id('note')).to_have_value('')

        await tab.page.go_back()  # within the history of the first person
        await expect(tab.page.get_by_test_id('note')).not_to_have_value('of the first person')
