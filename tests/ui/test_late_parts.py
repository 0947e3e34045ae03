"""What a person set comes back with parts that the app adds some time after the build: tabs, nodes, rows, columns."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest
from nicegui import ui
from nicegui.testing import User

from nicegui_stash import Stash
from nicegui_stash.testing import reload

from .scene import Browser, client_of, element, emit, idle, type_into

pytestmark = pytest.mark.proves('remember')
Scope = Literal['session', 'tab', 'reconnect']
ROWS = [{'id': 1, 'name': 'bolt'}, {'id': 2, 'name': 'nut'}, {'id': 3, 'name': 'pin'}]
COLUMNS = [{'field': 'name'}, {'field': 'qty'}]
NODES = [{'id': 'a', 'children': [{'id': 'a1'}, {'id': 'a2'}]}, {'id': 'b', 'children': [{'id': 'b1'}]}]


class Kind:
    """One kind of element: how it is made with fewer parts, gets the others, and is set by a person."""

    def make(self) -> Any:
        raise NotImplementedError

    def add(self, made: Any) -> None:
        raise NotImplementedError

    def set(self, tab: User, made: Any) -> None:
        type_into(tab, 'kept', 'late')

    def state(self, made: Any) -> Any:
        return made.value

    first: Any = 'early'
    wanted: Any = 'late'


class Tabs(Kind):
    def make(self) -> Any:
        with ui.tabs() as tabs:
            ui.tab('early')
        tabs.set_value('early')
        return tabs

    def add(self, made: Any) -> None:
        with made:
            ui.tab('late')


class TabsInARow(Tabs):
    def add(self, made: Any) -> None:
        with made, ui.row():
            ui.tab('late')


class Panels(Kind):
    def make(self) -> Any:
        with ui.tab_panels(value='early') as panels:
            ui.tab_panel('early')
        return panels

    def add(self, made: Any) -> None:
        with made:
            ui.tab_panel('late')


class Stepper(Kind):
    def make(self) -> Any:
        with ui.stepper(value='early') as stepper:
            ui.step('early')
        return stepper

    def add(self, made: Any) -> None:
        with made:
            ui.step('late')


class Tree(Kind):
    first = ([], [], None)
    wanted = (['a', 'b'], ['a1', 'b1'], 'b')

    def make(self) -> Any:
        return ui.tree([], tick_strategy='leaf', on_select=lambda: None)

    def add(self, made: Any) -> None:
        made.props['nodes'] = NODES

    def set(self, tab: User, made: Any) -> None:
        for name, value in zip(('expanded', 'ticked', 'selected'), self.wanted, strict=True):
            emit(tab, made, f'update:{name}', value)

    def state(self, made: Any) -> Any:
        return made.props['expanded'], made.props['ticked'], made.props['selected']


class TreeInPlace(Tree):
    def add(self, made: Any) -> None:
        made.props['nodes'].extend(NODES)
        made.update()


class Table(Kind):
    first: Any = ()
    wanted: Any = (2, 3)

    def make(self) -> Any:
        return ui.table(rows=ROWS[:1], row_key='id', selection='multiple')

    def add(self, made: Any) -> None:
        made.rows = list(ROWS)

    def set(self, tab: User, made: Any) -> None:
        emit(tab, made, 'selection', {'added': True, 'rows': ROWS[1:], 'keys': list(self.wanted)})

    def state(self, made: Any) -> Any:
        return tuple(row['id'] for row in made.selected)


class TableByMethod(Table):
    def add(self, made: Any) -> None:
        made.update_rows(list(ROWS))


class Grid(Kind):
    first = None
    wanted = ([{'colId': 'qty', 'sort': 'asc'}], ['2'])

    def make(self) -> Any:
        return ui.aggrid({'columnDefs': COLUMNS[:1], 'rowData': []})

    def add(self, made: Any) -> None:
        made.options['columnDefs'] = COLUMNS
        made.options['rowData'] = ROWS
        made.update()

    def set(self, tab: User, made: Any) -> None:
        listener = next(each for each in made._event_listeners.values() if each.type == 'sortChanged')
        told = json.dumps({'sort': [['qty', 'asc']], 'selected': ['2']})
        client_of(tab).handle_event({'id': made.id, 'listener_id': listener.id, 'args': [told]})

    def state(self, made: Any) -> Any:
        state = made.options.get('initialState') or {}
        return (state['sort']['sortModel'], state['rowSelection']) if 'sort' in state else None


class Options(Kind):
    def make(self) -> Any:
        return ui.select(['early'], value='early')

    def add(self, made: Any) -> None:
        made.set_options(['early', 'late'])

    def set(self, tab: User, made: Any) -> None:
        type_into(tab, 'kept', {'value': 1, 'label': 'late'})


KINDS = (Options, Tabs, TabsInARow, Panels, Stepper, Tree, TreeInPlace, Table, TableByMethod, Grid)


@pytest.mark.parametrize('scope', ['session', 'tab'])
@pytest.mark.parametrize('kind', [each() for each in KINDS], ids=lambda kind: type(kind).__name__)
async def test_what_a_person_set_comes_back_with_parts_that_come_later(stash: Stash, kind: Kind, scope: Scope):
    ui.page('/')(lambda: stash.remember(kind.make().mark('kept'), scope=scope))
    browser = Browser()
    tab = await browser.open()
    made = element(tab, 'kept')
    with client_of(tab):
        kind.add(made)
    await idle()
    kind.set(tab, made)
    await idle()
    assert kind.state(made) == kind.wanted
    for _ in range(2):
        tab = await come_back(tab, browser, scope)
        made = element(tab, 'kept')
        assert kind.state(made) == kind.first
        with client_of(tab):
            kind.add(made)
        await idle()
        assert kind.state(made) == kind.wanted


async def come_back(tab: User, browser: Browser, scope: Scope) -> User:
    if scope == 'session':
        return await browser.open()
    await reload(tab)
    await idle()
    return tab


async def test_handlers_are_called_once_for_what_comes_late(stash: Stash):
    heard: list[Any] = []

    def build() -> None:
        stash.remember(Tabs().make().mark('kept')).on_value_change(lambda event: heard.append(event.value))

    ui.page('/')(build)
    browser = Browser()
    tab = await browser.open()
    Tabs().add(element(tab, 'kept'))
    type_into(tab, 'kept', 'late')
    heard.clear()
    tab = await browser.open()
    for name in ('other', 'late', 'another'):
        with element(tab, 'kept'):
            ui.tab(name)
        await idle()
    assert heard == ['late']


async def test_what_the_app_or_a_person_sets_later_stays_when_other_parts_come(stash: Stash):
    ui.page('/')(lambda: stash.remember(Table().make().mark('kept')))
    browser = Browser()
    tab = await browser.open()
    table = element(tab, 'kept')
    table.rows = list(ROWS)
    Table().set(tab, table)
    await idle()
    tab = await browser.open()
    table = element(tab, 'kept')
    table.filter = 'by the app'
    table.add_row({'id': 4, 'name': 'rod'})
    await idle()
    assert (table.filter, table.selected) == ('by the app', [])
    table.update()
    await idle()
    assert table.filter == 'by the app'
    emit(tab, table, 'selection', {'added': True, 'rows': ROWS[:1], 'keys': [1]})
    await idle()
    table.rows = list(ROWS)
    await idle()
    assert (table.filter, Table().state(table)) == ('by the app', (1,))
