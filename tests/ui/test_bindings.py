from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from nicegui import binding, ui

from nicegui_stash import Stash, StashError, ValueNotStorable, ValueTooLarge, stored
from nicegui_stash.testing import FaultyStore

from .scene import Browser, click, client_of, data_of, element, emit, idle, serving, shown, text, type_into


@dataclass
class Address:
    street: str = ''
    number: int = 0


class Position(msgspec.Struct):
    x: float = 0
    y: float = 0


WRONG_ADDRESS = Address('Main', 'one')  # type: ignore[arg-type]
WRONG_POSITION = Position(1, 'two')  # type: ignore[arg-type]


async def test_an_element_and_a_field_follow_each_other(stash: Stash, store: FaultyStore) -> None:
    @stash.page('/')
    class Form:
        name: str = stored('')
        size: float = stored(1.0)
        dark: bool = stored(default=False)

        def build(self) -> None:
            ui.input().mark('name').bind_value(self, 'name')
            ui.label().mark('greeting').bind_text_from(self, 'name', lambda name: f'Hello {name}')
            ui.slider(min=0, max=10).mark('size').bind_value(self, 'size')
            ui.switch('dark').bind_value(self, 'dark')
            ui.label('night').mark('night').bind_visibility_from(self, 'dark')

    tab = await Browser().open()
    form = shown(stash, tab, Form)
    type_into(tab, 'name', 'Ann')
    type_into(tab, 'size', 7)
    click(tab, 'dark')
    assert (form.name, form.size, form.dark) == ('Ann', 7.0, True)
    assert (text(tab, 'greeting'), element(tab, 'night').visible) == ('Hello Ann', True)
    form.name, form.size, form.dark = 'Bob', 2.5, False
    assert (element(tab, 'name').value, element(tab, 'size').value, element(tab, 'night').visible) == (
        'Bob',
        2.5,
        False,
    )
    await stash.flush(form)
    assert await data_of(store, 'Form') == {'name': 'Bob', 'size': 2.5, 'dark': False}


async def test_what_comes_back_is_of_the_declared_type_although_the_browser_sent_another(stash: Stash) -> None:
    @stash.page('/')
    class Form:
        size: float = stored(1.0)

        def build(self) -> None:
            ui.number().mark('size').bind_value(self, 'size')

    tab = await Browser().open()
    type_into(tab, 'size', 3)
    size = shown(stash, tab, Form).size
    assert (size, type(size)) == (3.0, float)


async def test_a_field_can_be_bound_to_a_field_of_another_page_object(stash: Stash) -> None:
    @stash.state
    class Settings:
        name: str = stored('')

    @stash.page('/')
    class Page:
        settings: Settings = stash.use(Settings)
        title: str = stored('')

        def build(self) -> None:
            binding.bind(self, 'title', self.settings, 'name')
            ui.input().mark('title').bind_value(self, 'title')

    ann = Browser()
    tab = await ann.open()
    type_into(tab, 'title', 'both')
    assert shown(stash, tab, Settings).name == 'both'
    assert shown(stash, await ann.open(), Page).title == 'both'


async def test_converting_bindings_store_what_they_convert_to(stash: Stash) -> None:
    @stash.page('/')
    class Form:
        tags: list[str] = stored([])

        def build(self) -> None:
            ui.input().mark('tags').bind_value(self, 'tags', forward=str.split, backward=' '.join)

    tab = await Browser().open()
    type_into(tab, 'tags', 'red green')
    form = shown(stash, tab, Form)
    assert form.tags == ['red', 'green']
    form.tags.append('blue')
    assert element(tab, 'tags').value == 'red green blue'


@pytest.mark.parametrize(
    ('annotation', 'good', 'bad', 'path', 'reason'),
    [
        (int, 3, '4', '$', 'Expected `int`, got `str`'),
        (int, 3, None, '$', 'Expected `int`, got `null`'),
        (int, 3, 4.5, '$', 'Expected `int`, got `float`'),
        (bool, True, 1, '$', 'Expected `bool`, got `int`'),
        (float, 1.5, float('nan'), '$', 'NaN'),
        (float | None, 1.5, float('inf'), '$', 'infinity'),
        (list[int], [1], [1, 'two'], '$[1]', 'Expected `int`, got `str`'),
        (dict[str, list[float]], {'a': [1.0]}, {'a': [1.0, float('nan')]}, "$['a'][1]", 'NaN'),
        (Address, Address('Main', 1), WRONG_ADDRESS, '$.number', 'Expected `int`, got `str`'),
        (Position, Position(1, 2), WRONG_POSITION, '$.y', 'Expected `float`, got `str`'),
    ],
)
async def test_a_bad_assignment_raises_with_field_and_path_and_changes_nothing(
    stash: Stash, store: FaultyStore, annotation: Any, good: Any, bad: Any, path: str, reason: str
) -> None:
    class Page:
        value = stored(good)

        def build(self) -> None: ...

    Page.__annotations__ = {'value': annotation}
    stash.page('/')(Page)
    tab = await Browser().open()
    page: Any = shown(stash, tab, Page)
    page.value = good
    with pytest.raises(ValueNotStorable, match=reason) as error:
        page.value = bad
    assert (error.value.field.split('.')[-2:], error.value.path) == (['Page', 'value'], path)
    assert page.value == good
    with client_of(tab):
        await stash.flush()
    assert store.calls['put'] == 0


async def test_a_value_that_is_too_large_raises_and_changes_nothing(url: str, store: FaultyStore) -> None:
    async with serving(lambda: Stash(url, flush_interval=0, max_value_bytes=50, max_document_bytes=300)) as stash:

        @stash.page('/')
        class Page:
            note: str = stored('')
            items: list[str] = stored([])

            def build(self) -> None:
                ui.input().mark('note').bind_value(self, 'note')

        tab = await Browser().open()
        page = shown(stash, tab, Page)
        page.note = 'short'
        with pytest.raises(ValueTooLarge, match=r'Page.note: .* max_value_bytes=50'):
            page.note = 'x' * 60
        with pytest.raises(ValueTooLarge, match=r'Page.items: '):
            page.items.extend(['y' * 10] * 5)
        assert (page.note, page.items, element(tab, 'note').value) == ('short', [], 'short')
        type_into(tab, 'note', 'x' * 60)
        await idle()
        assert element(tab, 'note').error == 'This is too large to be saved.'
        assert (page.note, element(tab, 'note').value) == ('short', 'x' * 60)
        await stash.flush(page)
        assert await data_of(store, 'Page') == {'note': 'short'}


async def test_an_object_without_a_session_checks_its_values_too(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        count: int = stored(3)
        items: list[int] = stored([])

        def build(self) -> None: ...

    page = Page()
    assert (page.count, page.items) == (3, [])
    page.count = 4
    page.items.append(1)
    assert (page.count, page.items, Page().items) == (4, [1], [])
    with pytest.raises(ValueNotStorable, match=r'Page.count: Expected `int`, got `str`'):
        page.count = 'five'  # type: ignore[assignment]
    with pytest.raises(StashError, match=r'Page was not made by nicegui_stash: use the object that build'):
        stash.reset(page)


async def test_a_value_of_a_type_without_observation_is_saved_after_the_event_that_changed_it(
    stash: Stash, store: FaultyStore
) -> None:
    @stash.page('/')
    class Form:
        address: Address = stored(Address())

        def build(self) -> None:
            ui.label().mark('street').bind_text_from(self, 'address', lambda address: address.street)
            ui.button('move', on_click=self.move)

        def move(self) -> None:
            self.address.street = 'Main Street'

    tab = await Browser().open()
    (button,) = tab.find('move').elements
    emit(tab, button, 'click')
    await idle()
    assert text(tab, 'street') == 'Main Street'
    await stash.flush(shown(stash, tab, Form))
    assert await data_of(store, 'Form') == {'address': {'street': 'Main Street', 'number': 0}}


async def test_save_submits_a_value_of_a_type_without_observation(stash: Stash, store: FaultyStore) -> None:
    @stash.page('/')
    class Form:
        address: Address = stored(Address())

        def build(self) -> None: ...

    form = shown(stash, await Browser().open(), Form)
    form.address.number = 7
    stash.save(form)
    await stash.flush(form)
    assert (await data_of(store, 'Form'))['address']['number'] == 7
    form.address.number = 'seven'  # type: ignore[assignment]
    with pytest.raises(ValueNotStorable, match=r'Form.address at \$\.number: Expected `int`, got `str`'):
        stash.save(form)
    with pytest.raises(ValueNotStorable):
        await stash.flush(form)
    assert (await data_of(store, 'Form'))['address']['number'] == 7


async def test_a_type_that_json_does_not_know_is_stored_through_encode_and_decode(
    stash: Stash, store: FaultyStore
) -> None:
    @stash.page('/')
    class Form:
        number: complex = stored(0j, encode=lambda value: [value.real, value.imag], decode=lambda pair: complex(*pair))

        def build(self) -> None: ...

    ann = Browser()
    form = shown(stash, await ann.open(), Form)
    form.number = 1 + 2j
    assert shown(stash, await ann.open(), Form).number == 1 + 2j
    await stash.flush(form)
    assert await data_of(store, 'Form') == {'number': [1.0, 2.0]}


async def test_a_change_in_an_async_handler_is_accepted_at_once(stash: Stash) -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    @stash.page('/')
    class Page:
        step: int = stored(0)

        def build(self) -> None:
            ui.button('work', on_click=self.work)

        async def work(self) -> None:
            self.step = 1
            entered.set()
            await leave.wait()
            self.step = 2

    ann = Browser()
    tab = await ann.open()
    click(tab, 'work')
    await entered.wait()
    assert shown(stash, await ann.open(), Page).step == 1
    leave.set()
    await idle()
    assert shown(stash, await ann.open(), Page).step == 2
