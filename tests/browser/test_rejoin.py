"""A page that comes back by itself: what it keeps, and what must not be taken for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from .proxy import Proxy
from .server import Server
from .tab import Visitor
from .told import fill, restart, words


async def test_two_tabs_with_one_form_keep_their_own_drafts_over_a_kill(visitor: Visitor, folder: Path):
    async with Server('form.py', folder) as server:
        first = await visitor.open(server.url)
        in_first, before_first = await fill(first)
        second = await visitor.open(server.url)
        in_second, before_second = await fill(second, flush=True)
        await first.flush()
        await server.kill()
        await server.start()
        await first.connected(after=before_first.client)
        await second.connected(after=before_second.client)
        shown_first, shown_second = await first.look(), await second.look()
        assert (shown_first.reconnect, shown_first.tab) == (in_first['reconnect'], in_first['tab'])
        assert (shown_second.reconnect, shown_second.tab) == (in_second['reconnect'], in_second['tab'])
        assert shown_first.session == shown_second.session == in_second['session']


async def test_values_flushed_before_a_kill_are_back_in_the_inputs(visitor: Visitor, folder: Path):
    async with Server('form.py', folder) as server:
        tab = await visitor.open(server.url)
        typed, _ = await fill(tab, flush=True)
        await restart(server, tab, kill=True)
        for name, value in typed.items():
            await expect(tab.page.get_by_test_id(f'{name}-input')).to_have_value(value)


async def test_values_are_back_below_the_path_that_the_app_is_mounted_at(visitor: Visitor, folder: Path):
    async with Server('form.py', folder, mount='/below/here') as server:
        tab = await visitor.open(f'{server.url}/')
        typed, _ = await fill(tab, flush=True)
        await restart(server, tab, kill=True)
        shown = await tab.look()
        assert (shown.fields, shown.reason) == (typed, 'rejoin')


@pytest.mark.proves('flush')
@pytest.mark.once
async def test_what_was_flushed_last_is_back_after_each_of_several_kills(visitor: Visitor, folder: Path):
    async with Server('form.py', folder, cold=True) as server:
        tab = await visitor.open(server.url)
        for _ in range(3):
            typed, _ = await fill(tab, flush=True)
            await restart(server, tab, kill=True)
            shown = await tab.look()
            assert shown.fields == typed
            assert shown.reason == 'rejoin'


async def test_a_page_with_a_query_that_was_not_touched_after_a_rejoin_rejoins_again(visitor: Visitor, folder: Path):
    async with Server('form.py', folder) as server:
        tab = await visitor.open(f'{server.url}/other?step=2')
        typed, _ = await fill(tab, flush=True)
        await restart(server, tab, kill=True)
        await restart(server, tab, kill=True)
        assert (await tab.look()).fields == typed


async def test_a_rejoin_never_shows_its_draft_to_a_visit_by_link(visitor: Visitor, folder: Path):
    async with Server('form.py', folder) as server:
        tab = await visitor.open(server.url)
        typed, _ = await fill(tab, flush=True)
        await restart(server, tab, kill=True)
        assert (await tab.look()).reconnect == typed['reconnect']
        other = await visitor.open(f'{server.url}/other')
        other.listen()
        await other.follow('to-form')
        shown = await other.look()
        assert (shown.session, shown.reconnect, shown.tab) == (typed['session'], '', '')
        heard = await other.heard()
        assert typed['session'] in heard, 'the test hears what the page is sent'
        assert typed['reconnect'] not in heard
        assert typed['tab'] not in heard
        assert (await tab.look()).reconnect == typed['reconnect']


async def test_a_page_recovers_once_although_nicegui_fires_connect_on_every_reconnect(visitor: Visitor, folder: Path):
    async with Server('form.py', folder, reconnect_timeout=120) as server, Proxy(server.port) as proxy:
        tab = await visitor.open(proxy.url)
        typed, before = await fill(tab)
        for _ in range(3):
            proxy.drop()
            await tab.disconnected()
            proxy.restore()
            assert await tab.connected() == before.client
        after = await tab.look()
        assert after.fields == typed
        assert (after.builds, after.recoveries) == (1, 1)


async def test_f5_after_a_rejoin_shows_a_blank_draft(visitor: Visitor, folder: Path):
    async with Server('form.py', folder) as server:
        tab = await visitor.open(server.url)
        typed, _ = await fill(tab, flush=True)
        await restart(server, tab, kill=True)
        assert (await tab.look()).reconnect == typed['reconnect']
        await tab.reload()
        shown = await tab.look()
        assert shown.fields == typed | {'reconnect': ''}
        assert shown.reason == 'reload'


async def test_a_link_followed_while_the_connection_is_lost_begins_a_new_visit(visitor: Visitor, form: Server):
    async with Proxy(form.port) as proxy:
        tab = await visitor.open(proxy.url)
        typed, before = await fill(tab)
        proxy.drop_sockets()
        await tab.disconnected()
        await tab.page.evaluate('() => { location.href = "/" }')  # NiceGUI's cover keeps the mouse from the link
        await tab.until('old => window.clientId && window.clientId !== old', before.client)
        proxy.restore()
        await tab.connected(after=before.client)
        assert (await tab.look()).fields == typed | {'reconnect': ''}


async def test_a_tab_duplicated_while_the_connection_is_lost_does_not_take_the_draft(visitor: Visitor, form: Server):
    async with Proxy(form.port) as proxy:
        tab = await visitor.open(proxy.url)
        typed, _ = await fill(tab)
        proxy.drop_sockets()
        await tab.disconnected()
        async with visitor.context.expect_page() as opened:
            await tab.page.evaluate('() => { window.open(location.href) }')
        proxy.restore()
        copy = visitor.adopt(await opened.value)
        await copy.connected()
        assert (await copy.look()).reconnect == ''
        await tab.connected()  # as the same client or, on a slow machine, by a rejoin
        assert (await tab.look()).fields == typed


async def test_a_view_rejoins_with_its_draft(visitor: Visitor, folder: Path):
    async with Server('views.py', folder) as server:
        tab = await visitor.open(server.url)
        await tab.switch('to-form-view', 'Form')
        typed, _ = await fill(tab, flush=True)
        await restart(server, tab, kill=True)
        await expect(tab.page.get_by_test_id('title')).to_have_text('Form')
        shown = await tab.look()
        assert shown.fields == typed
        assert shown.reason == 'rejoin'


async def test_a_draft_typed_after_a_rejoin_belongs_to_the_same_visit(visitor: Visitor, folder: Path):
    async with Server('form.py', folder) as server:
        tab = await visitor.open(server.url)
        await fill(tab, flush=True)
        await restart(server, tab, kill=True)
        await tab.look()
        later = words()
        await tab.type(reconnect=later['reconnect'])
        await tab.flush()
        visits = server.document()['slices']['Form']['1']['']['visits']
        assert [visit['data'] for visit in visits.values()] == [{'reconnect': later['reconnect']}]
