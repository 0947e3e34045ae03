from __future__ import annotations

from collections.abc import Callable

import pytest
from nicegui import app, ui

from nicegui_stash import Change, Stash, stored
from nicegui_stash.testing import FaultyStore
from nicegui_stash.testing.simulation import rejoin

from .scene import (
    Browser,
    click,
    close,
    data_of,
    element,
    idle,
    shown,
    text,
    type_into,
)


@pytest.mark.proves('next-view')
async def test_two_tabs_of_a_session_see_each_others_changes_at_once(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        count: int = stored(0)
        name: str = stored('')

        def build(self) -> None:
            ui.label().mark('count').bind_text_from(self, 'count')
            ui.input().mark('name').bind_value(self, 'name')
            ui.button('+1', on_click=lambda: setattr(self, 'count', self.count + 1))

    ann = Browser()
    left, right = await ann.open(), await ann.open()
    stranger = await Browser().open()
    click(left, '+1')
    await idle()
    assert (text(left, 'count'), text(right, 'count'), text(stranger, 'count')) == ('1', '1', '0')
    type_into(right, 'name', 'Ann')
    await idle()
    assert (element(left, 'name').value, element(stranger, 'name').value) == ('Ann', '')


async def test_a_page_and_another_page_that_use_one_state_see_each_other(stash: Stash) -> None:
    @stash.state
    class Cart:
        items: list[str] = stored([])

    @stash.page('/shop')
    class Shop:
        cart: Cart = stash.use(Cart)

        def build(self) -> None: ...

    @ui.page('/plain')
    async def plain() -> None:
        cart = await stash.recover(Cart)
        ui.label().mark('cart').bind_text_from(cart, 'items', ' '.join)

    ann = Browser()
    shop, plain_tab = await ann.open('/shop'), await ann.open('/plain')
    shown(stash, shop, Cart).items.append('pen')
    await idle()
    assert text(plain_tab, 'cart') == 'pen'


async def test_a_field_that_is_not_live_is_shown_from_the_next_page_on(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        draft: str = stored('', live=False)

        def build(self) -> None:
            ui.input().mark('draft').bind_value(self, 'draft')

    ann = Browser()
    left, right = await ann.open(), await ann.open()
    type_into(left, 'draft', 'left')
    await idle()
    assert element(right, 'draft').value == ''
    type_into(right, 'draft', 'right')
    await idle()
    assert element(left, 'draft').value == 'left'
    assert element(await ann.open(), 'draft').value == 'right'


async def test_fields_of_a_tab_or_a_visit_are_not_shared_with_another_tab(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        step: int = stored(1, scope='tab')
        draft: str = stored('', scope='reconnect')

        def build(self) -> None: ...

    ann = Browser()
    left = shown(stash, await ann.open(), Page)
    right = shown(stash, await ann.open(), Page)
    left.step, left.draft = 2, 'left'
    await idle()
    assert (right.step, right.draft) == (1, '')
    right.step, right.draft = 3, 'right'
    await idle()
    assert (left.step, left.draft) == (2, 'left')


async def test_fields_of_a_tab_or_a_visit_are_shared_by_the_classes_of_the_page(stash: Stash) -> None:
    @stash.state
    class Draft:
        text: str = stored('', scope='reconnect')

    @stash.page('/')
    class Page:
        draft: Draft = stash.use(Draft)

        async def build(self) -> None:
            assert await stash.recover(Draft) is self.draft

    tab = await Browser().open()
    shown(stash, tab, Draft).text = 'half'
    await rejoin(tab)
    await idle()
    assert shown(stash, tab, Page).draft.text == 'half'


async def test_a_change_caused_by_applying_one_is_not_published_again(stash: Stash, store: FaultyStore) -> None:
    @stash.page('/')
    class Page:
        items: list[int] = stored([])
        total: int = stored(0)

        def build(self) -> None:
            ui.number().bind_value(self, 'total')  # which sends back what it is given, as a float
            ui.select([1, 2, 3], multiple=True).bind_value(self, 'items')
            stash.on_change(self, 'items', self.add_up)

        def add_up(self) -> None:
            self.total = sum(self.items)

    Page.add_up = lambda self, change: setattr(self, 'total', sum(self.items))  # type: ignore[method-assign]
    ann = Browser()
    tabs = [await ann.open() for _ in range(4)]
    pages = [shown(stash, tab, Page) for tab in tabs]
    pages[0].items.append(3)
    await stash.flush(pages[0])
    await idle()
    assert [page.total for page in pages] == [3] * 4
    puts = store.calls['put']
    sequences = stash._app_state.runtime().registry._shared.sequence
    pages[1].items.append(2)
    await stash.flush(pages[1])
    await idle()
    assert [(list(page.items), page.total) for page in pages] == [([3, 2], 5)] * 4
    assert store.calls['put'] == puts + 1
    assert stash._app_state.runtime().registry._shared.sequence == sequences + 2 * 2, 'two changes, numbered by twos'


async def test_two_tabs_that_write_at_the_same_time_end_with_one_value(stash: Stash, store: FaultyStore) -> None:
    @stash.page('/')
    class Page:
        name: str = stored('')

        def build(self) -> None:
            ui.input().mark('name').bind_value(self, 'name')

    ann = Browser()
    left, right = await ann.open(), await ann.open()
    type_into(left, 'name', 'left')
    type_into(right, 'name', 'right')  # before the left one's change arrived
    await idle()
    assert element(left, 'name').value == element(right, 'name').value == 'right'
    await stash.flush(shown(stash, left, Page))
    assert await data_of(store, 'Page') == {'name': 'right'}


async def test_each_page_has_its_own_copy_of_a_shared_list(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        rows: list[dict[str, int]] = stored([])

        def build(self) -> None: ...

    ann = Browser()
    left, right = shown(stash, await ann.open(), Page), shown(stash, await ann.open(), Page)
    left.rows.append({'size': 1})
    await idle()
    assert right.rows == [{'size': 1}]
    assert right.rows[0] is not left.rows[0]
    right.rows[0]['size'] = 2
    assert left.rows == [{'size': 1}]
    await idle()
    assert left.rows == [{'size': 2}]


async def test_a_closed_tab_gets_no_changes(stash: Stash, errors: Callable[[], list[str]]) -> None:
    told: list[Change] = []

    @stash.page('/')
    class Page:
        count: int = stored(0)

        def build(self) -> None:
            ui.label().bind_text_from(self, 'count')

    ann = Browser()
    left, right = await ann.open(), await ann.open()
    stash.on_change(shown(stash, right, Page), 'count', told.append)
    shown(stash, left, Page).count = 1
    await close(right)
    shown(stash, left, Page).count = 2
    await idle()
    assert told == []
    assert errors() == []


async def test_a_tab_without_a_connection_is_kept_up_to_date(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        count: int = stored(0)

        def build(self) -> None:
            ui.label(f'built with {self.count}')

    ann = Browser()
    left = await ann.open()
    assert (await ann.get()).status_code == 200
    shown(stash, left, Page).count = 1
    await idle()
    pages = [stash._app_state.connection_of(client).page_objects[0].page for client in app.clients('/')]
    assert [page.count for page in pages] == [1, 1]  # type: ignore[attr-defined]
