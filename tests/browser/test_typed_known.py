"""What the browser counts as shown before: what may be in the store, and not what never left the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from nicegui_stash.ui.carryover.digest import digest

from .proxy import Proxy
from .server import Server, eventually
from .tab import Visitor
from .typist import enter, rejected, shows, visit


@pytest.mark.proves('typed')
async def test_what_was_sent_when_a_short_drop_was_over_counts_as_shown_before(visitor: Visitor, folder: Path):
    settings = {'nicegui_stash_flush_interval': 60, 'reconnect_timeout': 120}
    async with Server('typed.py', folder, **settings) as server, Proxy(server.port) as proxy:

        async def is_stored() -> bool:
            return bool(server.objects())

        tab = await visit(visitor, proxy.url)
        client = await tab.client()
        proxy.drop_sockets()
        await tab.disconnected()
        for text in ('a', 'ab', 'abc'):
            await enter(tab, line=text)
        proxy.restore()
        await tab.until('window.socket.connected')
        assert await tab.client() == client, 'the same page'
        await shows(tab, line='abc')
        await eventually(is_stored, 'a put')
        await server.kill()
        await tab.disconnected()
        await enter(tab, line='typed last')
        await server.start()
        await tab.connected(after=client)
        await shows(tab, line='typed last')
        assert await rejected(tab) == []


async def test_what_was_never_sent_is_not_carried_as_what_was_here_before(visitor: Visitor, folder: Path):
    async with Server('typed.py', folder) as server:
        tab = await visit(visitor, server.url)
        await enter(tab, line='stored')
        await shows(tab, line='stored')
        await tab.until('window.__niceguiStash.typed.pending === 0')
        await server.kill()
        await tab.disconnected()
        for text in ('a', 'ab', 'abc'):
            await enter(tab, line=text)
        [carried] = (await tab.page.evaluate('window.__niceguiStash.typed.snapshot()'))['values']
        assert carried['known'] == [digest('stored')]
