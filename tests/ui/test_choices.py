"""A choice element whose options do not hold the stored value shows nothing, and writes nothing back."""

from __future__ import annotations

from typing import Any

import pytest
from nicegui import ui

from nicegui_stash import Stash, stored
from nicegui_stash.testing import FaultyStore

from .scene import Browser, data_of, element, idle, shown, type_into

CHOICES = {
    'select': ui.select,
    'radio': ui.radio,
    'toggle': ui.toggle,
}


@pytest.mark.parametrize('kind', CHOICES)
async def test_options_that_come_later_show_the_stored_value(stash: Stash, store: FaultyStore, kind: str) -> None:
    @stash.page('/')
    class Form:
        city: str | None = stored(None)

        def build(self) -> None:
            CHOICES[kind]([]).mark('city').bind_value(self, 'city')

    ann = Browser()
    first = await ann.open()
    element(first, 'city').set_options(['a', 'b', 'c'])
    shown(stash, first, Form).city = 'c'
    await idle()

    second = await ann.open()
    city, form = element(second, 'city'), shown(stash, second, Form)
    assert (form.city, city.props['model-value']) == ('c', None)
    city.set_options(['a', 'b', 'c'])
    await idle()
    assert city.value == 'c'
    assert city.props['model-value'] == ({'value': 2, 'label': 'c'} if kind == 'select' else 2)
    await stash.flush(form)
    assert await data_of(store, 'Form') == {'city': 'c'}


@pytest.mark.parametrize('kind', CHOICES)
async def test_an_option_that_is_taken_away_stays_stored(stash: Stash, kind: str) -> None:
    @stash.page('/')
    class Form:
        city: str = stored('b')

        def build(self) -> None:
            CHOICES[kind](['a', 'b']).mark('city').bind_value(self, 'city')

    tab = await Browser().open()
    city, form = element(tab, 'city'), shown(stash, tab, Form)
    city.set_options(['a', 'c'])
    await idle()
    assert (form.city, city.props['model-value']) == ('b', None)
    type_into(tab, 'city', {'value': 1, 'label': 'c'} if kind == 'select' else 1)
    await idle()
    assert (form.city, city.value) == ('c', 'c')


async def test_another_tab_may_set_what_the_options_here_do_not_hold(stash: Stash) -> None:
    @stash.page('/')
    class Form:
        city: str = stored('a')

        def build(self) -> None:
            ui.select(['a', 'b']).mark('city').bind_value(self, 'city')

    ann = Browser()
    tab, other = await ann.open(), await ann.open()
    shown(stash, other, Form).city = 'far away'
    await idle()
    assert [shown(stash, each, Form).city for each in (tab, other)] == ['far away', 'far away']
    assert element(tab, 'city').props['model-value'] is None


async def test_code_may_still_empty_a_choice_with_its_options(stash: Stash) -> None:
    @stash.page('/')
    class Form:
        city: str | None = stored('b')

        def build(self) -> None:
            ui.select(['a', 'b']).mark('city').bind_value(self, 'city')

    tab = await Browser().open()
    element(tab, 'city').set_options(['c'], value=None)
    assert shown(stash, tab, Form).city is None


@pytest.mark.parametrize(('path', 'held'), [('/', 'one'), ('/?a=zzz', 'zzz')])
async def test_two_choices_of_one_field_that_hold_nothing_of_it(
    stash: Stash, path: str, held: str, errors: Any
) -> None:
    @stash.page('/')
    class Form:
        a: str = stored('one', scope='url')

        def build(self) -> None:
            ui.select(['two', 'three']).mark('first').bind_value(self, 'a')
            ui.select(['two', 'four'], clearable=True).mark('second').bind_value(self, 'a')

    ann = Browser()
    assert (await ann.get(path)).status_code == 200
    tab = await ann.open(path)
    assert shown(stash, tab, Form).a == held
    type_into(tab, 'first', {'value': 0, 'label': 'two'})
    await idle()
    assert shown(stash, tab, Form).a == 'two'
    assert element(tab, 'second').props['model-value'] == {'value': 0, 'label': 'two'}
    assert errors() == []


async def test_choices_bound_inside_a_dict_write_nothing_back(stash: Stash) -> None:
    @stash.page('/')
    class Form:
        form: dict[str, str] = stored({'city': 'x', 'land': 'y'})

        def build(self) -> None:
            for _ in range(2):
                ui.select(['a']).bind_value(self.form, 'city')
                ui.select(['a']).bind_value(self, ('form', 'land'))

    tab = await Browser().open()
    assert shown(stash, tab, Form).form == {'city': 'x', 'land': 'y'}


async def test_a_value_that_was_typed_into_a_select_is_shown_without_an_option(stash: Stash) -> None:
    options = ['ant', 'bee']

    @stash.page('/')
    class Form:
        animal: str = stored('')

        def build(self) -> None:
            ui.select(list(options), new_value_mode='add-unique').mark('animal').bind_value(self, 'animal')

    ann = Browser()
    first = await ann.open()
    type_into(first, 'animal', 'emu')
    await idle()
    assert shown(stash, first, Form).animal == 'emu'
    second = await ann.open()
    assert shown(stash, second, Form).animal == 'emu'
    assert element(second, 'animal').props['model-value'] == 'emu'  # as Quasar shows what was just typed
    assert element(second, 'animal').options == options


async def test_the_next_choice_of_several_loses_none_that_has_no_option(stash: Stash) -> None:
    @stash.page('/')
    class Form:
        typed: list[str] = stored(['emu', 'ant'])
        taken: list[str] = stored(['emu', 'ant'])

        def build(self) -> None:
            options = ['ant', 'bee']
            ui.select(options[:], multiple=True, new_value_mode='add-unique').mark('typed').bind_value(self, 'typed')
            ui.select(options[:], multiple=True).mark('taken').bind_value(self, 'taken')

    tab = await Browser().open()
    form = shown(stash, tab, Form)
    ant, bee = {'value': 0, 'label': 'ant'}, {'value': 1, 'label': 'bee'}
    assert element(tab, 'typed').props['model-value'] == ['emu', ant]
    assert element(tab, 'taken').props['model-value'] == [ant]
    type_into(tab, 'typed', ['emu', ant, bee])
    type_into(tab, 'taken', [ant, bee])
    await idle()
    assert (form.typed, form.taken) == (['emu', 'ant', 'bee'], ['emu', 'ant', 'bee'])
    type_into(tab, 'typed', [bee])
    type_into(tab, 'taken', [bee])
    await idle()
    assert (form.typed, form.taken) == (['bee'], ['emu', 'bee'])  # only what is shown can be taken away


async def test_several_choices_are_a_set_or_a_tuple_where_the_field_is_one(stash: Stash, store: FaultyStore) -> None:
    @stash.page('/')
    class Form:
        some: set[str] = stored({'bee', 'emu'})
        fixed: frozenset[int] = stored(frozenset({1}))
        order: tuple[str, ...] = stored(('bee',))

        def build(self) -> None:
            for name, options in (('some', ['ant', 'bee']), ('fixed', [1, 2]), ('order', ['ant', 'bee'])):
                ui.select(options, multiple=True, clearable=True).mark(name).bind_value(self, name)

    ann = Browser()
    tab = await ann.open()
    form: Any = shown(stash, tab, Form)
    ant, bee = {'value': 0, 'label': 'ant'}, {'value': 1, 'label': 'bee'}
    assert element(tab, 'some').props['model-value'] == [bee]
    type_into(tab, 'some', [bee, ant])
    type_into(tab, 'fixed', [{'value': 0, 'label': '1'}, {'value': 1, 'label': '2'}])
    type_into(tab, 'order', [bee, ant])
    await idle()
    assert (form.some, form.fixed) == ({'ant', 'bee', 'emu'}, {1, 2})
    assert form.order == ('bee', 'ant')
    second = await ann.open()
    assert sorted(each['label'] for each in element(second, 'some').props['model-value']) == ['ant', 'bee']
    type_into(tab, 'some', [ant])
    for name in ('fixed', 'order'):
        type_into(tab, name, None)
    await idle()
    assert (form.some, form.fixed, form.order) == ({'ant', 'emu'}, frozenset(), ())
    element(second, 'some').set_options(['bee', 'ant'])
    await idle()
    assert form.some == {'ant', 'emu'}, 'other options change nothing'
    await stash.flush(form)
    stored_now = await data_of(store, 'Form')
    assert (sorted(stored_now['some']), stored_now['fixed'], stored_now['order']) == (['ant', 'emu'], [], [])


async def test_a_choice_that_is_bound_to_nothing_stored_is_as_ever(stash: Stash) -> None:
    class Plain:
        city: str | None = 'x'

    @stash.page('/')
    class Form:
        def build(self) -> None:
            self.plain = Plain()
            ui.select(['a']).bind_value(self.plain, 'city')

    tab = await Browser().open()
    assert shown(stash, tab, Form).plain.city is None
