"""An app whose state is in object storage: what its start finds out, and what comes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from nicegui import ui

from nicegui_stash import Stash, stored
from nicegui_stash.stores import open_store
from tests.servers.fixtures import moto, patience, rclone
from tests.servers.process import free_ports
from tests.servers.s3 import S3Server

from .scene import Browser, close, serving, shown

__all__ = ['moto', 'patience', 'rclone']


def declare(stash: Stash) -> type:
    @stash.page('/', response_timeout=60)
    class Page:
        name: str = stored('')

        def build(self) -> None:
            ui.input().mark('name').bind_value(self, 'name')

    return Page


def app(server: S3Server, url: str, **options: Any) -> Callable[[], Stash]:
    return lambda: Stash(url, storage_options=server.options, prefix='shop', flush_interval=0, **options)


@pytest.mark.usefixtures('patience')
@pytest.mark.parametrize('engine', ['fsspec', 'obstore'])
async def test_what_one_server_stored_comes_back_on_the_next(moto: S3Server, engine: str) -> None:
    url, ann = moto.url(), Browser()
    at_leisure = app(moto, url, engine=engine, recover_timeout=50)  # moto and its client are slow on a busy machine
    async with serving(at_leisure) as stash:
        cls = declare(stash)
        tab = await ann.open('/')
        shown(stash, tab, cls).name = 'Ann'
        await stash.flush(shown(stash, tab, cls))
        await close(tab)
    async with serving(at_leisure) as stash:
        cls = declare(stash)
        tab = await ann.open('/')
        assert shown(stash, tab, cls).name == 'Ann'
        await close(tab)
    store = open_store(url, moto.options)
    (row,) = [row async for row in store.list()]
    assert row.key.startswith('shop/')
    await store.aclose()


@pytest.mark.usefixtures('patience')
async def test_a_server_that_ignores_conditions_stops_the_start(rclone: S3Server) -> None:
    with pytest.raises(SystemExit, match=r'^nicegui_stash: url: .*it overwrites an object that must not exist'):
        async with serving(app(rclone, rclone.url())):
            pass


@pytest.mark.usefixtures('patience')
async def test_a_bucket_that_is_not_there_stops_the_start_with_what_to_do(moto: S3Server) -> None:
    with pytest.raises(SystemExit, match=r'^nicegui_stash: url: .*NoSuchBucket.*make the bucket'):
        async with serving(app(moto, 's3://no-such-bucket/app')):
            pass


@pytest.mark.parametrize('engine', ['fsspec', 'obstore'])
async def test_a_server_that_is_away_does_not_stop_the_start_and_pages_are_served(engine: str) -> None:
    away = S3Server(free_ports(1)[0])
    async with serving(app(away, away.url(), engine=engine, drain_timeout=0.1)) as stash:
        cls = declare(stash)
        ann = Browser()
        tab = await ann.open('/')
        page = shown(stash, tab, cls)
        assert page.name == ''
        assert stash.recovery(page).status == 'fresh', 'a new visitor has nothing stored'
        await close(tab)
        again = await ann.open('/')
        assert shown(stash, again, cls).name == ''
        await close(again)
