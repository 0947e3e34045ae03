"""The browser's report: in time, too late, or lost on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from .proxy import Proxy
from .server import Server
from .tab import Tab, Visitor
from .told import fill, restart

WITHHOLD = """window.addEventListener('DOMContentLoaded', () => {
    const stash = window.__niceguiStash;
    const original = stash.tell;
    window.withheld = [];
    stash.tell = (told) => window.withheld.push(told);
    window.release = () => {
        stash.tell = original;
        window.withheld.forEach((told) => original(told));
    };
    window.deliver = () => { stash.tell = original };
});"""


async def is_blank_and_unknown(tab: Tab) -> dict[str, Any]:
    shown = await tab.look(acknowledged=False)
    assert (shown.reason, shown.reconnect, shown.tab) == ('unknown', '', '')
    return shown.fields


async def test_a_page_whose_report_never_comes_is_shown_without_what_belongs_to_a_visit(visitor: Visitor, folder: Path):
    async with Server('form.py', folder, nicegui_stash_rejoin='reload', report_timeout=1) as server:
        tab = await visitor.open(server.url)
        typed, _ = await fill(tab, flush=True)
        await tab.page.add_init_script(WITHHOLD)
        await restart(server, tab, kill=True)
        shown = await tab.look(acknowledged=False)
        assert (shown.reason, shown.session, shown.reconnect) == ('unknown', typed['session'], '')


async def test_a_report_that_comes_too_late_still_brings_the_draft_back(visitor: Visitor, folder: Path):
    async with Server('form.py', folder, nicegui_stash_rejoin='reload', report_timeout=1) as server:
        tab = await visitor.open(server.url)
        typed, _ = await fill(tab, flush=True)
        await tab.page.add_init_script(WITHHOLD)
        await restart(server, tab, kill=True)
        assert (await tab.look(acknowledged=False)).reconnect == ''
        await tab.page.evaluate('window.release()')
        await expect(tab.page.get_by_test_id('reconnect-input')).to_have_value(typed['reconnect'])
        shown = await tab.look()
        assert shown.fields == typed
        assert (shown.reason, shown.builds) == ('rejoin', 1)


async def test_a_report_that_was_lost_is_sent_again_at_the_next_connect(visitor: Visitor, folder: Path):
    async with (
        Server('form.py', folder, reconnect_timeout=60, report_timeout=1) as server,
        Proxy(server.port) as proxy,
    ):
        tab = await visitor.tab()
        await tab.page.add_init_script(WITHHOLD)
        await tab.goto(proxy.url)
        assert (await tab.look(acknowledged=False)).reason == 'unknown'
        assert await tab.page.evaluate('window.__niceguiStash.acknowledged') is False
        await tab.page.evaluate('window.deliver()')  # what was withheld so far is lost
        proxy.drop()
        await tab.disconnected()
        proxy.restore()
        await tab.connected()
        shown = await tab.look()
        assert (shown.reason, shown.builds) == ('visit', 1)


@pytest.mark.parametrize('path', ['/at-request', '/when-connected'])
async def test_a_rejoin_is_complete_whenever_the_page_is_built(visitor: Visitor, folder: Path, path: str):
    async with Server('form.py', folder) as server:
        tab = await visitor.open(server.url + path)
        typed, _ = await fill(tab, flush=True)
        await restart(server, tab, kill=True)
        await expect(tab.page.get_by_test_id('reconnect-input')).to_have_value(typed['reconnect'])
        shown = await tab.look()
        assert shown.fields == typed
        assert (shown.reason, shown.builds) == ('rejoin', 1)
        await tab.reload()
        assert (await tab.look()).fields == typed | {'reconnect': ''}
