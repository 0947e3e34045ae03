from __future__ import annotations

import asyncio
import gc
import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import Depends, HTTPException
from nicegui import APIRouter, Client, app, binding, ui

from nicegui_stash import Stash, stored
from nicegui_stash.testing import FaultyStore

from .scene import (
    Browser,
    client_of,
    close,
    data_of,
    disconnect,
    eventually,
    idle,
    page_object_of,
    serving,
    shown,
    text,
)


def forbid() -> None:
    raise HTTPException(403)


@pytest.mark.parametrize(
    'options',
    [
        {'title': 'Stock & Co'},
        {'viewport': 'width=500'},
        {'dark': True},
        {'dark': None},
        {'language': 'de'},
        {'favicon': 'https://example.org/icon.png'},
    ],
    ids=str,
)
async def test_what_page_does_not_know_goes_to_ui_page(stash: Stash, options: dict[str, Any]) -> None:
    @ui.page('/without')
    def without() -> None: ...

    @ui.page('/with', **options)
    def with_them() -> None: ...

    @stash.page('/', **options)
    class Page:
        def build(self) -> None: ...

    async def lines(path: str) -> set[str]:
        html = re.sub(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', 'id', (await Browser().get(path)).text)
        return set(html.splitlines())

    differences = await lines('/with') - await lines('/without')
    assert differences != set()
    assert differences <= await lines('/')


async def test_fastapi_options_go_on_to_the_route(stash: Stash) -> None:
    @stash.page('/', dependencies=[Depends(forbid)])
    class Page:
        def build(self) -> None: ...

    assert (await Browser().get()).status_code == 403


async def test_markdown_is_served_to_those_who_ask_for_it(stash: Stash) -> None:
    @stash.page('/', markdown=True)
    class Page:
        def build(self) -> None:
            ui.label('plain words')

    answer = await Browser(headers={'accept': 'text/markdown'}).get()
    assert answer.headers['content-type'].startswith('text/markdown')
    assert 'plain words' in answer.text


async def test_the_title_can_come_from_a_recovered_field(stash: Stash) -> None:
    @stash.page('/', title='before')
    class Page:
        name: str = stored('nobody')

        def build(self) -> None:
            ui.page_title(self.name)

    ann = Browser()
    shown(stash, await ann.open(), Page).name = 'Ann'
    assert '<title>Ann</title>' in (await ann.get()).text


async def test_a_build_that_takes_longer_than_response_timeout_is_answered_with_an_error(url: str) -> None:
    async with serving(lambda: Stash(url, recover_timeout=0.02, revalidate_timeout=0.02)) as stash:

        @stash.page('/', response_timeout=0.05)
        class Page:
            async def build(self) -> None:
                await asyncio.Event().wait()

        answer = await Browser().get()
    assert answer.status_code == 500
    assert 'response_timeout of 0.05 seconds' in answer.text
    await idle()
    gc.collect()
    assert stash.statistics().sessions == 0


async def test_a_page_is_closed_after_its_own_reconnect_timeout(stash: Stash) -> None:
    @stash.page('/', reconnect_timeout=0.01)
    class Page:
        count: int = stored(0)

        def build(self) -> None: ...

    tab = await Browser().open()
    instance = stash._app_state.connection_of(client_of(tab)).page_objects[0]
    disconnect(tab)
    assert not instance.closed
    await eventually(lambda: instance.closed)


async def test_a_page_belongs_to_an_api_router_with_its_prefix(stash: Stash) -> None:
    router = APIRouter(prefix='/shop')

    @stash.page('/cart', api_router=router)
    class Cart:
        items: list[str] = stored([])

        def build(self) -> None:
            ui.label().mark('items').bind_text_from(self, 'items', ', '.join)

    app.include_router(router)
    ann = Browser()
    tab = await ann.open('/shop/cart')
    shown(stash, tab, Cart).items.append('pen')
    assert text(tab, 'items') == 'pen'
    assert text(await ann.open('/shop/cart'), 'items') == 'pen'
    assert Client.page_routes[Cart] == '/shop/cart'
    assert (await ann.get('/cart')).status_code == 404


async def test_navigate_finds_the_page_of_a_class(stash: Stash) -> None:
    @stash.page('/there')
    class There:
        count: int = stored(0)

        def build(self) -> None:
            ui.label(f'here, for time {self.count}')

    @stash.page('/')
    class Start:
        def build(self) -> None:
            ui.button('go', on_click=lambda: ui.navigate.to(There))

    ann = Browser()
    shown(stash, await ann.open('/there'), There).count = 2
    tab = await ann.open()
    tab.find('go').click()
    await tab.should_see('here, for time 2')


async def test_a_link_finds_the_page_of_a_class(stash: Stash) -> None:
    @stash.page('/there')
    class There:
        def build(self) -> None: ...

    @stash.page('/')
    class Start:
        def build(self) -> None:
            ui.link('go', There)

    tab = await Browser().open()
    (link,) = tab.find('go').elements
    assert link.props['href'] == '/there'


async def test_every_page_loads_the_script_once_and_browsers_keep_it(url: str) -> None:
    def declare() -> None:
        one, two = Stash(url), Stash(url)

        @one.page('/one')
        class One:
            def build(self) -> None: ...

        @two.page('/two')
        class Two:
            def build(self) -> None: ...

        @ui.page('/plain')
        def plain() -> None: ...

    async with serving(declare):
        for path in ('/one', '/two', '/plain'):
            found = re.findall(r'/_nicegui/stash/rejoin\.js\?v=\w+', (await Browser().get(path)).text)
            assert len(found) == 1
        script = await Browser().get(found[0])
        assert 'window.__niceguiStash=' in script.text
        assert script.headers['cache-control'].endswith('immutable')
        assert (await Browser().get(found[0] + '0')).headers['cache-control'] == 'no-store'


async def test_the_script_carries_the_nonce_that_the_environment_brings(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('NICEGUI_STASH_CSP_NONCE', 'r4nd0m')
    async with serving(lambda: Stash(url)) as stash:

        @stash.page('/')
        class Page:
            def build(self) -> None: ...

        assert '<script nonce="r4nd0m">' in (await Browser().get()).text


async def test_a_page_that_fails_to_build_is_closed_like_any_other(
    stash: Stash, errors: Callable[[], list[str]]
) -> None:
    pages: list[object] = []

    @stash.page('/')
    class Page:
        count: int = stored(0)

        def build(self) -> None:
            pages.append(self)
            ui.label().bind_text_from(self, 'count')
            if self.count:
                raise RuntimeError('broken')

    ann = Browser()
    tab = await ann.open()
    shown(stash, tab, Page).count = 1
    await close(tab)
    before = sum(map(len, binding.bindings.values()))
    assert (await ann.get()).status_code == 500
    assert errors() != []
    for client in list(Client.instances.values()):
        client.delete()
    assert [page_object_of(page).closed for page in pages] == [True, True]
    assert sum(map(len, binding.bindings.values())) == before


async def test_a_page_with_several_paths_shows_at_each_what_is_stored(stash: Stash, store: FaultyStore) -> None:
    @stash.page('/one', title='One')
    @stash.page('/two/{step}', name='Page')
    class Page:
        count: int = stored(0)

        def build(self, step: int = 0) -> None:
            ui.label(f'{step} {self.count}').mark('got')

    ann = Browser()
    page = shown(stash, await ann.open('/one'), Page)
    page.count = 3
    tab = await ann.open('/two/5')
    assert text(tab, 'got') == '5 3'
    shown(stash, tab, Page).count += 1
    await idle()
    assert page.count == 4
    await stash.flush(page)
    assert await data_of(store, 'Page') == {'count': 4}
