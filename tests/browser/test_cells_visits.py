"""Every scope, over the events that begin a new visit in the same tab."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from .server import Server
from .told import Told, Visitors, fill, scenario

pytestmark = pytest.mark.proves('scopes')


class TestReloadOnAConnectedPage:
    @scenario
    @staticmethod
    async def told(visitors: Visitors, form: Server) -> AsyncIterator[Told]:
        async with visitors() as visitor:
            tab = await visitor.open(form.url)
            typed, before = await fill(tab)
            await tab.reload()
            yield Told(typed, before, await tab.look())

    async def test_f5_brings_the_session_field_back(self, told: Told):
        assert told.after.session == told.typed['session']

    async def test_f5_shows_a_blank_reconnect_field(self, told: Told):
        assert told.after.reconnect == ''

    async def test_f5_brings_the_tab_field_back(self, told: Told):
        assert told.after.tab == told.typed['tab']

    async def test_f5_is_told_as_a_reload(self, told: Told):
        assert (told.after.reason, told.after.status) == ('reload', 'recovered')


class TestLinkFromAnotherPage:
    @scenario
    @staticmethod
    async def told(visitors: Visitors, form: Server) -> AsyncIterator[Told]:
        async with visitors() as visitor:
            tab = await visitor.open(form.url)
            typed, before = await fill(tab)
            await tab.follow('to-other')
            assert (await tab.look()).is_blank, 'another class has fields of its own'
            await tab.follow('to-form')
            yield Told(typed, before, await tab.look())

    async def test_a_link_from_another_page_brings_the_session_field_back(self, told: Told):
        assert told.after.session == told.typed['session']

    async def test_a_link_from_another_page_shows_a_blank_reconnect_field(self, told: Told):
        assert told.after.reconnect == ''

    async def test_a_link_from_another_page_brings_the_tab_field_back(self, told: Told):
        assert told.after.tab == told.typed['tab']

    async def test_a_link_from_another_page_is_told_as_a_visit(self, told: Told):
        assert (told.after.reason, told.after.status) == ('visit', 'recovered')


class TestLinkToItself:
    @scenario
    @staticmethod
    async def told(visitors: Visitors, form: Server) -> AsyncIterator[Told]:
        async with visitors() as visitor:
            tab = await visitor.open(form.url)
            typed, before = await fill(tab)
            await tab.follow('to-form')
            yield Told(typed, before, await tab.look())

    async def test_a_link_to_itself_brings_the_session_field_back(self, told: Told):
        assert told.after.session == told.typed['session']

    async def test_a_link_to_itself_shows_a_blank_reconnect_field(self, told: Told):
        assert told.after.reconnect == ''

    async def test_a_link_to_itself_brings_the_tab_field_back(self, told: Told):
        assert told.after.tab == told.typed['tab']

    async def test_a_link_to_itself_is_told_as_a_visit(self, told: Told):
        assert (told.after.reason, told.after.status) == ('visit', 'recovered')


class TestTypedAddress:
    @scenario
    @staticmethod
    async def told(visitors: Visitors, form: Server) -> AsyncIterator[Told]:
        async with visitors() as visitor:
            tab = await visitor.open(form.url)
            typed, before = await fill(tab)
            await tab.page.goto(form.url)
            await tab.connected(after=before.client)
            yield Told(typed, before, await tab.look())

    async def test_a_typed_address_brings_the_session_field_back(self, told: Told):
        assert told.after.session == told.typed['session']

    async def test_a_typed_address_shows_a_blank_reconnect_field(self, told: Told):
        assert told.after.reconnect == ''

    async def test_a_typed_address_brings_the_tab_field_back(self, told: Told):
        assert told.after.tab == told.typed['tab']

    async def test_a_typed_address_is_told_as_a_visit(self, told: Told):
        assert (told.after.reason, told.after.status) == ('visit', 'recovered')


class TestHistoryBack:
    @scenario
    @staticmethod
    async def told(visitors: Visitors, form: Server) -> AsyncIterator[Told]:
        async with visitors() as visitor:
            tab = await visitor.open(form.url)
            typed, before = await fill(tab)
            await tab.follow('to-other')
            await tab.back()
            yield Told(typed, before, await tab.look())

    async def test_history_back_brings_the_session_field_back(self, told: Told):
        assert told.after.session == told.typed['session']

    async def test_history_back_shows_a_blank_reconnect_field(self, told: Told):
        assert told.after.reconnect == ''

    async def test_history_back_brings_the_tab_field_back(self, told: Told):
        assert told.after.tab == told.typed['tab']

    async def test_history_back_is_told_as_history(self, told: Told):
        assert (told.after.reason, told.after.status) == ('history', 'recovered')


class TestHistoryForward:
    @scenario
    @staticmethod
    async def told(visitors: Visitors, form: Server) -> AsyncIterator[Told]:
        async with visitors() as visitor:
            tab = await visitor.open(f'{form.url}/other')
            await tab.follow('to-form')
            typed, before = await fill(tab)
            await tab.back()
            await tab.forward()
            yield Told(typed, before, await tab.look())

    async def test_history_forward_brings_the_session_field_back(self, told: Told):
        assert told.after.session == told.typed['session']

    async def test_history_forward_shows_a_blank_reconnect_field(self, told: Told):
        assert told.after.reconnect == ''

    async def test_history_forward_brings_the_tab_field_back(self, told: Told):
        assert told.after.tab == told.typed['tab']

    async def test_history_forward_is_told_as_history(self, told: Told):
        assert (told.after.reason, told.after.status) == ('history', 'recovered')


class TestSubPages:
    @scenario
    @staticmethod
    async def told(visitors: Visitors, views: Server) -> AsyncIterator[Told]:
        async with visitors() as visitor:
            tab = await visitor.open(f'{views.url}/form')
            typed, before = await fill(tab)
            await tab.switch('to-home-view', 'Home')
            assert (await tab.look()).is_blank, 'another class has fields of its own'
            await tab.switch('to-form-view', 'Form')
            after = await tab.look()
            assert after.client == before.client, 'no reload'
            yield Told(typed, before, after)

    async def test_a_view_left_and_shown_again_has_its_session_field_back(self, told: Told):
        assert told.after.session == told.typed['session']

    async def test_a_view_left_and_shown_again_has_a_blank_reconnect_field(self, told: Told):
        assert told.after.reconnect == ''

    async def test_a_view_left_and_shown_again_has_its_tab_field_back(self, told: Told):
        assert told.after.tab == told.typed['tab']

    async def test_a_view_shown_again_is_told_as_a_subpage(self, told: Told):
        assert (told.after.reason, told.after.status) == ('subpage', 'recovered')
