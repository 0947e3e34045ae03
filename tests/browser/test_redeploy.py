"""Redeploys that overlap, and clients that end while their visit goes on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from .proxy import Proxy
from .server import Server
from .tab import Visitor
from .told import fill, restart, words

OVERLAP = {'nicegui_stash_flush_interval': 60, 'nicegui_stash_drain_timeout': 60}
"""What is accepted stays pending until the server ends, and others wait for it, however slow the machine is."""
CARRYING = re.compile(r'/stash/(typed|in_place)\.js')


def visits(server: Server) -> list[dict[str, Any]]:
    """Return the data of the stored visits of the form."""
    return [visit['data'] for visit in server.document()['slices']['Form']['1']['']['visits'].values()]


@pytest.mark.proves('sigterm')
async def test_what_the_old_server_puts_while_it_drains_is_shown_by_the_new_one(visitor: Visitor, folder: Path):
    async with (
        Server('form.py', folder, cold=True, **OVERLAP) as old,
        Server('form.py', folder, cold=True, **OVERLAP) as new,
        Proxy(old.port) as proxy,
    ):
        # without the script that would carry over what is not durable
        await visitor.context.route(CARRYING, lambda route: route.fulfill(body=''))
        tab = await visitor.open(proxy.url)
        first, _ = await fill(tab, flush=True)
        typed, before = await fill(tab)  # accepted, and spaced from the last put
        assert typed['session'] not in old.objects()[0].read_text(), 'not durable yet'
        old.freeze()  # or it would put at once what is pending, since its page has gone
        proxy.lead_to(new.port)
        proxy.cut()
        await tab.connected(after=before.client)
        assert (await tab.look()).fields == first
        await old.terminate()
        for name, value in typed.items():
            await expect(tab.page.get_by_test_id(f'{name}-input')).to_have_value(value)
        assert (await tab.look()).fields == typed


async def test_what_is_typed_on_the_new_server_is_not_undone_by_the_old_one(visitor: Visitor, folder: Path):
    async with (
        Server('form.py', folder, **OVERLAP) as old,
        Server('form.py', folder, **OVERLAP) as new,
        Proxy(old.port) as proxy,
    ):
        tab = await visitor.open(proxy.url)
        await fill(tab, flush=True)
        stale, before = await fill(tab)
        old.freeze()
        proxy.lead_to(new.port)
        proxy.cut()
        await tab.connected(after=before.client)
        await tab.look()
        newest = words()
        await tab.type(reconnect=newest['reconnect'])
        await old.terminate()
        await expect(tab.page.get_by_test_id('tab-input')).to_have_value(stale['tab'])
        shown = await tab.look()
        assert shown.fields == stale | {'reconnect': newest['reconnect']}


async def test_the_end_of_the_old_client_leaves_the_draft_to_the_page_that_continues_its_visit(
    visitor: Visitor, folder: Path
):
    async with Server('form.py', folder) as server, Proxy(server.port) as proxy:
        tab = await visitor.open(proxy.url)
        typed, before = await fill(tab)
        proxy.drop_sockets()
        await tab.disconnected()
        await tab.page.reload()
        proxy.restore()
        await tab.connected(after=before.client)
        assert (await tab.look()).fields == typed
        await server.forgot(before.client)
        typed['session'] = words()['session']
        await tab.type(session=typed['session'])
        await tab.flush()
        await restart(server, tab, kill=True)
        assert (await tab.look()).fields == typed


async def test_the_draft_of_a_visit_that_ended_is_dropped_with_the_next_put(visitor: Visitor, folder: Path):
    async with Server('form.py', folder, reconnect_timeout=0.5) as server:
        tab = await visitor.open(server.url)
        typed, before = await fill(tab, flush=True)
        assert visits(server) == [{'reconnect': typed['reconnect']}]
        await tab.reload()
        await tab.look()
        await server.forgot(before.client)
        later, _ = await fill(tab, flush=True)
        assert visits(server) == [{'reconnect': later['reconnect']}]
