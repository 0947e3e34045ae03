"""A stock of parts in the ways in which a page shows rows: inputs, inputs drawn again, a table, and a grid."""

from __future__ import annotations

import os
from typing import Any, TypedDict

from nicegui import app, ui
from nicegui.events import GenericEventArguments

import probe
from nicegui_stash import Stash, stored

stash = Stash(os.environ['STORE'])


class Part(TypedDict):
    id: int
    name: str
    qty: int


PARTS = [Part(id=1, name='bolt', qty=3), Part(id=2, name='nut', qty=4)]


@app.get('/pending')
async def pending() -> int:
    """Tell how much of what is accepted is not stored yet."""
    return stash.statistics().pending


@stash.page('/inputs')
class Inputs:
    rows: list[dict[str, Any]] = stored([{'name': 'bolt', 'qty': 3}, {'name': 'nut', 'qty': 4}])

    def build(self) -> None:
        for row in self.rows:
            ui.number(row['name']).bind_value(row, 'qty')
        ui.button('Remove', on_click=lambda: self.rows.pop(0))


@stash.page('/many')
class Many:
    rows: list[dict[str, int]] = stored([{'qty': number} for number in range(1000)])

    def build(self) -> None:
        ui.number('Amount').bind_value(self.rows[500], 'qty')
        for row in self.rows:
            ui.label().bind_text_from(row, 'qty', str).classes('amount')


@stash.page('/drawn')
class Drawn:
    rows: list[dict[str, str]] = stored([{'name': 'bolt'}])

    def build(self) -> None:
        self.draw()
        stash.on_change(self, 'rows', self.draw.refresh)
        ui.button('Add', on_click=lambda: self.rows.append({'name': 'nut'}))

    @ui.refreshable_method
    def draw(self) -> None:
        for row in self.rows:
            ui.input('Name').bind_value(row, 'name')


@stash.page('/table')
class Table:
    rows: list[Part] = stored(PARTS)

    def build(self) -> None:
        columns = [{'name': key, 'label': key, 'field': key} for key in ('name', 'qty')]
        self.table = stash.rows(ui.table(columns=columns, rows=[]), self, 'rows')
        self.table.add_slot(
            'body-cell-qty',
            r"""
            <q-td :props="props">{{ props.row.qty }}
                <q-popup-edit v-model="props.row.qty" v-slot="scope"
                        @update:model-value="() => $parent.$emit('edit', props.row)">
                    <q-input v-model.number="scope.value" autofocus @keyup.enter="scope.set" />
                </q-popup-edit>
            </q-td>
            """,
        )
        self.table.on('edit', self.edit)
        ui.button('Add', on_click=lambda: self.table.add_row({'id': 3, 'name': 'pin', 'qty': 5}))

    def edit(self, event: GenericEventArguments) -> None:
        for row in self.table.rows:
            if row['id'] == event.args['id']:
                row.update(event.args)


@stash.page('/grid')
class Grid:
    rows: list[Part] = stored(PARTS)

    def build(self) -> None:
        columns = [{'field': 'name', 'editable': True}, {'headerName': 'Amount', 'field': 'qty', 'editable': True}]
        stash.rows(ui.aggrid({'columnDefs': columns, 'rowData': []}), self, 'rows')
        ui.button('Add', on_click=lambda: self.rows.append(Part(id=3, name='pin', qty=5)))
        ui.button('Remove', on_click=lambda: self.rows.pop(0))


@stash.page('/keyless')
class Keyless:
    rows: list[dict[str, int]] = stored([{'qty': 3}, {'qty': 4}])

    def build(self) -> None:
        columns = [{'headerName': 'Amount', 'field': 'qty', 'editable': True}]
        stash.rows(ui.aggrid({'columnDefs': columns, 'rowData': []}), self, 'rows')
        ui.button('Add', on_click=lambda: self.rows.append({'qty': 5}))
        ui.button('Remove', on_click=lambda: self.rows.pop(0))


@ui.page('/later')
def later() -> None:
    """Show elements without a field, whose parts come when a person asks for them."""
    columns: list[dict[str, Any]] = [{'name': 'name', 'label': 'name', 'field': 'name'}]
    options: dict[str, Any] = {
        'columnDefs': [{'field': 'name'}],
        'rowData': [],
        'rowSelection': {'mode': 'multiRow'},
        ':getRowId': 'params => String(params.data.id)',
    }
    with stash.remembering():
        table = ui.table(columns=columns, rows=[], row_key='id', selection='multiple')
        grid = ui.aggrid(options).classes('h-60')
        tree = ui.tree([], label_key='name', tick_strategy='leaf')
        with ui.tabs() as tabs:
            ui.tab('first')

    def fill() -> None:
        table.rows = [dict(part) for part in PARTS]
        grid.options['rowData'] = [dict(part) for part in PARTS]
        grid.update()
        tree.props['nodes'] = [dict(part) for part in PARTS]
        with tabs:
            ui.tab('second')

    ui.button('Fill', on_click=fill)


probe.serve(tailwind=True)
