"""Elements bound to a set: they show a list, in an order that another process finds as well."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from nicegui import ui

from nicegui_stash import Stash, stored
from nicegui_stash.testing import FaultyStore
from nicegui_stash.ui.carryover.digest import digest, digest_of_set

from .scene import Browser, data_of, element, eventually, idle, shown, type_into
from .test_carrying import hand_over
from .typed_page import Told, address_of, open_page, told

__all__ = ['told']

TEXTS = {'ant', 'bee', 'cat', 'dog', 'emu', 'fox'}
DAYS = {date(2030, 5, day) for day in range(1, 9)}


async def test_days_texts_and_choices_are_shown_in_order(stash: Stash, store: FaultyStore) -> None:
    @stash.page('/')
    class Form:
        days: set[date] = stored(DAYS)
        texts: frozenset[str] = stored(frozenset(TEXTS))
        chosen: set[str] = stored(TEXTS)

        def build(self) -> None:
            ui.date().props('multiple').mark('days').bind_value(self, 'days')
            ui.input_chips().mark('texts').bind_value(self, 'texts')
            options = sorted(TEXTS - {'emu'}, reverse=True)
            ui.select(options, multiple=True, new_value_mode='add-unique').mark('chosen').bind_value(self, 'chosen')

    ann = Browser()
    assert (await ann.get()).status_code == 200
    tab = await ann.open()
    form: Any = shown(stash, tab, Form)
    assert element(tab, 'days').props['model-value'] == sorted(DAYS)
    assert element(tab, 'texts').props['model-value'] == sorted(TEXTS)
    options = [each if each == 'emu' else each['label'] for each in element(tab, 'chosen').props['model-value']]
    assert options == ['fox', 'dog', 'cat', 'bee', 'ant', 'emu']
    type_into(tab, 'days', ['2030-05-09', '2030-05-01'])
    type_into(tab, 'texts', ['gnu', 'ant'])
    await idle()
    assert (form.days, form.texts) == ({date(2030, 5, 1), date(2030, 5, 9)}, frozenset({'ant', 'gnu'}))
    type_into(tab, 'days', None)
    type_into(tab, 'texts', None)
    await idle()
    await stash.flush(form)
    assert (form.days, form.texts) == (set(), frozenset())
    assert {name: value for name, value in (await data_of(store, 'Form')).items() if name != 'chosen'} == {
        'days': [],
        'texts': [],
    }


def test_a_set_has_one_digest_in_any_order() -> None:
    assert digest_of_set(['b', 'a', {'value': 1}]) == digest_of_set([{'value': 1}, 'a', 'b'])
    assert digest_of_set(['b', 'a']) != digest(['a', 'b'])
    assert digest_of_set(['a', 'a']) != digest_of_set(['a'])


@pytest.mark.parametrize(('known', 'verdict'), [(['cat', 'bee', 'ant'], 'merged'), (['bee', 'ant'], 'rejected')])
async def test_what_is_added_to_a_set_counts_whatever_the_order_in_which_it_was_seen(
    stash: Stash, told: Told, known: list[str], verdict: str
) -> None:
    @stash.page('/', build='request')
    class Form:
        texts: set[str] = stored({'ant', 'bee', 'cat'})

        def build(self) -> None:
            ui.input_chips().bind_value(self, 'texts')

    tab, page = await open_page(stash, Form)
    entered = {'f': address_of(told), 'v': '["cat","bee","ant","dog"]', 'known': [digest(known), digest_of_set(known)]}
    hand_over(tab, page, entered)
    await eventually(lambda: None in told.answers)
    assert told.answers[0] == {entered['f']: verdict}
    assert ('dog' in page.texts) == (verdict == 'merged')
