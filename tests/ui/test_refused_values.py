from __future__ import annotations

import logging
from typing import Any

import pytest
from nicegui import ui
from nicegui.testing import User

from nicegui_stash import Stash, ValueNotStorable, stored
from nicegui_stash.testing import FaultyStore

from .scene import Browser, click, data_of, element, idle, serving, shown, type_into


async def open_form(stash: Stash) -> tuple[User, Any]:
    @stash.page('/')
    class Form:
        count: int = stored(3)
        other: int = stored(0)

        def build(self) -> None:
            ui.number().mark('count').bind_value(self, 'count')

    tab = await Browser().open()
    return tab, shown(stash, tab, Form)


async def test_an_emptied_number_stays_on_the_element_marked_and_logged(
    stash: Stash, store: FaultyStore, caplog: pytest.LogCaptureFixture
) -> None:
    tab, form = await open_form(stash)
    number = element(tab, 'count')
    with caplog.at_level(logging.WARNING, 'nicegui_stash'):
        type_into(tab, 'count', None)
    await idle()
    assert (number.value, form.count) == (None, 3)
    assert number.error == 'Please enter a whole number.'
    (record,) = [record for record in caplog.records if 'was not stored' in record.message]
    assert 'a value of type NoneType was not stored' in record.message
    await stash.flush(form)
    assert store.calls['put'] == 0


async def test_a_whole_number_from_a_number_input_is_stored_as_an_int(stash: Stash, store: FaultyStore) -> None:
    tab, form = await open_form(stash)
    type_into(tab, 'count', 12.0)
    await idle()
    assert (form.count, type(form.count)) == (12, int)
    assert element(tab, 'count').error is None
    await stash.flush(form)
    assert await data_of(store, 'Form') == {'count': 12}


async def test_a_broken_number_does_not_fit_an_int(stash: Stash) -> None:
    tab, form = await open_form(stash)
    type_into(tab, 'count', 1.5)
    await idle()
    assert form.count == 3
    assert element(tab, 'count').error is not None


async def test_the_mark_goes_away_with_the_next_good_value(stash: Stash, store: FaultyStore) -> None:
    tab, form = await open_form(stash)
    number = element(tab, 'count')
    type_into(tab, 'count', None)
    await idle()
    type_into(tab, 'count', 4)
    await idle()
    assert (number.value, number.error, form.count) == (4, None, 4)
    await stash.flush(form)
    assert await data_of(store, 'Form') == {'count': 4}


async def test_the_mark_goes_away_with_the_value_that_is_stored_already(stash: Stash) -> None:
    tab, form = await open_form(stash)
    type_into(tab, 'count', None)
    await idle()
    type_into(tab, 'count', 3)
    await idle()
    assert (element(tab, 'count').error, form.count) == (None, 3)


async def test_the_mark_goes_away_when_the_code_assigns_a_good_value(stash: Stash) -> None:
    tab, form = await open_form(stash)
    type_into(tab, 'count', None)
    await idle()
    form.count = 5
    await idle()
    assert (element(tab, 'count').value, element(tab, 'count').error) == (5, None)


async def test_the_mark_goes_away_when_another_tab_sends_a_good_value(stash: Stash) -> None:
    @stash.page('/')
    class Form:
        count: int = stored(3)

        def build(self) -> None:
            ui.number().mark('count').bind_value(self, 'count')

    ann = Browser()
    tab, other = await ann.open(), await ann.open()
    type_into(tab, 'count', None)
    await idle()
    shown(stash, other, Form).count = 9
    await idle()
    assert (element(tab, 'count').value, element(tab, 'count').error) == (9, None)


async def test_the_mark_stays_when_another_field_is_changed(stash: Stash) -> None:
    tab, form = await open_form(stash)
    type_into(tab, 'count', None)
    await idle()
    form.other = 1
    await idle()
    assert element(tab, 'count').error == 'Please enter a whole number.'


@pytest.mark.parametrize('good', [2, 1], ids=['another', 'the stored one'])
async def test_an_element_without_validation_is_marked_by_a_class_until_a_value_fits(stash: Stash, good: int) -> None:
    @stash.page('/')
    class Form:
        choice: int = stored(1)

        def build(self) -> None:
            ui.toggle([1, 2], clearable=True).mark('choice').bind_value(self, 'choice')

    tab = await Browser().open()
    toggle, form = element(tab, 'choice'), shown(stash, tab, Form)
    toggle.value = None
    await idle()
    assert 'nicegui-stash-refused' in toggle.classes
    assert (toggle.props['aria-invalid'], toggle.props['title']) == ('true', 'Please choose.')
    assert (toggle.value, form.choice) == (None, 1)
    toggle.value = good
    await idle()
    assert 'nicegui-stash-refused' not in toggle.classes
    assert 'aria-invalid' not in toggle.props
    assert form.choice == good


async def test_every_element_is_marked_that_brought_the_value(stash: Stash) -> None:
    @stash.page('/')
    class Form:
        count: int = stored(3)

        def build(self) -> None:
            ui.number().mark('a').bind_value(self, 'count')
            ui.number().mark('b').bind_value(self, 'count')

    tab = await Browser().open()
    type_into(tab, 'a', None)
    await idle()
    assert (element(tab, 'a').error, element(tab, 'b').error) == ('Please enter a whole number.', None)
    assert element(tab, 'b').value == 3


async def test_an_element_with_its_own_validation_keeps_it(stash: Stash) -> None:
    @stash.page('/')
    class Form:
        count: int = stored(3)

        def build(self) -> None:
            number = ui.number(validation={'too many': lambda value: value is None or value < 10})
            number.mark('count').bind_value(self, 'count')

    tab = await Browser().open()
    number, form = element(tab, 'count'), shown(stash, tab, Form)
    type_into(tab, 'count', None)
    await idle()
    assert number.error == 'Please enter a whole number.'
    type_into(tab, 'count', 12)
    await idle()
    assert (number.error, form.count) == ('too many', 12)


async def test_not_a_number_in_a_bound_element_is_refused(stash: Stash) -> None:
    @stash.page('/')
    class Form:
        size: float = stored(1.0)

        def build(self) -> None:
            ui.slider(min=0, max=10).mark('size').bind_value(self, 'size')

    tab = await Browser().open()
    element(tab, 'size').value = float('nan')
    await idle()
    assert element(tab, 'size').props['title'] == 'Please enter a number.'
    assert shown(stash, tab, Form).size == 1.0


async def test_a_direct_assignment_in_a_handler_of_an_element_raises(stash: Stash) -> None:
    raised: list[Exception] = []

    @stash.page('/')
    class Form:
        count: int = stored(3)
        note: str = stored('')

        def build(self) -> None:
            ui.input(on_change=self.typed).mark('note').bind_value(self, 'note')
            ui.button('set', on_click=self.set)

        def typed(self) -> None:
            try:
                self.count = None  # type: ignore[assignment]
            except ValueNotStorable as error:
                raised.append(error)

        def set(self) -> None:
            self.note = 'from code'

    tab = await Browser().open()
    type_into(tab, 'note', 'from the browser')
    assert len(raised) == 1
    click(tab, 'set')  # the handler now runs while the binding propagates
    assert len(raised) == 2
    assert shown(stash, tab, Form).count == 3


async def test_on_invalid_log_keeps_the_old_value_of_a_direct_assignment(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(lambda: Stash(url, on_invalid='log')) as stash:
        _, form = await open_form(stash)
        form.count = 'four'
        form.count = None
        assert form.count == 3
    assert [record.message for record in caplog.records if 'was not stored' in record.message] != []


async def test_on_invalid_log_lets_a_change_in_place_raise(url: str) -> None:
    async with serving(lambda: Stash(url, on_invalid='log')) as stash:

        @stash.page('/')
        class Form:
            sizes: list[int] = stored([1])

            def build(self) -> None: ...

        form = shown(stash, await Browser().open(), Form)
        with pytest.raises(ValueNotStorable):
            form.sizes.append('large')  # type: ignore[arg-type]
        assert form.sizes == [1]


async def test_a_value_that_decode_does_not_give_back_is_refused_and_leaves_the_old_one(stash: Stash) -> None:
    @stash.page('/')
    class Form:
        number: complex = stored(0j, encode=lambda value: [value.real, value.imag], decode=lambda pair: pair[0] + 0j)

        def build(self) -> None: ...

    form = shown(stash, await Browser().open(), Form)
    form.number = 3 + 0j
    with pytest.raises(ValueNotStorable, match='decode= must undo what encode= does'):
        form.number = 3 + 4j
    assert form.number == 3


async def test_on_invalid_can_come_from_the_environment(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('NICEGUI_STASH_ON_INVALID', 'log')
    async with serving(lambda: Stash(url)) as stash:
        _, form = await open_form(stash)
        form.count = 'four'
        assert form.count == 3


async def test_a_refused_value_is_never_in_the_log(stash: Stash, caplog: pytest.LogCaptureFixture) -> None:
    @stash.page('/')
    class Form:
        count: int = stored(3)

        def build(self) -> None:
            ui.input().mark('count').bind_value(self, 'count')

    tab = await Browser().open()
    type_into(tab, 'count', 'my password')
    await idle()
    assert 'a value of type str was not stored' in caplog.text
    assert 'my password' not in caplog.text
