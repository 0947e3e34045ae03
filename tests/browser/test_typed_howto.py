"""The example of the how-to guide, served to a real browser, keeps what it says it keeps."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import expect

from tests.docs.examples import AFTER, named, program_of

from .proxy import Proxy
from .server import APPS, Server
from .tab import Tab, Visitor
from .told import dead
from .typist import visit

PATIENT = f"""\
import sys
sys.path.append({str(APPS)!r})
import probe
"""
SERVED = """
probe.serve()
"""


@pytest_asyncio.fixture(loop_scope='session')
async def server(folder: Path) -> AsyncIterator[Server]:
    """Serve the example as it is in the guide, at a port of this test."""
    main = folder / 'main.py'
    main.write_text(PATIENT + program_of(named('howto/typed-while-away.md', 'note')).removesuffix(AFTER) + SERVED)
    async with Server(str(main), folder, nicegui_stash_url=folder / 'stash', reconnect_timeout=0.5) as server:
        yield server


async def types(tab: Tab, **texts: str) -> None:
    for name, text in texts.items():
        await tab.page.get_by_label(name.capitalize()).fill(text)


async def shows(tab: Tab, **texts: str) -> None:
    for name, text in texts.items():
        await expect(tab.page.get_by_label(name.capitalize())).to_have_value(text)


async def is_stored(tab: Tab) -> None:
    await tab.until('window.__niceguiStash.typed.pending === 0')


async def test_what_is_typed_while_the_server_is_away_is_back_and_stored(visitor: Visitor, server: Server):
    tab = await visit(visitor, f'{server.url}/note')
    await types(tab, title='A title', text='A text')
    await is_stored(tab)
    async with dead(server, tab):
        await types(tab, title='Another title', text='A text, and more of it')
    await shows(tab, title='Another title', text='A text, and more of it')
    await is_stored(tab)
    other = await visit(visitor, f'{server.url}/note')
    await shows(other, title='Another title', text='')


async def test_who_was_slower_is_told_what_was_typed(visitor: Visitor, server: Server):
    async with Proxy(server.port) as proxy:
        away, other = await visit(visitor, f'{proxy.url}/note'), await visit(visitor, f'{server.url}/note')
        await types(away, title='both know this')
        await shows(other, title='both know this')
        client = await away.client()
        proxy.drop()
        await away.disconnected()
        await types(away, title='older', text='nobody else writes this')
        await types(other, title='newer')
        await is_stored(other)
        await server.forgot(client)
        proxy.restore()
        await away.connected(after=client)
        await expect(away.page.get_by_text('title was changed meanwhile. You typed: older')).to_be_visible()
        await shows(away, title='newer', text='nobody else writes this')


async def test_what_is_too_long_stays_marked_on_its_element(visitor: Visitor, server: Server):
    tab = await visit(visitor, f'{server.url}/note')
    async with dead(server, tab):
        await types(tab, title='A title', text='x' * 5000)
    await expect(tab.page.get_by_text('Please enter another value.')).to_be_visible()
    await shows(tab, title='A title', text='x' * 5000)
