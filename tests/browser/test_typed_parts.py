"""What is entered into parts of a field while the server is away is carried over, and judged like a field."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Locator, expect

from .proxy import Proxy
from .server import Server, eventually
from .tab import Tab, Visitor
from .told import dead, restart
from .typist import visit

DURABLE = 'window.__niceguiStash.typed.pending === 0'


@pytest_asyncio.fixture(scope='class', loop_scope='session')
async def server(folder: Path) -> AsyncIterator[Server]:
    async with Server('parts.py', folder, reconnect_timeout=0.5) as server:
        yield server


def at(tab: Tab, label: str) -> Locator:
    return tab.page.get_by_label(label, exact=True)


async def holds(tab: Tab, field: str, value: Any) -> None:
    await expect(tab.page.get_by_test_id(field)).to_have_text(json.dumps(value))


def parts(bolt: int, nut: int) -> list[dict[str, Any]]:
    return [{'id': 1, 'name': 'bolt', 'qty': bolt}, {'id': 2, 'name': 'nut', 'qty': nut}]


def todos(**notes: str) -> list[dict[str, str]]:
    return [{'text': text, 'note': note} for text, note in notes.items()]


async def is_stored(server: Server, text: str) -> bool:
    return any(text in path.read_text() for path in server.objects())


async def enter_all(tab: Tab) -> None:
    for label, text in {'name': 'Ann', 'mail': 'a@b', 'bolt': '5', 'nut': '7', 'cook': 'rice'}.items():
        await at(tab, label).fill(text)
    for label, text in {'guest': 'Bob', 'city': 'Ulm'}.items():
        await at(tab, label).fill(text)
    for label in ('ant', 'like'):
        await tab.page.locator('.q-chip', has_text=label).click()


async def holds_all(tab: Tab) -> None:
    await holds(tab, 'form', {'name': 'Ann', 'mail': 'a@b'})
    await holds(tab, 'rows', parts(5, 7))
    await holds(tab, 'todos', todos(wash='', cook='rice'))
    await holds(tab, 'guest', {'name': 'Bob', 'city': 'Ulm'})
    await holds(tab, 'chosen', {'ant': True})
    await holds(tab, 'liked', True)


class TestAway:
    async def test_lines_that_end_as_on_windows_keep_their_characters(self, visitor: Visitor, server: Server):
        tab = await visit(visitor, f'{server.url}/lines')
        code = tab.page.locator('.at-code .cm-content')
        await code.press('Control+End')
        await code.press('!')
        await holds(tab, 'code', 'one\ntwo\nthree!')
        await tab.until(DURABLE)
        async with dead(server, tab):
            await code.press('?')
        await holds(tab, 'code', 'one\ntwo\nthree!?')

    async def test_what_is_entered_while_the_server_is_away_is_stored(self, visitor: Visitor, server: Server):
        tab = await visit(visitor, server.url)
        async with dead(server, tab):
            await enter_all(tab)
        await holds_all(tab)
        await expect(at(tab, 'bolt')).to_have_value('5')
        await expect(at(tab, 'mail')).to_have_value('a@b')
        await tab.until(DURABLE)
        await tab.reload()
        await holds(tab, 'rows', parts(5, 7))
        await holds(tab, 'guest', {'name': 'Bob', 'city': 'Ulm'})

    async def test_a_part_that_does_not_fit_is_marked_again_each_time(self, visitor: Visitor, server: Server):
        tab = await visit(visitor, server.url)
        async with dead(server, tab):
            await at(tab, 'bolt').fill('2.5')
            await at(tab, 'name').fill('Bo')
        for _ in range(2):
            await expect(tab.page.get_by_text('Please enter a whole number.', exact=True)).to_be_visible()
            await expect(at(tab, 'bolt')).to_have_value('2.5')
            await expect(tab.page.locator('.nicegui-stash-indicator')).to_have_attribute('data-state', 'refused')
            await holds(tab, 'rows', parts(3, 3))
            await holds(tab, 'form', {'name': 'Bo', 'mail': ''})
            await tab.until('window.__niceguiStash.typed.pending === 1')
            await restart(server, tab, kill=True)
        await at(tab, 'bolt').fill('4')
        await holds(tab, 'rows', parts(4, 3))
        await tab.until(DURABLE)

    async def test_a_newer_value_in_another_tab_wins(self, visitor: Visitor, server: Server):
        async with Proxy(server.port) as proxy:
            tab, other = await visit(visitor, proxy.url), await visit(visitor, server.url)
            client = await tab.client()
            proxy.drop_sockets()
            await tab.disconnected()
            await at(tab, 'bolt').fill('11')
            await at(tab, 'nut').fill('12')
            await at(other, 'bolt').fill('21')
            await holds(other, 'rows', parts(21, 3))
            await server.forgot(client)
            proxy.restore()
            await tab.connected(after=client)
            await holds(tab, 'rows', parts(21, 12))
            await holds(other, 'rows', parts(21, 12))
            await holds(tab, 'rejected', [['rows', '$[0].qty', 11.0]])
            await expect(at(tab, 'bolt')).to_have_value('21')

    async def test_what_was_entered_into_a_row_that_went_away_reaches_no_other_row(
        self, visitor: Visitor, server: Server
    ):
        async with Proxy(server.port) as proxy:
            tab, other = await visit(visitor, proxy.url), await visit(visitor, server.url)
            client = await tab.client()
            proxy.drop_sockets()
            await tab.disconnected()
            await at(tab, 'bolt').fill('11')
            await at(tab, 'nut').fill('12')
            await at(tab, 'wash').fill('hot')
            await other.page.get_by_role('button', name='Drop a row').click()
            await holds(other, 'todos', todos(cook=''))
            await server.forgot(client)
            proxy.restore()
            await tab.connected(after=client)
            await holds(tab, 'rows', parts(0, 12)[1:])
            rejected = [['rows', '$[...]', '11'], ['todos', '$[...]', 'hot']]
            await expect(tab.page.get_by_test_id('rejected')).to_have_text(json.dumps(rejected))
            await holds(tab, 'todos', todos(cook=''))


@pytest.mark.proves('short-drop')
async def test_what_a_short_drop_swallows_arrives(visitor: Visitor, folder: Path):
    async with Server('parts.py', folder, reconnect_timeout=120) as server, Proxy(server.port) as proxy:
        tab = await visit(visitor, proxy.url)
        client = await tab.client()
        proxy.hold()
        await enter_all(tab)
        proxy.drop_sockets()
        await tab.disconnected()
        proxy.restore()
        await holds_all(tab)
        assert await tab.client() == client, 'the same page'
        await tab.until(DURABLE)


@pytest.mark.proves('kill')
async def test_what_was_accepted_and_not_stored_when_the_server_was_killed_is_back(visitor: Visitor, folder: Path):
    async with Server('parts.py', folder, reconnect_timeout=0.5, nicegui_stash_flush_interval=60) as server:
        tab = await visit(visitor, server.url)
        await at(tab, 'name').fill('A')  # the first put goes out at once
        await eventually(lambda: is_stored(server, '"A"'), 'the first put')
        await enter_all(tab)
        await holds_all(tab)
        assert 'Ulm' not in ''.join(path.read_text() for path in server.objects()), 'not durable yet'
        await restart(server, tab, kill=True)
        await holds_all(tab)
