"""Several people in one room, in real browsers and on two servers that share a database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.async_api import expect

from .server import Server
from .tab import Tab, Visitor
from .typist import enter, shows, visit

pytestmark = pytest.mark.proves('present')


async def are_present(expected: int, *tabs: Tab) -> None:
    for tab in tabs:
        await expect(tab.page.get_by_test_id('present')).to_have_text(str(expected), timeout=60_000)


async def test_two_people_on_two_servers_see_each_other_and_lose_nothing_when_one_is_killed(
    visitors: Callable[[], Visitor], folder: Path
):
    store = f'sqlite:///{folder}/stash.db'
    async with (
        Server('board.py', folder, store=store) as server,
        Server('board.py', folder, store=store) as other,
        visitors() as ann,
        visitors() as bob,
    ):
        here, there = await visit(ann, f'{server.url}/board/a'), await visit(bob, f'{other.url}/board/a')
        apart = await visit(bob, f'{other.url}/board/b')
        await are_present(2, here, there)
        await are_present(1, apart)
        await enter(here, title='Garden', mine='of Ann')
        await shows(there, title='Garden', mine='')
        for tab in (here, there, here):
            await tab.page.get_by_test_id('vote').click()
        for tab in (here, there):
            await expect(tab.page.get_by_test_id('votes')).to_have_text('3')
        await server.kill()
        await enter(here, title='Garden, typed while the server was away')
        await there.page.get_by_test_id('vote').click()
        await expect(there.page.get_by_test_id('votes')).to_have_text('4')
        await are_present(1, there)  # a while after the server of the other one was killed
        before = await here.client()
        await server.start()
        await here.connected(after=before)
        await shows(here, title='Garden, typed while the server was away', mine='of Ann')
        await shows(there, title='Garden, typed while the server was away', mine='')
        for tab in (here, there):
            await expect(tab.page.get_by_test_id('votes')).to_have_text('4')
        await shows(apart, title='')
        await are_present(2, here, there)
        answer = await here.page.request.get(f'{server.url}/board/a?stranger')
        assert (answer.status, await answer.text()) == (403, '')
        await here.page.close()
        await are_present(1, there)
