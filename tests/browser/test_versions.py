"""Two versions of an app at once, as in a rolling deploy, and the old one alone again, as after a rollback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest_asyncio
from playwright.async_api import expect

from .proxy import Proxy
from .server import Server
from .tab import Tab, Visitor
from .test_redeploy import OVERLAP


@dataclass(frozen=True)
class Deploy:
    """A server with each version on one store, and one address for both."""

    old: Server
    new: Server
    proxy: Proxy


@pytest_asyncio.fixture(loop_scope='session')
async def deploy(folder: Path) -> AsyncIterator[Deploy]:
    async with (
        Server('order_v1.py', folder) as old,
        Server('order_v2.py', folder) as new,
        Proxy(old.port) as proxy,
    ):
        yield Deploy(old, new, proxy)


async def shows(tab: Tab, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        await expect(tab.page.get_by_test_id(name)).to_have_text(text)


async def add(tab: Tab, items: str) -> None:
    """Press "add", and return when the items are these."""
    await tab.page.get_by_test_id('add').click()
    await expect(tab.page.get_by_test_id('items')).to_have_text(items)


async def hop(deploy: Deploy, tab: Tab, server: Server) -> None:
    """Lose the connection, and come back on a server."""
    client = await tab.client()
    deploy.proxy.lead_to(server.port)
    deploy.proxy.cut()
    await tab.connected(after=client)
    await expect(tab.page.get_by_test_id('title')).to_be_visible()


def stored(server: Server, version: int) -> dict[str, Any]:
    """The stored slice of a version, without times."""
    found = server.document()['slices']['Order'][str(version)]['']
    return {'data': found['data'], 'drafts': [visit['data'] for visit in found['visits'].values()]}


async def test_a_browser_hops_between_old_and_new_servers_and_each_keeps_its_own_until_the_rollback(
    visitor: Visitor, deploy: Deploy
):
    tab = await visitor.open(deploy.proxy.url)
    await add(tab, 'old 1')
    await tab.type(note='ring twice', draft='half a')
    await tab.flush()

    await hop(deploy, tab, deploy.new)
    await shows(
        tab,
        {
            'title': 'version 2',
            'items': 'old 1 (40)',
            'comment': 'ring twice',
            'colour': 'red',
            'draft': 'half a',
            'recovery': 'rejoin recovered 1 []',
        },
    )
    await add(tab, 'old 1 (40), new 2 (1)')
    await tab.type(comment='ring once', colour='blue', draft='half a word')
    await tab.flush()

    await hop(deploy, tab, deploy.old)
    before = {'title': 'version 1', 'items': 'old 1', 'note': 'ring twice', 'draft': 'half a'}
    await shows(tab, before)
    await add(tab, 'old 1, old 2')
    await tab.flush()

    await hop(deploy, tab, deploy.new)
    newest = {'items': 'old 1 (40), new 2 (1)', 'comment': 'ring once', 'colour': 'blue', 'draft': 'half a word'}
    await shows(tab, newest)
    assert stored(deploy.new, 1) == {
        'data': {'items': ['old 1', 'old 2'], 'note': 'ring twice'},
        'drafts': [{'draft': 'half a'}],
    }
    assert stored(deploy.new, 2) == {
        'data': {
            'items': [{'name': 'old 1', 'size': 40}, {'name': 'new 2', 'size': 1}],
            'note': 'ring twice',
            'comment': 'ring once',
            'colour': 'blue',
        },
        'drafts': [{'draft': 'half a word'}],
    }

    client = await tab.client()
    deploy.proxy.lead_to(deploy.old.port)
    await deploy.new.terminate()
    await tab.connected(after=client)
    await shows(tab, before | {'items': 'old 1, old 2'})
    await tab.goto(deploy.proxy.url)
    await shows(tab, before | {'items': 'old 1, old 2', 'draft': ''})
    assert stored(deploy.old, 2)['data']['comment'] == 'ring once', 'it is there for the next deploy'


async def test_a_tab_that_stays_on_the_old_server_brings_its_draft_when_that_stops(visitor: Visitor, deploy: Deploy):
    """Although the new version has taken over what is stored, for another tab of the same browser."""
    staying, other = await visitor.open(deploy.proxy.url), await visitor.open(deploy.proxy.url)
    await staying.type(draft='half')
    await add(other, 'old 1')
    await other.flush()
    deploy.proxy.lead_to(deploy.new.port)
    await other.reload()
    await expect(other.page.get_by_test_id('items')).to_have_text('old 1 (40)')
    await other.flush()
    await staying.type(draft='half a word')
    client = await staying.client()
    await deploy.old.terminate()
    await staying.connected(after=client)
    after = {'title': 'version 2', 'items': 'old 1 (40)', 'draft': 'half a word'}
    await expect(staying.page.get_by_test_id('draft-input')).to_have_value('half a word')
    await shows(staying, after)


async def test_what_the_old_server_writes_late_is_shown_by_the_new_version(visitor: Visitor, folder: Path):
    async with (
        Server('order_v1.py', folder, **OVERLAP) as old,
        Server('order_v2.py', folder, **OVERLAP) as new,
        Proxy(old.port) as proxy,
    ):
        deploy = Deploy(old, new, proxy)
        tab = await visitor.open(proxy.url)
        await add(tab, 'old 1')
        await tab.flush()
        await add(tab, 'old 1, old 2')
        await tab.type(draft='typed last')  # accepted, and spaced from the last put
        assert 'typed last' not in old.objects()[0].read_text(), 'not durable yet'
        old.freeze()  # or it would put at once what is pending, since its page has gone
        await hop(deploy, tab, new)
        await shows(tab, {'items': 'old 1 (40)', 'draft': ''})
        await old.terminate()
        await expect(tab.page.get_by_test_id('draft-input')).to_have_value('typed last')
        await expect(tab.page.get_by_test_id('items')).to_have_text('old 1 (40), old 2 (40)')
