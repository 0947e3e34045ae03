from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from nicegui import Client, core, ui
from nicegui.storage import Storage
from nicegui.testing.general import nicegui_reset_globals
from starlette.middleware.sessions import SessionMiddleware

from nicegui_stash import ConfigurationError, Stash, StashError, stored
from nicegui_stash.session.keys import object_key
from nicegui_stash.testing import FaultyStore

from .scene import SECRET, Browser, close, data_of, documents, idle, serving, shown, text


@asynccontextmanager
async def hosted(declare: Callable[[], Any], parent: FastAPI, **options: Any) -> AsyncIterator[Any]:
    """Serve an app that a FastAPI app mounts."""
    with nicegui_reset_globals():
        os.environ['NICEGUI_USER_SIMULATION'] = 'true'
        try:
            declared = declare()
            ui.run_with(parent, show_welcome_message=False, **options)
            async with parent.router.lifespan_context(parent):
                yield declared
        finally:
            os.environ.pop('NICEGUI_USER_SIMULATION', None)


class Guest(Browser):
    """A browser that reaches the app through its host."""

    def __init__(self, host: Any, **options: Any) -> None:
        super().__init__()
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(host, raise_app_exceptions=False), base_url='http://test', **options
        )


def declare(url: str) -> Callable[[], tuple[Stash, type]]:
    def declare_all() -> tuple[Stash, type]:
        stash = Stash(url, flush_interval=0)

        @stash.page('/count')
        class Page:
            count: int = stored(0)

            def build(self) -> None:
                ui.label().mark('count').bind_text_from(self, 'count')
                ui.link('self', Page)

        return stash, Page

    return declare_all


@pytest.mark.parametrize('mount_path', ['/', '/gui', '/deep/down'])
async def test_a_fastapi_app_can_host_the_pages(url: str, store: FaultyStore, mount_path: str) -> None:
    parent = FastAPI()

    @parent.get('/api')
    def api() -> str:
        return 'still there'

    path = mount_path.rstrip('/') + '/count'
    async with hosted(declare(url), parent, mount_path=mount_path, storage_secret=SECRET) as (stash, page):
        ann = Guest(parent)
        tab = await ann.open(path)
        shown(stash, tab, page).count = 3
        await close(tab)
        tab = await ann.open(path)
        assert text(tab, 'count') == '3'
        assert text(await Guest(parent).open(path), 'count') == '0'
        assert (await ann.get('/api')).json() == 'still there'
        assert Client.page_routes[page] == '/count'
    assert await data_of(store, 'Page') == {'count': 3}


async def test_the_session_middleware_of_the_host_is_used(url: str, store: FaultyStore) -> None:
    parent = FastAPI()
    parent.add_middleware(SessionMiddleware, secret_key='the secret of the host', session_cookie='its_own')

    @parent.get('/whoami')
    def whoami(request: Request) -> dict[str, Any]:
        return dict(request.session)

    async with hosted(declare(url), parent) as (stash, page):
        ann = Guest(parent)
        shown(stash, await ann.open('/count'), page).count = 4
        assert text(await ann.open('/count'), 'count') == '4'
        session_id = (await ann.get('/whoami')).json()['id']
        with pytest.raises(KeyError):
            ann.http.cookies['session']
        assert 'its_own' in ann.http.cookies
    assert list(await documents(store)) == [object_key('the secret of the host', session_id)]


@pytest.mark.parametrize('forged', ['', 'its_own=garbage', 'other=1'])
async def test_a_host_with_its_own_session_middleware_never_shows_anothers_state(url: str, forged: str) -> None:
    parent = FastAPI()
    parent.add_middleware(SessionMiddleware, secret_key='the secret of the host', session_cookie='its_own')
    async with hosted(declare(url), parent) as (stash, page):
        shown(stash, await Guest(parent).open('/count'), page).count = 4
        tab = await Guest(parent, headers={'cookie': forged} if forged else {}).open('/count')
        assert text(tab, 'count') == '0'
        assert stash.recovery(shown(stash, tab, page)).status == 'fresh'


async def test_a_hosted_app_without_a_secret_does_not_start(url: str) -> None:
    with pytest.raises(SystemExit, match=r'^nicegui_stash: storage_secret: .*or pass it to ui\.run_with'):
        async with hosted(declare(url), FastAPI()):
            pass


async def test_the_lifespan_of_the_host_surrounds_nothing_that_would_be_lost(url: str, store: FaultyStore) -> None:
    pages: list[Any] = []

    @asynccontextmanager
    async def lifespan(parent: FastAPI) -> AsyncIterator[None]:
        yield
        pages[0].count = 9  # NiceGUI shuts down after its host

    parent = FastAPI(lifespan=lifespan)
    async with hosted(declare(url), parent, storage_secret=SECRET) as (stash, page):
        pages.append(shown(stash, await Guest(parent).open('/count'), page))
    assert await data_of(store, 'Page') == {'count': 9}


@pytest.mark.parametrize(
    ('scope', 'headers'),
    [({'root_path': '/prefix'}, {}), ({}, {'x-forwarded-prefix': '/prefix'})],
    ids=['root_path', 'X-Forwarded-Prefix'],
)
async def test_pages_and_views_work_behind_a_path_prefix(
    stash: Stash, scope: dict[str, str], headers: dict[str, str]
) -> None:
    @stash.view
    class View:
        note: str = stored('')

        def build(self) -> None:
            ui.label(f'note {self.note}').mark('note')

    @stash.page('/there')
    class Page:
        count: int = stored(0)

        def build(self) -> None:
            ui.label().mark('count').bind_text_from(self, 'count')
            ui.sub_pages({'/there': View})

    async def behind_proxy(received: dict[str, Any], receive: Any, send: Any) -> None:
        if scope:
            received = {**received, 'root_path': scope['root_path'], 'path': scope['root_path'] + received['path']}
        await core.app(received, receive, send)

    ann = Guest(behind_proxy, headers=headers)
    tab = await ann.open('/there')
    shown(stash, tab, Page).count, shown(stash, tab, View).note = 3, 'kept'
    await idle()
    tab = await ann.open('/there')
    assert (text(tab, 'count'), text(tab, 'note')) == ('3', 'note kept')


async def test_a_script_without_pages_needs_secrets(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Storage, 'secret', None)
    with (
        nicegui_reset_globals(),
        pytest.raises(
            ConfigurationError,
            match=r"^secrets: no storage_secret\. Pass the app's: Stash\(secrets=\['…'\]\), or set NICEGUI_STASH",
        ),
    ):
        async with Stash(url).open('an id'):
            pass


async def test_a_script_without_pages_reaches_a_session_by_its_id(
    url: str, store: FaultyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Storage, 'secret', None)
    with nicegui_reset_globals():
        stash = Stash(url, secrets=SECRET, flush_interval=0)

        @stash.state
        class Page:
            count: int = stored(0)

        async with stash.open('an id') as session:
            session.set(Page, count=7)
    assert list(await documents(store)) == [object_key(SECRET, 'an id')]
    assert await data_of(store, 'Page') == {'count': 7}


async def test_a_route_of_the_host_learns_which_app_has_the_visitors(url: str) -> None:
    parent = FastAPI()
    said: list[str] = []

    @parent.get('/basket')
    def basket() -> None:
        with pytest.raises(StashError) as error:
            stash.current()
        said.append(str(error.value))

    async with hosted(declare(url), parent, mount_path='/gui', storage_secret=SECRET) as (stash, _):
        assert (await Guest(parent).get('/basket')).status_code == 200
    assert ['add the route to nicegui.app, or use stash.open(session_id)' in line for line in said] == [True]


@pytest.mark.parametrize('url', ['state', 'sqlite:///state/stash.db'])
async def test_a_relative_place_is_that_of_the_moment_when_the_stash_is_made(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ('made', 'served'):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / 'made')

    def declare() -> None:
        Stash(url, journal='journal')
        monkeypatch.chdir(tmp_path / 'served')

    async with serving(declare):
        assert (tmp_path / 'made/state').is_dir()
        assert (tmp_path / 'made/journal').is_dir()
        assert list((tmp_path / 'served').iterdir()) == []
