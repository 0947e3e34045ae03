"""One element of each kind, remembered in the scope that the path names. With CHANGED some of it is gone."""

from __future__ import annotations

import os
from typing import Any, Literal, cast

from nicegui import ui
from nicegui.element import Element
from nicegui.elements.mixins.value_element import ValueElement

import probe
from nicegui_stash import Stash

CHANGED = os.environ.get('CHANGED') == '1'
NAMES = [f'{letter}1' for letter in 'abcdefghij']
COLUMNS = ['name', 'size'] if CHANGED else ['name', 'size', 'age']
ROWS = [{'id': at, 'name': name, 'size': at, 'age': 20 - at} for at, name in enumerate(NAMES[1:] if CHANGED else NAMES)]

Scope = Literal['session', 'tab', 'reconnect']
stash = Stash(os.environ['STORE'], recover_timeout=float(os.environ.get('RECOVER_TIMEOUT', '30')))


class Stars(ValueElement[int]):
    """An element of the app, with a prop of its own for its value."""

    VALUE_PROP = 'model-value'

    def __init__(self) -> None:
        super().__init__(tag='q-rating', value=0)
        self.props('max=5')


def test(element: Element, name: str) -> Any:
    return element.props(f'data-testid={name}')


@ui.page('/{scope}')
def page(scope: str) -> None:
    looks = test(ui.label('0'), 'looks')
    test(ui.button('look', on_click=lambda: looks.set_text(str(int(looks.text) + 1))), 'look')
    kept = cast(Scope, scope)
    dialog = stash.remember(ui.dialog().props('seamless position=right'), scope=kept)
    with dialog, ui.card():
        test(ui.label('a dialog'), 'dialog')
    with stash.remembering(scope=kept):
        drawer = ui.left_drawer(value=False)
        with drawer:
            test(ui.label('a drawer'), 'drawer')
        build(kept)
    menu = stash.remember(ui.menu().props('persistent no-parent-event no-focus no-refocus'), scope=kept)
    with menu:
        test(ui.label('a menu'), 'menu')
    test(ui.button('menu', on_click=menu.open), 'open-menu')
    test(ui.button('open', on_click=dialog.open), 'open-dialog')
    test(ui.button('drawer', on_click=drawer.toggle), 'toggle-drawer')


def build(kept: Scope) -> None:
    with ui.tabs() as tabs:
        for name in ('one', 'two') if CHANGED else ('one', 'two', 'three'):
            ui.tab(name)
    with ui.tab_panels(tabs, value='one'):
        for name in ('one', 'two') if CHANGED else ('one', 'two', 'three'):
            with ui.tab_panel(name):
                test(ui.label(f'panel {name}'), 'panel')
    with ui.stepper() as stepper:
        for name in ('first', 'second'):
            with ui.step(name):
                test(ui.button('on', on_click=stepper.next), f'on-{name}')
    with ui.carousel(arrows=True).props('height=80px') as carousel:
        for name in ('here', 'there'):
            with ui.carousel_slide(name):
                test(ui.label(f'slide {name}'), 'slide')
    test(ui.button('slide', on_click=carousel.next), 'next-slide')
    with test(ui.expansion('more'), 'expansion'):
        ui.label('inside')
    with test(ui.splitter(value=30), 'splitter') as splitter:
        with splitter.before:
            ui.label('left')
        with splitter.after:
            ui.label('right')
    fields(kept)
    tables()


def fields(kept: Scope) -> None:
    test(ui.input('Name'), 'input')
    test(ui.input('Word', password=True), 'password')
    test(ui.textarea('Note'), 'textarea')
    test(ui.number('Number', value=1), 'number')
    test(ui.color_input('Colour'), 'colour')
    test(ui.date_input('Day'), 'day')
    test(ui.slider(min=0, max=10, value=0), 'slider')
    test(ui.range(min=0, max=10).props('label-always'), 'range')
    test(ui.knob(0.5, step=0.1), 'knob')
    test(ui.time_input('Time'), 'time')
    test(ui.time(value='10:30').props('format24h'), 'clock')
    test(ui.pagination(1, 3), 'pagination')
    test(ui.editor(), 'editor')
    test(ui.codemirror('code'), 'code')
    test(ui.checkbox('check'), 'checkbox')
    test(ui.switch('switch'), 'switch')
    test(ui.radio({1: 'red'} if CHANGED else {1: 'red', 2: 'green'}, value=1), 'radio')
    test(ui.toggle(['x', 'y'], value='x'), 'toggle')
    test(ui.select({1: 'low', 2: 'high'}, value=1, label='Level'), 'select')
    test(ui.input_chips('Chips'), 'chips')
    test(ui.rating(value=1, max=3), 'rating')
    test(Stars(), 'stars')
    raw = test(ui.element('q-toggle').props('label=raw'), 'raw')
    raw.props['model-value'] = False
    stash.remember(raw, scope=kept)


def tables() -> None:
    columns = [{'name': each, 'label': each, 'field': each, 'sortable': True} for each in COLUMNS]
    table = ui.table(columns=columns, rows=ROWS, row_key='name', selection='multiple', pagination=3)
    test(table, 'table')
    test(ui.input('Filter').bind_value(table, 'filter'), 'filter')  # a table goes to page 1 when its filter is set
    visible = [each for each in COLUMNS if each != 'size']
    test(ui.button('hide', on_click=lambda: table.props.update({'visible-columns': visible})), 'hide')
    options: dict[str, Any] = {
        'columnDefs': [
            {'field': each, 'filter': 'agTextColumnFilter', 'sortable': True, 'minWidth': 50} for each in COLUMNS
        ],
        'rowData': ROWS,
        'rowSelection': {'mode': 'multiRow'},
        ':getRowId': 'params => params.data.name',
    }
    test(ui.aggrid(options).style('height: 15rem'), 'grid')
    nodes = [{'id': 'n', 'children': [{'id': 'n1'}, {'id': 'n2'}]}, {'id': 'm', 'children': [{'id': 'm1'}]}]
    tree = ui.tree(nodes[:1] if CHANGED else nodes, label_key='id', tick_strategy='leaf', on_select=lambda: None)
    test(tree, 'tree')
    with test(ui.scroll_area().style('height: 5rem; width: 10rem'), 'scroll'), ui.column():
        for name in NAMES:
            ui.label(f'line {name}')


probe.serve()
