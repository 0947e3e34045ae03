"""`keep`: an object that a page has made, with constructor arguments and first values, is recovered in place."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from nicegui import ui

from nicegui_stash import DeclarationError, Recovery, Stash, StashError, stored
from nicegui_stash.session.session import Session
from nicegui_stash.testing import FaultyStore, rejoin, restart
from nicegui_stash.ui.app.runtime import abandon_all

from .scene import Browser, click, client_of, data_of, eventually, slice_of, text, type_into

Show = Callable[[], None]


@dataclass
class Basket:
    title: str
    on_change: Callable[[], object]
    plain: list[str] = field(default_factory=list[str])
    items: list[str] = stored([])
    note: str = stored('')


@dataclass
class Settings:
    dark: bool = stored(default=False)
    size: int = 3


def declare(stash: Stash) -> tuple[list[Any], Show]:
    """Serve a basket on `/`, made by a page function that is not async; return those made, and what shows another."""
    made: list[Any] = []
    stash.state(Basket)

    def show() -> None:
        @ui.refreshable
        def draw() -> None:
            ui.label(', '.join(basket.items)).mark('items')

        basket = Basket('Fruit', draw.refresh)
        basket.items.append('apples')
        basket.plain.append('here only')
        stash.keep(basket, refresh=draw.refresh)
        made.append(basket)
        draw()
        ui.input().mark('note').bind_value(basket, 'note')

    ui.page('/')(show)
    return made, show


async def test_what_the_object_held_is_the_default_and_is_not_stored(stash: Stash, store: FaultyStore) -> None:
    made, _ = declare(stash)
    tab = await Browser().open()
    assert (text(tab, 'items'), made[0].title, made[0].plain) == ('apples', 'Fruit', ['here only'])
    assert stash.recovery(made[0]).status == 'fresh'
    await stash.flush(made[0])
    assert not await store_keys(store)


async def store_keys(store: FaultyStore) -> list[str]:
    return [info.key async for info in store.list()]


async def test_what_was_changed_comes_back_instead_of_the_default(stash: Stash, store: FaultyStore) -> None:
    made, _ = declare(stash)
    tab = await Browser().open()
    made[0].items.append('pears')
    type_into(tab, 'note', 'ripe')
    await restart(tab)
    await eventually(lambda: text(tab, 'items') == 'apples, pears')
    assert (made[1].note, made[1].plain, made[1].title) == ('ripe', ['here only'], 'Fruit')
    assert await data_of(store, 'Basket') == {'items': ['apples', 'pears'], 'note': 'ripe'}


async def test_refresh_is_called_once_for_what_others_change_and_never_for_what_this_page_does(stash: Stash) -> None:
    made, _ = declare(stash)
    calls: list[str] = []

    @ui.page('/counted')
    def counted() -> None:
        basket = Basket('Fruit', lambda: None)
        made.append(stash.keep(basket, refresh=lambda: calls.append(','.join(basket.items) + basket.note)))

    browser = Browser()
    await browser.open()
    await browser.open('/counted')
    made[1].note = 'own'
    await eventually(lambda: made[0].note == 'own')
    assert calls == []
    made[0].items.append('figs')
    made[0].note = 'other'
    await eventually(lambda: calls == ['apples,figsother'])


async def test_an_object_that_is_kept_on_a_page_that_was_open_already_has_its_tab(
    stash: Stash, store: FaultyStore
) -> None:
    @stash.state
    class Draft:
        note: str = stored('', scope='tab')

    made: list[Draft] = []

    def write() -> None:
        made.append(stash.keep(Draft()))
        ui.input().mark('note').bind_value(made[-1], 'note')

    @ui.page('/')
    def page() -> None:
        ui.button('write', on_click=write)

    tab = await Browser().open()
    click(tab, 'write')
    type_into(tab, 'note', 'ripe')
    await stash.flush(made[0])
    kept = (await slice_of(store, 'Draft'))['tabs']
    assert {id_: part['data'] for id_, part in kept.items()} == {client_of(tab).tab_id: {'note': 'ripe'}}


async def test_what_another_tab_has_stored_meanwhile_is_there_on_a_page_that_was_open_already(stash: Stash) -> None:
    made, show = declare(stash)

    @ui.page('/plain')
    def plain() -> None:
        ui.button('show', on_click=show)

    ann = Browser()
    first = await ann.open('/plain')  # without a cookie
    type_into(await ann.open('/'), 'note', 'ripe')
    await abandon_all(drain=True)  # so that the session is in memory no more
    click(first, 'show')
    await eventually(lambda: [each.note for each in made] == ['ripe', 'ripe'])


async def test_a_reset_gives_the_object_what_it_was_made_with(stash: Stash) -> None:
    made, _ = declare(stash)
    tab = await Browser().open()
    made[0].items = ['kiwis']
    stash.reset(made[0])
    await eventually(lambda: text(tab, 'items') == 'apples')


async def test_a_session_that_the_page_could_not_wait_for_is_shown_by_refresh(stash: Stash, store: FaultyStore) -> None:
    made, _ = declare(stash)
    tab = await Browser().open()
    made[0].items = ['kiwis']
    await stash.flush(made[0])
    await rejoin(tab)
    gate = store.hold('get')
    await restart(tab)
    assert stash.recovery(made[-1]).status == 'unavailable'
    assert text(tab, 'items') == 'apples'
    gate.release()
    await eventually(lambda: text(tab, 'items') == 'kiwis')


async def test_an_object_ends_with_the_part_of_the_page_that_it_stands_in(stash: Stash) -> None:
    made, show = declare(stash)

    @ui.page('/parts')
    def parts() -> None:
        with ui.column() as column:
            show()
        ui.button('again', on_click=lambda: again(column))

    def again(column: ui.column) -> None:
        column.clear()
        with column:
            show()

    tab = await Browser().open('/parts')
    made[0].items.append('pears')
    tab.find('again').click()
    await eventually(lambda: text(tab, 'items') == 'apples, pears')
    gone = weakref.ref(made.pop(0))
    gc.collect()
    assert gone() is None


async def test_an_object_of_another_page_is_refused(stash: Stash) -> None:
    made, _ = declare(stash)
    first, second = await Browser().open(), await Browser().open()
    with client_of(second), pytest.raises(StashError, match='kept for another page'):
        stash.keep(made[0])
    with client_of(first):
        assert stash.keep(made[0]) is made[0]


async def test_a_class_that_needs_arguments_is_made_by_the_page(stash: Stash) -> None:
    stash.state(Basket)
    ui.page('/empty')(lambda: None)
    with client_of(await Browser().open('/empty')), pytest.raises(StashError, match='make it in the page'):
        await stash.recover(Basket)
    with pytest.raises(DeclarationError, match='must take no arguments'):

        @stash.page('/page')
        class Page:
            count: int = stored(0)

            def __init__(self, title: str) -> None: ...

            def build(self) -> None: ...


async def test_a_dataclass_without_arguments_can_be_recovered(stash: Stash) -> None:
    stash.state(Settings)
    found: list[Settings] = []

    @ui.page('/settings')
    async def settings() -> None:
        found.append(await stash.recover(Settings))

    tab = await Browser().open('/settings')
    assert found == [Settings(dark=False, size=3)]
    found[0].dark = True
    await restart(tab)
    assert found[1] == Settings(dark=True, size=3)


async def test_a_page_that_cannot_wait_has_what_is_stored_in_its_first_html(stash: Stash) -> None:
    made, _ = declare(stash)
    browser = Browser(headers={'accept': 'text/html'})
    await browser.open()
    made[0].items = ['kiwis']
    await abandon_all(drain=True)
    assert 'kiwis' in (await browser.get()).text
    assert stash.recovery(made[1]).status == 'recovered'


async def test_a_store_that_does_not_answer_delays_a_page_once(
    stash: Stash, store: FaultyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _ = declare(stash)
    ui.page('/both')(lambda: stash.recover(Settings))
    stash.state(Settings)
    browser = Browser(headers={'accept': 'text/html'})
    await browser.open()
    made[0].items = ['kiwis']
    await abandon_all(drain=True)
    waited: list[float] = []
    load = Session.load

    async def counted(session: Session, timeout: float) -> bool:
        waited.append(timeout)
        return await load(session, 0.01)

    monkeypatch.setattr(Session, 'load', counted)
    gate = store.hold('get')
    assert (await browser.get('/both')).status_code == 200
    gate.release()
    assert waited == [1.0]


async def test_on_recovered_of_a_kept_object_is_called_within_the_client(stash: Stash) -> None:
    told: list[str] = []

    @stash.state
    class Noted:
        count: int = stored(0)

        def on_recovered(self, recovery: Recovery) -> None:
            told.append(f'{recovery.status} {ui.context.client.id}')

    @ui.page('/')
    def show() -> None:
        stash.keep(Noted())

    tab = await Browser().open()
    await eventually(lambda: told)
    assert told == [f'fresh {client_of(tab).id}']
