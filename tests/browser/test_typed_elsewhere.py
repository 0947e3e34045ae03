"""What is typed while the server is away into fields that the client keeps, in its address or its storage."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import expect

from .server import Server
from .tab import Tab, Visitor
from .told import dead
from .typist import enter, rejected, visit

pytestmark = pytest.mark.proves('typed')

ITEMS = 'Object.keys(localStorage).filter(key => key.startsWith("nicegui_stash:"))'


@pytest_asyncio.fixture(scope='module', loop_scope='session', params=['reload', 'in_place'])
async def shelf(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    folder = tmp_path_factory.mktemp('elsewhere')
    async with Server('elsewhere.py', folder, reconnect_timeout=0.5, nicegui_stash_rejoin=request.param) as server:
        yield server


async def shows(tab: Tab, **values: Any) -> None:
    """Return when the inputs show these values, and the server has them too."""
    for name, value in values.items():
        await expect(tab.page.get_by_test_id(f'{name}-input')).to_have_value(str(value))
        has = {'mail': value} if name == 'form' else value
        await expect(tab.page.get_by_test_id(name)).to_have_text(json.dumps(has))


async def has_query(tab: Tab, expected: str) -> None:
    await tab.until('query => location.search === query', expected and f'?{expected}')


async def test_what_is_typed_is_in_the_field_the_address_and_the_browser(visitor: Visitor, shelf: Server):
    tab = await visit(visitor, shelf.url)
    await enter(tab, q='a', note='b')
    await shows(tab, q='a', note='b')
    await has_query(tab, 'q=a')
    async with dead(shelf, tab):
        await enter(tab, q='lamp', note='half a word', form='a@b', page='3')
    await shows(tab, q='lamp', note='half a word', form='a@b', page=3)
    await has_query(tab, 'q=lamp&page=3')
    await tab.until(f'{ITEMS}.length === 2')
    assert await rejected(tab) == []
    other = await visit(visitor, shelf.url)
    await shows(other, q='', note='half a word', form='a@b', page=1)


async def test_what_is_typed_twice_is_back_after_two_crashes(visitor: Visitor, shelf: Server):
    tab = await visit(visitor, shelf.url)
    for word in ('one', 'two'):
        async with dead(shelf, tab):
            await enter(tab, q=word, note=word)
        await shows(tab, q=word, note=word)
        await has_query(tab, f'q={word}')


async def test_back_while_the_server_is_away_wins_over_what_was_typed_before(visitor: Visitor, shelf: Server):
    tab = await visit(visitor, f'{shelf.url}/?q=lamp')
    await tab.page.get_by_test_id('next').click()
    await has_query(tab, 'q=lamp&page=2')
    async with dead(shelf, tab):
        await enter(tab, q='desk', note='kept')
        await tab.page.go_back()
    await shows(tab, q='lamp', page=1, note='kept')
    await has_query(tab, 'q=lamp')
    await expect(tab.page.get_by_test_id('rejected')).to_have_text(json.dumps([['q', 'desk']]))


async def test_what_is_typed_after_back_while_the_server_is_away_is_kept(visitor: Visitor, shelf: Server):
    tab = await visit(visitor, f'{shelf.url}/?q=lamp')
    await enter(tab, q='desk')
    await tab.page.get_by_test_id('next').click()
    await has_query(tab, 'q=desk&page=2')
    await enter(tab, q='chair')
    await has_query(tab, 'q=chair&page=2')
    async with dead(shelf, tab):
        await tab.page.go_back()
        await has_query(tab, 'q=desk')
        await enter(tab, q='table')
    await shows(tab, q='table', page=1)
    await has_query(tab, 'q=table')


async def test_another_address_while_the_server_is_away_wins(visitor: Visitor, shelf: Server):
    tab = await visit(visitor, f'{shelf.url}/?q=lamp')
    async with dead(shelf, tab):
        await enter(tab, q='desk', note='kept')
        await tab.page.evaluate('history.pushState(null, "", "?q=chair")')
    await shows(tab, q='chair', note='kept')
    await has_query(tab, 'q=chair')
    await expect(tab.page.get_by_test_id('rejected')).to_have_text(json.dumps([['q', 'desk']]))


async def test_what_another_tab_has_stored_since_wins_in_the_browser(visitor: Visitor, shelf: Server):
    tab, other = await visit(visitor, shelf.url), await visit(visitor, shelf.url)
    await enter(other, note='theirs')
    await shows(tab, note='theirs')
    key = await (await tab.until(f'{ITEMS}.find(key => key.endsWith("note"))')).json_value()
    theirs = await tab.page.evaluate('key => localStorage.getItem(key)', key)
    await enter(tab, note='ours', form='us@here')
    await shows(other, note='ours', form='us@here')
    await other.page.close()
    async with dead(shelf, tab):
        await enter(tab, note='mine', form='me@here')
        await tab.page.evaluate('([key, token]) => localStorage.setItem(key, token)', [key, theirs])  # as if just now
    await shows(tab, note='theirs', form='me@here')
    await expect(tab.page.get_by_test_id('rejected')).to_have_text(json.dumps([['note', 'mine']]))
