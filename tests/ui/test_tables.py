"""`stash.rows`: a table or a grid and a field with a list of rows follow each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, make_dataclass
from datetime import date, time
from decimal import Decimal
from typing import Any, TypedDict

import msgspec
import pytest
from nicegui import ui

from nicegui_stash import Stash, StashError, stored
from nicegui_stash.testing import FaultyStore

from .scene import Browser, click, client_of, close, data_of, element, idle, sent, shown, type_into


class Part(TypedDict):
    id: int
    name: str
    qty: int


@dataclass
class Item:
    id: int
    name: str
    qty: int


class Struct(msgspec.Struct):
    id: int
    name: str
    qty: int


ROWS = [{'id': 1, 'name': 'bolt', 'qty': 3}, {'id': 2, 'name': 'nut', 'qty': 4}]
KINDS: dict[str, Any] = {'dict': dict, 'TypedDict': Part, 'dataclass': Item, 'Struct': Struct}
COLUMNS = [{'field': 'name'}, {'headerName': 'Amount', 'field': 'qty', 'editable': True}]


def declare(stash: Stash, kind: str = 'TypedDict') -> type[Any]:
    row = KINDS[kind]

    @stash.page('/')
    class Page:
        rows: list[row] = stored(default_factory=lambda: [row(**each) for each in ROWS])  # type: ignore[valid-type]

        def build(self) -> None:
            stash.rows(ui.table(rows=[]), self, 'rows').mark('table')
            stash.rows(ui.aggrid({'columnDefs': COLUMNS, 'rowData': []}), self, 'rows').mark('grid')

    return Page


def edit(tab: Any, at: int, key: str, value: Any, *, marker: str = 'grid') -> None:
    """Have the grid tell of a cell that a person edited."""
    row = dict(element(tab, marker).options['rowData'][at])
    told = {'data': {**row, key: value}, 'colId': key, 'newValue': value, 'oldValue': row.get(key), 'rowId': str(at)}
    tell_of_edit(tab, told, marker=marker)


def tell_of_edit(tab: Any, told: dict[str, Any], *, marker: str = 'grid') -> None:
    grid = element(tab, marker)
    (listener,) = [each for each in grid._event_listeners.values() if each.type == 'cellValueChanged']
    client_of(tab).handle_event(
        {'id': grid.id, 'listener_id': listener.id, 'args': [msgspec.json.encode(told).decode()]}
    )


def shows(tab: Any) -> list[Any]:
    """Return the amounts that both elements show, which have to be the same."""
    grid, table = element(tab, 'grid').options['rowData'], element(tab, 'table').rows
    assert grid == table
    return [row['qty'] for row in table]


def notifications(tab: Any) -> list[str]:
    """Return what any tab was notified of; the simulation sends it to the one that was opened last."""
    return [each['message'] for each in sent(tab, 'notify')] + tab.notify.messages


@pytest.mark.parametrize('kind', KINDS)
async def test_a_cell_that_is_edited_in_a_grid_is_stored_and_shown_in_all_tabs(
    stash: Stash, store: FaultyStore, kind: str
) -> None:
    cls = declare(stash, kind)
    ann = Browser()
    left, right = await ann.open(), await ann.open()
    row = shown(stash, left, cls).rows[1]
    edit(left, 0, 'qty', 55)
    await idle()
    assert (shows(left), shows(right)) == ([55, 4], [55, 4])
    edit(right, 0, 'qty', 66)
    await idle()
    assert (shows(left), shows(right)) == ([66, 4], [66, 4])
    assert shown(stash, left, cls).rows[1] is row
    await stash.flush(shown(stash, left, cls))
    assert await data_of(store, 'Page') == {'rows': [{**ROWS[0], 'qty': 66}, ROWS[1]]}
    assert shows(await ann.open()) == [66, 4]


async def test_a_cell_that_does_not_fit_shows_what_is_stored_and_says_why(
    stash: Stash, store: FaultyStore, caplog: pytest.LogCaptureFixture
) -> None:
    cls = declare(stash)
    tab = await Browser().open()
    edit(tab, 0, 'qty', 2.5)
    await idle()
    assert shows(tab) == [3, 4]
    assert notifications(tab) == ['Amount: Please enter a whole number.']
    edit(tab, 0, 'qty', None)
    await idle()
    assert shows(tab) == [3, 4]
    assert 'Expected `int`, got `float`' in caplog.text
    assert not [record for record in caplog.records if record.exc_info or record.exc_text]
    edit(tab, 0, 'name', None)  # what a grid says of an emptied text
    assert shown(stash, tab, cls).rows[0]['name'] == ''
    await stash.flush(shown(stash, tab, cls))
    assert await data_of(store, 'Page') == {'rows': [{**ROWS[0], 'name': ''}, ROWS[1]]}


async def test_what_a_handler_changes_in_the_rows_of_an_element_is_stored(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    ann = Browser()
    left, right = await ann.open(), await ann.open()
    table, grid = element(left, 'table'), element(left, 'grid')
    table.rows[0]['qty'] = 9
    table.add_row({'id': 3, 'name': 'pin', 'qty': 5})
    await idle()
    assert shows(right) == [9, 4, 5]
    grid.options['rowData'] = [row for row in grid.options['rowData'] if row['id'] != 2]
    await idle()
    assert shows(left) == shows(right) == [9, 5]
    table.remove_row(table.rows[0])
    table.update_rows([*table.rows, {'id': 4, 'name': 'cap', 'qty': 6}])
    table.rows = [*table.rows, {'id': 5, 'name': 'key', 'qty': 7}]
    await idle()
    assert shows(right) == [5, 6, 7]
    table.rows[0]['qty'] = 'many'
    await idle()
    assert (shows(left), notifications(right)) == ([5, 6, 7], ['QTY: Please enter a whole number.'])
    await stash.flush(shown(stash, left, cls))
    assert [row['qty'] for row in (await data_of(store, 'Page'))['rows']] == [5, 6, 7]


async def test_what_changes_in_the_field_is_shown_in_the_element(stash: Stash) -> None:
    cls = declare(stash)
    ann = Browser()
    left, right = await ann.open(), await ann.open()
    page = shown(stash, left, cls)
    page.rows.append({'id': 3, 'name': 'pin', 'qty': 5})
    page.rows[0]['qty'] = 9
    await idle()
    assert shows(left) == shows(right) == [9, 4, 5]
    page.rows = page.rows[1:]
    await idle()
    assert shows(left) == shows(right) == [4, 5]
    stash.reset(page)
    await idle()
    assert shows(left) == shows(right) == [3, 4]


async def test_a_row_with_a_number_of_thousands_of_digits_is_found_by_what_it_holds(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        rows: list[dict[str, int]] = stored([{'qty': 3}, {'qty': 3}])

        def build(self) -> None:
            grid = ui.aggrid({'columnDefs': COLUMNS, 'rowData': []})
            stash.rows(grid, self, 'rows').mark('grid')

    tab = await Browser().open()
    tell_of_edit(tab, {'data': {'qty': 5}, 'colId': 'qty', 'newValue': 5, 'oldValue': 3, 'rowId': '9' * 5000})
    await idle()
    assert shown(stash, tab, Page).rows == [{'qty': 5}, {'qty': 3}]


async def test_an_edit_of_a_row_that_was_removed_meanwhile_is_not_stored_and_says_so(stash: Stash) -> None:
    cls = declare(stash)
    tab = await Browser().open()
    grid = element(tab, 'grid')
    (listener,) = [each for each in grid._event_listeners.values() if each.type == 'cellValueChanged']
    told = {'data': {**ROWS[0], 'qty': 5}, 'colId': 'qty', 'newValue': 5, 'oldValue': 3, 'rowId': '1'}
    del shown(stash, tab, cls).rows[0]
    client_of(tab).handle_event(
        {'id': grid.id, 'listener_id': listener.id, 'args': [msgspec.json.encode(told).decode()]}
    )
    await idle()
    assert (shows(tab), notifications(tab)) == (
        [4],
        ['Amount: This row was removed. What you enter here is not saved.'],
    )


@pytest.mark.parametrize('kind', KINDS)
async def test_a_cell_of_a_column_that_the_rows_do_not_have_is_not_stored_and_says_so(
    stash: Stash, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    cls = declare(stash, kind)
    ann = Browser()
    tab = await ann.open()
    edit(tab, 0, 'colour', 'red')
    await idle()
    element(tab, 'table').rows[1]['size'] = 5
    await idle()
    if kind == 'dict':
        assert shown(stash, tab, cls).rows == [{**ROWS[0], 'colour': 'red'}, {**ROWS[1], 'size': 5}]
        assert notifications(tab) == []
        return
    assert shows(tab) == [3, 4]
    assert [set(row) for row in element(tab, 'grid').options['rowData']] == [set(ROWS[0])] * 2
    assert notifications(tab) == ['colour: This column is not saved.', 'size: This column is not saved.']
    assert 'its rows have no such key' in caplog.text


class Brief(msgspec.Struct, omit_defaults=True, rename='camel'):
    row_id: int
    how_many: int = 1


async def test_a_cell_gets_the_default_that_is_left_out_in_json(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        rows: list[Brief] = stored(default_factory=lambda: [Brief(1, 5)])

        def build(self) -> None:
            stash.rows(ui.aggrid({'columnDefs': [{'field': 'howMany'}], 'rowData': []}), self, 'rows').mark('grid')

    tab = await Browser().open()
    edit(tab, 0, 'howMany', 1)
    await idle()
    assert (shown(stash, tab, Page).rows, notifications(tab)) == ([Brief(1, 1)], [])


async def test_a_row_with_the_key_of_another_gets_its_own_edits(stash: Stash) -> None:
    first, second = {'id': 1, 'name': 'bolt', 'qty': 1}, {'id': 1, 'name': 'nut', 'qty': 2}

    @stash.page('/')
    class Page:
        rows: list[dict[str, Any]] = stored([first, second])
        later: list[dict[str, Any]] = stored([first])

        def build(self) -> None:
            stash.rows(ui.aggrid({'columnDefs': COLUMNS, 'rowData': []}), self, 'rows').mark('grid')
            stash.rows(ui.aggrid({'columnDefs': COLUMNS, 'rowData': []}), self, 'later').mark('later')

    tab = await Browser().open()
    page = shown(stash, tab, Page)
    page.later.append(second)
    await idle()
    edit(tab, 1, 'qty', 9)
    edit(tab, 1, 'qty', 9, marker='later')
    await idle()
    assert page.rows == page.later == [first, {**second, 'qty': 9}]


async def test_a_cell_may_be_within_an_entry_of_its_row(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        rows: list[dict[str, Any]] = stored([{'id': 1, 'home': {'city': 'Ulm'}, 'a.b': 1}])

        def build(self) -> None:
            stash.rows(ui.aggrid({'columnDefs': COLUMNS, 'rowData': []}), self, 'rows').mark('grid')

    tab = await Browser().open()
    edit(tab, 0, 'home.city', 'Bonn')
    edit(tab, 0, 'a.b', 2)
    await idle()
    assert shown(stash, tab, Page).rows == [{'id': 1, 'home': {'city': 'Bonn'}, 'a.b': 2}]


Slot: Any = make_dataclass('Slot', [('at', time), ('day', date | None), ('qty', int), ('price', Decimal)])


async def test_a_cell_takes_the_text_of_a_time_or_number_as_it_is_meant(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        rows: list[Slot] = stored(default_factory=lambda: [Slot(time(8), date(2030, 1, 1), 1, Decimal(1))])

        def build(self) -> None:
            stash.rows(ui.aggrid({'columnDefs': COLUMNS, 'rowData': []}), self, 'rows').mark('grid')

    tab = await Browser().open()
    for key, value in {'at': '10:30', 'day': '', 'qty': ' 5', 'price': 2.5}.items():
        edit(tab, 0, key, value)
        await idle()
    assert (shown(stash, tab, Page).rows, notifications(tab)) == (
        [Slot(time(10, 30), None, 5, Decimal('2.5'))],
        [],
    )
    for value in ('many', '2.5', None):
        edit(tab, 0, 'qty', value)
    await idle()
    assert notifications(tab) == ['Amount: Please enter a whole number.'] * 3


async def test_rows_without_a_key_are_known_by_their_place(stash: Stash, store: FaultyStore) -> None:
    @stash.page('/')
    class Page:
        rows: list[dict[str, int]] = stored([{'qty': 1}, {'qty': 1}])

        def build(self) -> None:
            stash.rows(ui.table(rows=[]), self, 'rows').mark('table')
            stash.rows(ui.aggrid({'columnDefs': COLUMNS, 'rowData': []}), self, 'rows').mark('grid')

    tab = await Browser().open()
    edit(tab, 1, 'qty', 2)
    await stash.flush(shown(stash, tab, Page))
    assert (shows(tab), await data_of(store, 'Page')) == ([1, 2], {'rows': [{'qty': 1}, {'qty': 2}]})


async def test_elements_bound_to_a_row_and_a_grid_follow_each_other(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        rows: list[Part] = stored([Part(id=1, name='bolt', qty=3)])

        def build(self) -> None:
            ui.number().mark('bolt').bind_value(self.rows[0], 'qty')
            stash.rows(ui.table(rows=[]), self, 'rows').mark('table')
            stash.rows(ui.aggrid({'columnDefs': COLUMNS, 'rowData': []}), self, 'rows').mark('grid')

    tab = await Browser().open()
    edit(tab, 0, 'qty', 5)
    await idle()
    assert element(tab, 'bolt').value == 5
    type_into(tab, 'bolt', 6)
    await idle()
    assert shows(tab) == [6]


async def test_an_element_that_is_removed_is_not_kept(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        rows: list[Part] = stored(default_factory=list[Part])

        def build(self) -> None:
            with ui.card() as card:
                stash.rows(ui.table(rows=[]), self, 'rows')
            ui.button('Clear', on_click=card.clear)
            ui.button('Add', on_click=lambda: self.rows.append(Part(id=len(self.rows), name='', qty=1)))

    tab = await Browser().open()
    click(tab, 'Clear')
    click(tab, 'Add')
    click(tab, 'Add')
    assert len(shown(stash, tab, Page).rows) == 2
    await close(tab)


@pytest.mark.parametrize(
    ('make', 'field', 'said'),
    [
        (
            lambda: ui.label('x'),
            'rows',
            r'needs a ui.table or ui.aggrid, not Label: write stash.rows\(ui.table\(rows=\[\]\), se',
        ),
        (lambda: ui.table(rows=[]), 'row', "Page has no stored field 'row'"),
        (
            lambda: ui.table(rows=[]),
            'names',
            r'Page.names is no list of rows: write names: list\[dict\[str, Any\]\] = stored',
        ),
    ],
)
async def test_what_has_no_rows_is_told_what_to_write(
    stash: Stash, make: Callable[[], Any], field: str, said: str
) -> None:
    @stash.page('/')
    class Page:
        rows: list[Part] = stored(default_factory=list[Part])
        names: list[str] = stored(['bolt'])

        def build(self) -> None:
            with pytest.raises(StashError, match=said):
                stash.rows(make(), self, field)

    await Browser().open()
