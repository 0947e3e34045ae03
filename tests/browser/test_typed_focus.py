"""Focus and cursor are in the page that comes back where they were in the one before."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from .proxy import LATENCIES, way_to
from .server import Server
from .tab import Visitor
from .told import dead, restart
from .typist import enter, shows, visit

HAS_CURSOR = """([name, start, end]) => (({dataset, selectionStart, selectionEnd}) =>
    dataset.testid === `${name}-input` && selectionStart === start && selectionEnd === end)(document.activeElement)"""


@pytest.mark.parametrize('latency', LATENCIES)
@pytest.mark.parametrize('name', ['line', 'text'])
async def test_focus_and_cursor_come_back(visitor: Visitor, folder: Path, name: str, latency: float):
    async with Server('typed.py', folder) as server, way_to(server, latency) as url:
        tab = await visit(visitor, url)
        await tab.until('window.__niceguiStash?.acknowledged')
        async with dead(server, tab):
            await enter(tab, **{name: 'some words'})
            await tab.page.evaluate('document.activeElement.setSelectionRange(2, 6)')
        await shows(tab, **{name: 'some words'})
        await tab.until(HAS_CURSOR, [name, 2, 6])
        await tab.page.keyboard.type('th')
        await shows(tab, **{name: 'soth' + 'ords'})


@pytest.mark.parametrize('latency', LATENCIES)
async def test_the_focus_comes_back_where_nothing_was_typed(visitor: Visitor, folder: Path, latency: float):
    async with Server('typed.py', folder) as server, way_to(server, latency) as url:
        tab = await visit(visitor, url)
        await enter(tab, line='stored')
        await shows(tab, line='stored')
        await tab.until('window.__niceguiStash.typed.pending === 0')
        await restart(server, tab, kill=True)
        await shows(tab, line='stored')
        await tab.until(HAS_CURSOR, ['line', 6, 6])


SCROLLED = """top => new Promise((resolve) => {
    const text = document.activeElement;
    text.addEventListener('scroll', () => requestAnimationFrame(() => resolve(text.scrollTop)), {once: true});
    text.scrollTop = top;
})"""


async def test_a_long_text_is_scrolled_to_where_it_was(visitor: Visitor, folder: Path):
    async with Server('typed.py', folder) as server:
        tab = await visit(visitor, server.url)
        text = '\n'.join(f'line {number}' for number in range(100))
        async with dead(server, tab):
            await enter(tab, text=text)
            assert await tab.page.evaluate(SCROLLED, 700) == 700
        await expect(tab.page.get_by_test_id('text-input')).to_be_focused()
        await tab.until('document.activeElement.scrollTop === 700')
