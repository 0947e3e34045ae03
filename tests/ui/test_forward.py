"""`forward=` of a binding to a part of a field raises: what was entered stays on its element, marked, and is logged."""

from __future__ import annotations

from dataclasses import make_dataclass
from datetime import date
from typing import Any

import pytest
from nicegui import ui

from nicegui_stash import Stash, stored
from nicegui_stash.testing import FaultyStore

from .scene import Browser, click, data_of, element, emit, idle, shown, type_into
from .test_bound_inside import show_changes

ISO: Any = {'forward': date.fromisoformat, 'backward': str}
NEW_YEAR = date(2030, 1, 1)


Guest: Any = make_dataclass('Guest', [('name', str, ''), ('born', date, NEW_YEAR)])


def declare(stash: Stash) -> type[Any]:
    @stash.page('/')
    class Page:
        rows: list[dict[str, Any]] = stored([{'id': 1, 'name': 'bolt', 'qty': 3}, {'id': 2, 'name': 'nut', 'qty': 4}])
        form: dict[str, date] = stored({'day': NEW_YEAR, 'due': NEW_YEAR})
        guest: Guest = stored(default_factory=Guest)
        liked: dict[str, int] = stored({'ant': 1})

        def build(self) -> None:
            for row in self.rows:
                ui.input(row['name']).mark(row['name']).bind_value(row, 'qty', forward=int, backward=str)
            ui.input('day').mark('day').bind_value(self.form, 'day', **ISO)
            ui.input('due').mark('due').bind_value(self, ('form', 'due'), **ISO)
            ui.input('born').mark('born').bind_value(self.guest, 'born', **ISO)
            ui.input('name').mark('name').bind_value(self.guest, 'name')
            once: Any = {'forward': lambda on: 1 // on, 'backward': bool}
            ui.chip('ant', selectable=True).mark('ant').bind_selected(self.liked, 'ant', **once)
            ui.button('Drop', on_click=lambda: self.rows.pop(0))

    return Page


ENTERED = {
    'bolt': ('rows', 'three', '55', 'Please enter a whole number.'),
    'day': ('form', '2030-', '2030-05-31', 'Please enter a date.'),
    'due': ('form', '2030-', '2030-05-31', 'Please enter a date.'),
    'born': ('guest', '2030-', '2030-05-31', 'Please enter a date.'),
}


@pytest.mark.parametrize('marker', ENTERED)
async def test_it_stays_on_its_element_marked_until_it_fits(
    stash: Stash, store: FaultyStore, caplog: pytest.LogCaptureFixture, marker: str
) -> None:
    name, refused, fits, hint = ENTERED[marker]
    cls = declare(stash)
    tab = await Browser().open()
    page: Any = shown(stash, tab, cls)
    type_into(tab, marker, refused)
    type_into(tab, 'nut', '5')  # another part of the same field
    type_into(tab, 'name', 'Ann')
    page.form['other'] = NEW_YEAR
    await show_changes()
    assert (element(tab, marker).value, element(tab, marker).error) == (refused, hint)
    assert [(each.field, each.label) for each in stash.status(page).troubles] == [(name, marker)]
    type_into(tab, marker, refused + '!')
    await show_changes()
    assert (element(tab, marker).value, element(tab, marker).error) == (refused + '!', hint)
    said = [record.getMessage() for record in caplog.records if 'not stored' in record.getMessage()]
    assert [each.partition('Page.')[2] for each in said] == [f'{name} raised ValueError: not stored']
    type_into(tab, marker, fits)
    await show_changes()
    assert (element(tab, marker).error, stash.status(page).troubles) == (None, ())
    await stash.flush(page)
    assert fits in str(await data_of(store, 'Page'))


async def test_a_chip_is_marked_too_until_it_is_as_it_was(stash: Stash) -> None:
    cls = declare(stash)
    tab = await Browser().open()
    page: Any = shown(stash, tab, cls)
    chip = element(tab, 'ant')
    emit(tab, chip, 'update:selected', False)
    await show_changes()
    assert (chip.selected, page.liked) == (False, {'ant': 1})
    assert chip.props['title'] == 'Please enter a whole number.'
    emit(tab, chip, 'update:selected', True)
    await show_changes()
    assert ('title' in chip.props, stash.status(page).troubles) == (False, ())


async def test_what_another_tab_stores_meanwhile_is_shown_and_ends_the_mark(stash: Stash) -> None:
    declare(stash)
    ann = Browser()
    tab, other = await ann.open(), await ann.open()
    for marker in ('bolt', 'day', 'due'):
        type_into(tab, marker, 'x')
    await show_changes()
    type_into(other, 'nut', '5')
    await show_changes()
    assert [element(tab, each).value for each in ('bolt', 'day', 'due')] == ['x', 'x', 'x']
    for marker, value in (('bolt', '7'), ('day', '2030-02-01'), ('due', '2030-02-02')):
        type_into(other, marker, value)
    await show_changes()
    shows = [(element(tab, each).value, element(tab, each).error) for each in ('bolt', 'day', 'due')]
    assert shows == [('7', None), ('2030-02-01', None), ('2030-02-02', None)]


async def test_in_a_row_that_was_removed_its_mark_stays(stash: Stash, errors: Any) -> None:
    cls = declare(stash)
    tab = await Browser().open()
    click(tab, 'Drop')
    await idle()
    type_into(tab, 'bolt', 'x')
    await show_changes()
    assert element(tab, 'bolt').error == 'This row was removed. What you enter here is not saved.'
    assert (element(tab, 'bolt').value, shown(stash, tab, cls).rows[0]['qty']) == ('x', 4)
    assert errors() == []


async def test_where_nothing_is_stored_it_is_an_error_as_ever(stash: Stash, errors: Any) -> None:
    @stash.page('/')
    class Page:
        name: str = stored('')

        def build(self) -> None:
            ui.input(value='1').mark('number').bind_value_to({}, 'number', forward=int)

    tab = await Browser().open()
    type_into(tab, 'number', 'x')
    await idle()
    assert 'invalid literal for int()' in str(errors())
