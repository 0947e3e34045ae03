"""Every scope, over other tabs, other browsers and what has run out."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from .proxy import Proxy
from .server import Server, eventually
from .tab import Shown, Visitor
from .told import Told, Visitors, fill, scenario, words

pytestmark = pytest.mark.proves('scopes')


@dataclass(frozen=True)
class TwoTabs:
    """What is shown by two tabs of one page: when the second was opened, and after the second was typed into."""

    typed: dict[str, str]
    second: Shown
    typed_in_second: dict[str, str]
    first_before: Shown
    first_after: Shown


async def two_tabs(form: Server, visitor: Visitor, *, duplicate: bool) -> TwoTabs:
    first = await visitor.open(form.url)
    typed, first_before = await fill(first)
    second = await visitor.duplicate(first) if duplicate else await visitor.open(form.url)
    shown = await second.look()
    later = words()
    await second.type(**later)
    await expect(first.page.get_by_test_id('session')).to_have_text(later['session'])
    return TwoTabs(typed, shown, later, first_before, await first.look())


class TestDuplicatedTab:
    @scenario
    @staticmethod
    async def tabs(visitors: Visitors, form: Server) -> AsyncIterator[TwoTabs]:
        async with visitors() as visitor:
            yield await two_tabs(form, visitor, duplicate=True)

    async def test_a_duplicated_tab_shares_the_session_field(self, tabs: TwoTabs):
        assert tabs.second.session == tabs.typed['session']
        assert tabs.first_after.session == tabs.typed_in_second['session']

    async def test_a_duplicated_tab_shows_a_blank_reconnect_field(self, tabs: TwoTabs):
        assert tabs.second.reconnect == ''
        assert tabs.first_after.reconnect == tabs.typed['reconnect']

    async def test_a_duplicated_tab_has_a_copy_of_the_tab_field_that_is_then_independent(self, tabs: TwoTabs):
        assert tabs.second.tab == tabs.typed['tab']
        assert tabs.first_after.tab == tabs.typed['tab']

    async def test_a_duplicated_tab_is_told_as_a_duplicate(self, tabs: TwoTabs):
        assert (tabs.second.reason, tabs.second.status) == ('duplicate', 'recovered')


class TestSecondTab:
    @scenario
    @staticmethod
    async def tabs(visitors: Visitors, form: Server) -> AsyncIterator[TwoTabs]:
        async with visitors() as visitor:
            yield await two_tabs(form, visitor, duplicate=False)

    async def test_a_second_tab_shares_the_session_field_without_a_reload(self, tabs: TwoTabs):
        assert tabs.second.session == tabs.typed['session']
        assert tabs.first_after.session == tabs.typed_in_second['session']
        assert tabs.first_after.client == tabs.first_before.client
        assert tabs.first_after.builds == 1

    async def test_a_second_tab_has_a_reconnect_field_of_its_own(self, tabs: TwoTabs):
        assert tabs.second.reconnect == ''
        assert tabs.first_after.reconnect == tabs.typed['reconnect']

    async def test_a_second_tab_has_a_tab_field_of_its_own(self, tabs: TwoTabs):
        assert tabs.second.tab == ''
        assert tabs.first_after.tab == tabs.typed['tab']

    async def test_a_second_tab_is_told_as_a_visit(self, tabs: TwoTabs):
        assert (tabs.second.reason, tabs.second.status) == ('visit', 'recovered')


class TestAnotherBrowser:
    @scenario
    @staticmethod
    async def told(visitors: Visitors, form: Server) -> AsyncIterator[Told]:
        async with visitors() as visitor, visitors() as stranger:
            tab = await visitor.open(form.url)
            typed, before = await fill(tab)
            other = await stranger.open(form.url)
            yield Told(typed, before, await other.look())

    async def test_another_browser_shows_the_default_of_the_session_field(self, told: Told):
        assert told.after.session == ''

    async def test_another_browser_shows_the_default_of_the_reconnect_field(self, told: Told):
        assert told.after.reconnect == ''

    async def test_another_browser_shows_the_default_of_the_tab_field(self, told: Told):
        assert told.after.tab == ''

    async def test_another_browser_is_told_as_a_fresh_visit(self, told: Told):
        assert (told.after.reason, told.after.status) == ('visit', 'fresh')


class TestClearedCookies:
    @scenario
    @staticmethod
    async def told(visitors: Visitors, form: Server) -> AsyncIterator[Told]:
        async with Proxy(form.port) as proxy, visitors() as visitor:
            tab = await visitor.open(proxy.url)
            typed, before = await fill(tab)
            # cleared during an outage, so that the page comes back with the visit and the tab, but without the session
            proxy.drop()
            await tab.disconnected()
            await visitor.context.clear_cookies()
            await form.forgot(before.client)
            proxy.restore()
            await tab.connected(after=before.client)
            yield Told(typed, before, await tab.look())

    async def test_cleared_cookies_show_the_default_of_the_session_field(self, told: Told):
        assert told.after.session == ''

    async def test_cleared_cookies_show_the_default_of_the_reconnect_field(self, told: Told):
        assert told.after.reconnect == ''

    async def test_cleared_cookies_show_the_default_of_the_tab_field(self, told: Told):
        assert told.after.tab == ''

    async def test_cleared_cookies_are_told_as_fresh(self, told: Told):
        assert told.after.status == 'fresh'


class TestExpired:
    @scenario
    @staticmethod
    async def told(visitors: Visitors, folder: Path) -> AsyncIterator[Told]:
        async with (
            Server('form.py', folder, ttl=2, reconnect_timeout=0.5) as server,
            Proxy(server.port) as proxy,
            visitors() as visitor,
        ):
            tab = await visitor.open(proxy.url)
            typed, before = await fill(tab, flush=True)
            proxy.drop()
            await server.forgot(before.client)

            async def is_over() -> bool:
                return time.time() * 1000 > last_seen(server.document()) + 2000

            await eventually(is_over, 'the ttl has passed since the page was last seen')
            proxy.restore()
            await tab.connected(after=before.client)
            yield Told(typed, before, await tab.look())

    async def test_an_expired_ttl_shows_the_default_of_the_session_field(self, told: Told):
        assert told.after.session == ''

    async def test_an_expired_ttl_shows_the_default_of_the_reconnect_field(self, told: Told):
        assert told.after.reconnect == ''

    async def test_an_expired_ttl_shows_the_default_of_the_tab_field(self, told: Told):
        assert told.after.tab == ''

    async def test_an_expired_ttl_is_told_as_expired(self, told: Told):
        assert told.after.status == 'expired'


def last_seen(part: Any) -> int:
    """Return the newest `seen` anywhere in a document, in ms."""
    if not isinstance(part, dict):
        return 0
    return max([part.get('seen', 0), *(last_seen(value) for value in part.values())])
