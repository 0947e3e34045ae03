"""Every scope, over the events in which the same open page comes back by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .proxy import Proxy
from .server import Server
from .told import Told, Visitors, fill, restart, scenario

pytestmark = pytest.mark.proves('scopes')


class TestDropShorterThanReconnectTimeout:
    @scenario
    @staticmethod
    async def told(visitors: Visitors, folder: Path) -> AsyncIterator[Told]:
        async with (
            Server('form.py', folder, reconnect_timeout=120) as server,
            Proxy(server.port) as proxy,
            visitors() as visitor,
        ):
            tab = await visitor.open(proxy.url)
            typed, before = await fill(tab, flush=True)
            stored = server.document()
            proxy.drop()
            await tab.disconnected()
            await server.lost(before.client)
            proxy.restore()
            await tab.connected()
            after = await tab.look()
            assert server.document() == stored
            yield Told(typed, before, after)

    async def test_a_short_drop_keeps_the_session_field(self, told: Told):
        assert told.after.session == told.typed['session']

    async def test_a_short_drop_keeps_the_reconnect_field(self, told: Told):
        assert told.after.reconnect == told.typed['reconnect']

    async def test_a_short_drop_keeps_the_tab_field(self, told: Told):
        assert told.after.tab == told.typed['tab']

    async def test_a_short_drop_keeps_the_client_and_neither_builds_nor_recovers_again(self, told: Told):
        assert told.after == told.before
        assert (told.after.builds, told.after.recoveries) == (1, 1)


class TestDropLongerThanReconnectTimeout:
    @scenario
    @staticmethod
    async def told(visitors: Visitors, folder: Path) -> AsyncIterator[Told]:
        async with (
            Server('form.py', folder, reconnect_timeout=0.5) as server,
            Proxy(server.port) as proxy,
            visitors() as visitor,
        ):
            tab = await visitor.open(proxy.url)
            typed, before = await fill(tab)
            proxy.drop()
            await server.forgot(before.client)
            proxy.restore()
            await tab.connected(after=before.client)
            yield Told(typed, before, await tab.look())

    async def test_a_long_drop_brings_the_session_field_back(self, told: Told):
        assert told.after.session == told.typed['session']

    async def test_a_long_drop_brings_the_reconnect_field_back(self, told: Told):
        assert told.after.reconnect == told.typed['reconnect']

    async def test_a_long_drop_brings_the_tab_field_back(self, told: Told):
        assert told.after.tab == told.typed['tab']

    async def test_a_long_drop_is_told_as_a_rejoin(self, told: Told):
        assert (told.after.reason, told.after.status) == ('rejoin', 'recovered')
        assert (told.after.builds, told.after.recoveries) == (1, 1)


class TestKill:
    @scenario
    @staticmethod
    async def told(visitors: Visitors, folder: Path) -> AsyncIterator[Told]:
        async with Server('form.py', folder) as server, visitors() as visitor:
            tab = await visitor.open(server.url)
            typed, before = await fill(tab, flush=True)
            await restart(server, tab, kill=True)
            yield Told(typed, before, await tab.look())

    @pytest.mark.proves('flush')
    async def test_kill_9_brings_the_flushed_session_field_back(self, told: Told):
        assert told.after.session == told.typed['session']

    @pytest.mark.proves('flush')
    async def test_kill_9_brings_the_flushed_reconnect_field_back(self, told: Told):
        assert told.after.reconnect == told.typed['reconnect']

    async def test_kill_9_brings_the_flushed_tab_field_back(self, told: Told):
        assert told.after.tab == told.typed['tab']

    async def test_kill_9_is_told_as_a_rejoin(self, told: Told):
        assert (told.after.reason, told.after.status) == ('rejoin', 'recovered')


class TestTerminate:
    @scenario
    @staticmethod
    async def told(visitors: Visitors, folder: Path) -> AsyncIterator[Told]:
        async with Server('form.py', folder) as server, visitors() as visitor:
            tab = await visitor.open(server.url)
            typed, before = await fill(tab)  # not flushed: the shutdown does
            await restart(server, tab, kill=False)
            yield Told(typed, before, await tab.look())

    @pytest.mark.proves('sigterm')
    async def test_sigterm_brings_the_session_field_back(self, told: Told):
        assert told.after.session == told.typed['session']

    async def test_sigterm_brings_the_reconnect_field_back(self, told: Told):
        assert told.after.reconnect == told.typed['reconnect']

    async def test_sigterm_brings_the_tab_field_back(self, told: Told):
        assert told.after.tab == told.typed['tab']

    async def test_sigterm_is_told_as_a_rejoin(self, told: Told):
        assert (told.after.reason, told.after.status) == ('rejoin', 'recovered')


class TestHopToAnotherServer:
    @scenario
    @staticmethod
    async def told(visitors: Visitors, folder: Path) -> AsyncIterator[Told]:
        async with (
            Server('form.py', folder) as old,
            Server('form.py', folder) as new,
            Proxy(old.port) as proxy,
            visitors() as visitor,
        ):
            tab = await visitor.open(proxy.url)
            typed, before = await fill(tab, flush=True)
            proxy.lead_to(new.port)
            proxy.cut()
            await tab.connected(after=before.client)
            after = await tab.look()
            assert after.client in (await new.probe())['clients']
            yield Told(typed, before, after)

    async def test_another_server_brings_the_session_field_back(self, told: Told):
        assert told.after.session == told.typed['session']

    async def test_another_server_brings_the_reconnect_field_back(self, told: Told):
        assert told.after.reconnect == told.typed['reconnect']

    async def test_another_server_brings_the_tab_field_back(self, told: Told):
        assert told.after.tab == told.typed['tab']

    async def test_another_server_is_told_as_a_rejoin(self, told: Told):
        assert (told.after.reason, told.after.status) == ('rejoin', 'recovered')


class TestReloadWhileTheConnectionIsLost:
    @scenario
    @staticmethod
    async def told(visitors: Visitors, folder: Path) -> AsyncIterator[Told]:
        async with Server('form.py', folder) as server, Proxy(server.port) as proxy, visitors() as visitor:
            tab = await visitor.open(proxy.url)
            typed, before = await fill(tab)
            proxy.drop_sockets()
            await tab.disconnected()
            await tab.page.reload()
            proxy.restore()
            await tab.connected(after=before.client)
            yield Told(typed, before, await tab.look())

    async def test_f5_while_the_connection_is_lost_brings_the_session_field_back(self, told: Told):
        assert told.after.session == told.typed['session']

    async def test_f5_while_the_connection_is_lost_brings_the_reconnect_field_back(self, told: Told):
        assert told.after.reconnect == told.typed['reconnect']

    async def test_f5_while_the_connection_is_lost_brings_the_tab_field_back(self, told: Told):
        assert told.after.tab == told.typed['tab']

    async def test_f5_while_the_connection_is_lost_is_told_as_a_rejoin(self, told: Told):
        assert (told.after.reason, told.after.status) == ('rejoin', 'recovered')
