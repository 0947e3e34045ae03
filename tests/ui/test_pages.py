from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated

import pytest
from fastapi import Depends, HTTPException, Query, Request, Response
from fastapi.responses import RedirectResponse
from nicegui import Client, ui

from nicegui_stash import Recovery, Stash, stored
from nicegui_stash.testing import FaultyStore

from .scene import Browser, client_of, close, data_of, idle, shown, text


async def test_build_gets_path_and_query_parameters_with_their_types(stash: Stash) -> None:
    @stash.page('/item/{number}')
    class Item:
        def build(self, number: int, size: float = 1.5, tags: Annotated[list[str] | None, Query()] = None) -> None:
            ui.label(repr((number, size, tags))).mark('got')

    ann = Browser()
    assert text(await ann.open('/item/7'), 'got') == '(7, 1.5, None)'
    assert text(await ann.open('/item/8?size=2&tags=a&tags=b'), 'got') == "(8, 2.0, ['a', 'b'])"
    assert (await ann.get('/item/seven')).status_code == 422


async def test_build_gets_the_client_and_the_request(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        def build(self, client: Client, request: Request) -> None:
            assert client is ui.context.client
            ui.label(f'{client.id} {request.headers["x-said"]}').mark('got')

    tab = await Browser(headers={'x-said': 'hello'}).open()
    assert text(tab, 'got') == f'{client_of(tab).id} hello'


async def test_build_and_prepare_get_what_they_depend_on(stash: Stash) -> None:
    def signed_in(request: Request) -> str:
        if 'x-name' not in request.headers:
            raise HTTPException(401)
        return request.headers['x-name']

    @stash.page('/')
    class Page:
        greeted: str = stored('')

        def prepare(self, name: Annotated[str, Depends(signed_in)]) -> None:
            self.greeted = name

        def build(self, name: str = Depends(signed_in)) -> None:
            ui.label(f'{self.greeted} {name}').mark('got')

    assert text(await Browser(headers={'x-name': 'Ann'}).open(), 'got') == 'Ann Ann'
    assert (await Browser().get()).status_code == 401


async def test_prepare_and_build_each_get_the_parameters_they_name(stash: Stash) -> None:
    got: list[object] = []

    @stash.page('/{a}/{b}')
    class Page:
        def prepare(self, a: int) -> None:
            got.append(a)

        async def build(self, b: str, c: int = 3) -> None:
            got.append((b, c))

    await Browser().open('/1/2')
    assert got == [1, ('2', 3)]


async def test_an_async_build_is_in_the_first_html(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        async def build(self) -> None:
            await asyncio.sleep(0)
            ui.label('built in time')

    assert 'built in time' in (await Browser().get()).text


@pytest.mark.proves('next-view')
async def test_a_recovered_value_is_in_the_first_html_and_in_build_and_in_prepare(stash: Stash) -> None:
    seen: list[int] = []

    @stash.page('/')
    class Page:
        count: int = stored(0)

        def prepare(self) -> None:
            seen.append(self.count)

        def build(self) -> None:
            seen.append(self.count)
            ui.label().bind_text_from(self, 'count', lambda count: f'count {count}')

    ann = Browser()
    tab = await ann.open()
    shown(stash, tab, Page).count = 42
    await close(tab)
    seen.clear()
    assert 'count 42' in (await ann.get()).text
    assert seen == [42, 42]


async def test_what_init_assigns_is_the_default_and_is_not_stored(stash: Stash, store: FaultyStore) -> None:
    @stash.page('/')
    class Page:
        count: int = stored(0)
        name: str = stored('')

        def __init__(self) -> None:
            self.count = 10

        def build(self) -> None: ...

    ann = Browser()
    page = shown(stash, await ann.open(), Page)
    assert page.count == 10
    page.name = 'Ann'
    await stash.flush(page)
    assert await data_of(store, 'Page') == {'name': 'Ann'}
    page.count = 11
    assert shown(stash, await ann.open(), Page).count == 11


async def test_prepare_redirects_within_the_request(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        def prepare(self) -> Response | None:
            return RedirectResponse('/login')

        def build(self) -> None:
            raise AssertionError('prepare() answered')

    answer = await Browser().get()
    assert (answer.status_code, answer.headers['location']) == (307, '/login')


async def test_an_async_prepare_can_say_that_there_is_no_such_page(stash: Stash) -> None:
    @stash.page('/item/{number}')
    class Item:
        async def prepare(self, number: int) -> Response | None:
            await asyncio.sleep(0)
            return Response('no such item', 404) if number > 2 else None

        def build(self, number: int) -> None:
            ui.label(f'item {number}')

    ann = Browser()
    answer = await ann.get('/item/3')
    assert (answer.status_code, answer.text) == (404, 'no such item')
    assert 'item 2' in (await ann.get('/item/2')).text


async def test_a_response_from_build_is_the_answer(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        def build(self) -> Response:
            return Response('gone', 410)

    answer = await Browser().get()
    assert (answer.status_code, answer.text) == (410, 'gone')


async def test_an_exception_from_build_is_the_error_page_of_the_app(
    stash: Stash, errors: Callable[[], list[str]]
) -> None:
    @stash.page('/')
    class Page:
        def build(self) -> None:
            raise RuntimeError('broken')

    assert (await Browser().get()).status_code == 500
    assert 'broken' in errors()


async def test_on_recovered_is_called_before_build_and_may_be_async(stash: Stash) -> None:
    order: list[str] = []

    @stash.page('/')
    class Page:
        count: int = stored(0)

        async def on_recovered(self, recovery: Recovery) -> None:
            await asyncio.sleep(0)
            order.append(f'{recovery.status} {self.count}')

        def build(self) -> None:
            order.append('build')

    ann = Browser()
    shown(stash, await ann.open(), Page).count = 3
    await ann.open()
    assert order == ['fresh 0', 'build', 'recovered 3', 'build']


async def test_on_recovered_may_be_given_to_an_object_by_its_init(stash: Stash) -> None:
    order: list[str] = []

    @stash.page('/')
    class Page:
        def __init__(self) -> None:
            self.on_recovered = lambda recovery: order.append(recovery.status)

        def build(self) -> None:
            order.append('build')

    await Browser().open()
    assert order == ['fresh', 'build']


async def test_on_recovered_of_a_used_state_is_called_too(stash: Stash) -> None:
    order: list[str] = []

    @stash.state
    class Settings:
        dark: bool = stored(default=False)

        def on_recovered(self, recovery: Recovery) -> None:
            order.append(f'settings {recovery.status}')

    @stash.page('/')
    class Page:
        settings: Settings = stash.use(Settings)

        def build(self) -> None:
            order.append('build')

    await Browser().open()
    assert order == ['settings fresh', 'build']


async def test_any_page_function_can_recover_a_class_once_per_client(stash: Stash) -> None:
    told: list[str] = []

    @stash.state
    class Settings:
        count: int = stored(0)

        def on_recovered(self, recovery: Recovery) -> None:
            told.append(recovery.status)

    @ui.page('/')
    async def page() -> None:
        settings = await stash.recover(Settings)
        assert await stash.recover(Settings) is settings
        settings.count += 1
        ui.label(f'visit {settings.count}').mark('got')

    ann = Browser()
    assert text(await ann.open(), 'got') == 'visit 1'
    assert text(await ann.open(), 'got') == 'visit 2'
    assert told == ['fresh', 'recovered']


async def test_two_pages_use_one_state(stash: Stash) -> None:
    @stash.state
    class Settings:
        dark: bool = stored(default=False)

    @stash.page('/a')
    class A:
        settings: Settings = stash.use(Settings)

        def build(self) -> None:
            ui.switch('dark').bind_value(self.settings, 'dark')

    @stash.page('/b')
    class B:
        settings: Settings = stash.use(Settings)

        def build(self) -> None:
            ui.label().mark('dark').bind_text_from(self.settings, 'dark')

    ann = Browser()
    a, b = await ann.open('/a'), await ann.open('/b')
    a.find(ui.switch).click()
    await idle()
    assert text(b, 'dark') == 'True'


async def test_each_value_of_a_key_has_its_own_slice(stash: Stash, store: FaultyStore) -> None:
    @stash.page('/{kind}/{number}', key=('kind', 'number'))
    class Item:
        note: str = stored('')

        def build(self, kind: str, number: int) -> None: ...

    ann = Browser()
    pen = shown(stash, await ann.open('/pen/1'), Item, 'pen/1')
    pen.note = 'blue'
    assert shown(stash, await ann.open('/pen/2'), Item, 'pen/2').note == ''
    assert shown(stash, await ann.open('/pen/1'), Item, 'pen/1').note == 'blue'
    await stash.flush(pen)
    assert await data_of(store, 'Item', key='pen/1') == {'note': 'blue'}


async def test_values_of_a_key_are_distinguished_whatever_they_contain(stash: Stash) -> None:
    @stash.page('/item', key=('kind', 'number'))
    class Item:
        def build(self, kind: str, number: str = '') -> None: ...

    ann = Browser()
    keys = set()
    for query in ('kind=x/y&number=z', 'kind=x&number=y/z', 'kind=x%252Fy&number=z', 'kind=&number=', 'kind=x'):
        tab = await ann.open(f'/item?{query}')
        keys.add(stash._app_state.connection_of(client_of(tab)).page_objects[0].slice_id.key)
    assert len(keys) == 5


async def test_prepare_can_raise_what_a_route_could(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        async def prepare(self) -> None:
            raise HTTPException(403, 'not for you')

        def build(self) -> None: ...

    assert (await Browser().get()).status_code == 403


async def test_nothing_is_stored_before_save_with_auto_off(stash: Stash, store: FaultyStore) -> None:
    @stash.page('/', auto=False)
    class Form:
        name: str = stored('')
        tags: list[str] = stored([])

        def build(self) -> None: ...

    ann = Browser()
    tab = await ann.open()
    form = shown(stash, tab, Form)
    form.name = 'Ann'
    form.tags.append('new')
    await stash.flush(form)
    assert (form.name, store.calls['put']) == ('Ann', 0)
    assert shown(stash, await ann.open(), Form).name == ''
    stash.save(form)
    await stash.flush(form)
    assert await data_of(store, 'Form') == {'name': 'Ann', 'tags': ['new']}
    form.name = 'Bob'
    await close(tab)
    assert shown(stash, await ann.open(), Form).name == 'Ann'
