"""What is typed before the page has been told which elements are bound is carried as well."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from .proxy import Proxy
from .server import Server
from .tab import Tab, Visitor
from .told import dead, restart
from .typist import KNOWS, enter, rejected, shows, visit

GATE = """() => {
    const typed = window.__niceguiStash.typed;
    const held = [];
    for (const name of ['bind', 'built']) {
        const call = typed[name];
        typed[name] = (...given) => held.push(() => call(...given));
    }
    window.openGate = () => held.splice(0).map((each) => each()).length;
}"""


async def visit_without_socket(visitor: Visitor, proxy: Proxy) -> Tab:
    """Open a page for the first time: its socket is refused, so that nobody tells it which elements are bound."""
    proxy.drop_sockets()
    tab = await visitor.tab()
    await tab.page.goto(proxy.url)
    await tab.until('window.__niceguiStash?.typed && window.socket')
    assert await tab.page.evaluate('Object.keys(window.__niceguiStash.typed.bound)') == []
    return tab


async def test_what_is_typed_into_a_new_page_before_it_connects_arrives_in_order(visitor: Visitor, folder: Path):
    async with Server('typed.py', folder) as server, Proxy(server.port) as proxy:
        tab = await visit_without_socket(visitor, proxy)
        for text in ('a', 'ab', 'abc'):
            await enter(tab, line=text, text=text * 2)
        proxy.restore()
        await tab.connected()
        await shows(tab, line='abc', text='abcabc')
        await tab.until('window.__niceguiStash.typed.pending === 0')


async def test_what_is_typed_is_carried_even_if_the_page_was_never_told_what_is_bound(visitor: Visitor, folder: Path):
    async with Server('typed.py', folder, nicegui_stash_rejoin='reload') as server, Proxy(server.port) as proxy:
        tab = await visit_without_socket(visitor, proxy)
        await tab.page.evaluate(GATE)
        proxy.restore()
        await tab.connected()
        async with dead(server, tab):
            await enter(tab, line='a line', text='a text')
        await shows(tab, line='a line', text='a text')
        assert await rejected(tab) == []


@pytest.mark.parametrize('when', ['before the connect', 'after the connect'])
async def test_what_is_typed_before_the_page_knows_what_is_bound_is_carried_once_it_does(
    visitor: Visitor, folder: Path, when: str
):
    async with Server('typed.py', folder, nicegui_stash_flush_interval=60) as server, Proxy(server.port) as proxy:
        tab = await visit_without_socket(visitor, proxy)
        await tab.page.evaluate(GATE)
        if when == 'before the connect':
            await enter(tab, line='typed early')
        proxy.restore()
        await tab.connected()
        if when == 'after the connect':
            await enter(tab, line='typed early')
        await expect(tab.page.get_by_test_id('line')).to_have_text('typed early')
        assert await tab.page.evaluate('Object.keys(window.__niceguiStash.typed.bound)') == []
        await tab.until('window.openGate() > 0')
        await tab.until(KNOWS)
        await restart(server, tab, kill=True)
        await shows(tab, line='typed early')
        assert await rejected(tab) == []


async def test_a_reload_before_the_page_knows_what_is_bound_hands_on_what_it_was_given(visitor: Visitor, folder: Path):
    async with Server('typed.py', folder) as server, Proxy(server.port) as proxy:
        tab = await visit(visitor, proxy.url)
        client = await tab.client()
        proxy.drop_sockets()
        await tab.disconnected()
        await enter(tab, line='first document')
        without = {'cache-control': 'max-stale'}  # a browser that does not say that it reloads
        await tab.page.route('**/', lambda route: route.continue_(headers={**route.request.headers, **without}))
        await tab.page.reload()
        assert await tab.page.evaluate('Object.keys(window.__niceguiStash.typed.bound)') == []
        await tab.page.reload()
        proxy.restore()
        await tab.connected(after=client)
        await shows(tab, line='first document')
        assert await rejected(tab) == []
