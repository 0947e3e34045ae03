from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from fastapi import Response
from fastapi.responses import RedirectResponse
from nicegui import PageArguments, binding, ui

from nicegui_stash import DeclarationError, Recovery, Stash, stored
from nicegui_stash.testing import FaultyStore

from .scene import (
    Browser,
    client_of,
    data_of,
    eventually,
    go,
    idle,
    replace,
    sent,
    serving,
    shown,
    slice_of,
    text,
    type_into,
    with_values,
)


def declare_form(stash: Stash) -> type:
    @stash.view
    class Form:
        name: str = stored('')
        draft: str = stored('', scope='reconnect')
        step: int = stored(1, scope='tab')

        def build(self) -> None:
            ui.input().mark('name').bind_value(self, 'name')
            ui.input().mark('draft').bind_value(self, 'draft')

    return Form


def declare_two_views(stash: Stash) -> tuple[type, type]:
    form = declare_form(stash)

    @stash.view(version=2)
    class Other:
        count: int = stored(0)

        def build(self) -> None:
            ui.label('the other view')

    @ui.page('/')
    @ui.page('/other')
    def frame() -> None:
        ui.sub_pages({'/': form, '/other': Other})

    return form, Other


async def test_a_view_is_in_the_first_html(stash: Stash) -> None:
    declare_two_views(stash)
    assert 'the other view' in (await Browser().get('/other')).text


async def test_a_view_left_and_come_back_to_has_blank_drafts_and_everything_else(stash: Stash) -> None:
    form, _ = declare_two_views(stash)
    tab = await Browser().open()
    type_into(tab, 'name', 'Ann')
    type_into(tab, 'draft', 'half')
    shown(stash, tab, form).step = 2
    await go(tab, '/other')
    await tab.should_see('the other view')
    await go(tab, '/')
    view = shown(stash, tab, form)
    assert (view.name, view.draft, view.step) == ('Ann', '', 2)
    assert stash.recovery(view).reason == 'subpage'


async def test_the_draft_of_a_view_that_was_left_is_not_stored_any_more(stash: Stash, store: FaultyStore) -> None:
    form, _ = declare_two_views(stash)
    tab = await Browser().open()
    type_into(tab, 'draft', 'half')
    await stash.flush(shown(stash, tab, form))
    assert [visit['data'] for visit in (await slice_of(store, 'Form'))['visits'].values()] == [{'draft': 'half'}]
    await go(tab, '/other')
    with client_of(tab):
        await stash.flush()
    assert (await slice_of(store, 'Form'))['visits'] == {}


async def test_a_view_that_was_left_is_closed_and_its_bindings_are_gone(stash: Stash) -> None:
    declare_two_views(stash)
    tab = await Browser().open('/other')
    before = {key: len(links) for key, links in binding.bindings.items() if links}
    connection = stash._app_state.connection_of(client_of(tab))
    await go(tab, '/')
    (form,) = connection.page_objects
    assert {key: len(links) for key, links in binding.bindings.items() if links} != before
    await go(tab, '/other')
    assert form.closed
    assert [instance.schema.name for instance in connection.page_objects] == ['Other']
    assert {key: len(links) for key, links in binding.bindings.items() if links} == before


async def test_the_root_of_an_app_can_show_views(url: str, store: FaultyStore) -> None:
    stashes: list[Stash] = []

    def declare() -> type:
        stashes.append(Stash(url))
        return declare_form(stashes[0])

    def root() -> None:
        ui.label('around')
        ui.sub_pages({'/': form})

    async with serving(declare, root=root) as form:
        ann = Browser()
        tab = await ann.open('/')
        type_into(tab, 'name', 'Ann')
        again = await ann.open('/')
        await again.should_see('around')
        assert shown(stashes[0], again, form).name == 'Ann'
    assert await data_of(store, 'Form') == {'name': 'Ann'}


async def test_a_view_gets_parameters_with_their_types_and_page_arguments(stash: Stash) -> None:
    got: list[object] = []

    @stash.view
    class Item:
        def build(self, number: int, size: float, arguments: PageArguments, shop: str = 'none') -> None:
            got.append((number, size, arguments.path_parameters, shop))

    @ui.page('/item/{number}')
    def frame() -> None:
        ui.sub_pages({'/item/{number}': Item}, data={'shop': 'corner'})

    await Browser().open('/item/7?size=2.5')
    assert got == [(7, 2.5, {'number': '7'}, 'corner')]


async def test_each_value_of_a_views_key_has_its_own_slice(stash: Stash) -> None:
    @stash.view(key='number')
    class Item:
        note: str = stored('')

        def build(self, number: int) -> None:
            ui.input().mark('note').bind_value(self, 'note')

    @ui.page('/item/{number}')
    def frame() -> None:
        ui.sub_pages({'/item/{number}': Item})

    tab = await Browser().open('/item/1')
    type_into(tab, 'note', 'first')
    await go(tab, '/item/2')
    assert shown(stash, tab, Item, '2').note == ''
    await go(tab, '/item/1')
    assert shown(stash, tab, Item, '1').note == 'first'


async def test_a_key_that_the_address_leaves_out_has_the_default_of_its_parameter(stash: Stash) -> None:
    @stash.view(key='tab')
    class Report:
        note: str = stored('')

        def build(self, tab: str = 'summary') -> None:
            ui.label(f'tab {tab}')

    @ui.page('/')
    def frame() -> None:
        ui.sub_pages({'/': Report})

    tab = await Browser().open()
    await tab.should_see('tab summary')
    shown(stash, tab, Report, 'summary').note = 'all of it'
    await go(tab, '/?tab=details')
    assert shown(stash, tab, Report, 'details').note == ''
    await go(tab, '/?tab=summary')
    assert shown(stash, tab, Report, 'summary').note == 'all of it'


async def test_on_recovered_of_an_async_view_is_called_before_it_is_built(stash: Stash) -> None:
    order: list[str] = []

    @stash.view
    class Form:
        name: str = stored('')

        async def on_recovered(self, recovery: Recovery) -> None:
            await asyncio.sleep(0)
            order.append(recovery.status)

        async def build(self) -> None:
            await asyncio.sleep(0)
            order.append('build')
            ui.label('built')

    @ui.page('/')
    def frame() -> None:
        ui.sub_pages({'/': Form})

    tab = await Browser().open()
    assert order == ['fresh', 'build']
    await tab.should_see('built')


async def test_a_view_whose_session_is_not_in_memory_is_built_when_it_was_read(url: str, store: FaultyStore) -> None:
    ann = Browser()
    async with serving(lambda: Stash(url)) as stash:
        form, _ = declare_two_views(stash)
        tab = await ann.open()
        type_into(tab, 'name', 'Ann')
    async with serving(lambda: Stash(url)) as stash:
        form, _ = declare_two_views(stash)
        gate = store.hold('get')
        tab = await ann.open()
        await gate.started.wait()
        store.release()
        await eventually(lambda: stash._app_state.connection_of(client_of(tab)).page_objects)
        await idle()
        assert shown(stash, tab, form).name == 'Ann'
        assert stash.recovery(shown(stash, tab, form)).status == 'recovered'


async def test_a_view_in_memory_is_compared_with_the_store_as_a_page_is(stash: Stash, store: FaultyStore) -> None:
    form, _ = declare_two_views(stash)
    ann = Browser()
    tab = await ann.open()
    type_into(tab, 'name', 'Ann')
    await stash.flush(shown(stash, tab, form))
    await replace(store, with_values(name='changed by another server'))
    other = await ann.open()
    await idle()
    assert shown(stash, other, form).name == 'changed by another server'
    assert shown(stash, tab, form).name == 'changed by another server'


async def test_a_view_on_a_page_of_its_own_class_is_recovered_with_it(stash: Stash) -> None:
    @stash.view
    class Part:
        note: str = stored('')

        def build(self) -> None:
            ui.input().mark('note').bind_value(self, 'note')

    @stash.page('/')
    class Frame:
        opened: int = stored(0)

        def build(self) -> None:
            self.opened += 1
            ui.label().mark('opened').bind_text_from(self, 'opened')
            ui.sub_pages({'/': Part})

    ann = Browser()
    type_into(await ann.open(), 'note', 'kept')
    tab = await ann.open()
    assert (text(tab, 'opened'), shown(stash, tab, Part).note) == ('2', 'kept')


async def test_one_view_shown_twice_on_a_page_can_be_left_at_once(
    stash: Stash, errors: Callable[[], list[str]]
) -> None:
    @stash.view
    class Part:
        note: str = stored('')

        def build(self) -> None:
            ui.input().bind_value(self, 'note')

    @ui.page('/')
    @ui.page('/empty')
    def frame() -> None:
        for _ in range(2):
            ui.sub_pages({'/': Part, '/empty': lambda: ui.label('nothing')})

    tab = await Browser().open()
    first, second = tab.find(ui.input).elements
    first.value = 'typed'
    assert second.value == 'typed'
    await go(tab, '/empty')
    await tab.should_not_see(ui.input)
    assert errors() == []


async def test_a_view_that_fails_to_build_shows_the_error_in_its_place(
    stash: Stash, errors: Callable[[], list[str]]
) -> None:
    @stash.view
    class Broken:
        def build(self) -> None:
            raise RuntimeError('broken')

    @ui.page('/')
    @ui.page('/fine')
    def frame() -> None:
        ui.sub_pages({'/': Broken, '/fine': lambda: ui.label('fine')})

    tab = await Browser().open()
    await tab.should_see('500: sub page / produced an error')
    assert len(errors()) == 1
    await go(tab, '/fine')
    await tab.should_see('fine')


@pytest.mark.parametrize('asynchronous', [False, True])
async def test_a_redirect_from_the_build_of_a_view_is_followed_in_the_browser(
    stash: Stash, *, asynchronous: bool
) -> None:
    @stash.view
    class Guarded:
        def build(self) -> Response | Awaitable[Response]:
            async def later() -> Response:
                return RedirectResponse('/login')

            return later() if asynchronous else RedirectResponse('/login')

    @ui.page('/')
    def frame() -> None:
        ui.sub_pages({'/': Guarded})

    tab = await Browser().open()
    assert [data['path'] for data in sent(tab, 'open')] == ['/login']


async def test_a_view_cannot_have_prepare_since_it_is_not_requested_on_its_own(stash: Stash) -> None:
    with pytest.raises(DeclarationError, match='prepare'):

        @stash.view
        class Form:
            def prepare(self) -> None: ...

            def build(self) -> None: ...
