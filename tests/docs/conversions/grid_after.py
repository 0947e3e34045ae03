from nicegui import events, ui

from nicegui_stash import Stash, stored

stash = Stash()

columns = [
    {'field': 'name', 'editable': True, 'sortable': True},
    {'field': 'age', 'editable': True},
]
rows = [
    {'id': 1, 'name': 'Ann', 'age': 18},
    {'id': 2, 'name': 'Ben', 'age': 21},
]


@stash.state
class People:
    rows: list[dict[str, int | str | None]] = stored(rows)


def add() -> None:
    people = grid.options['rowData']
    people.append({'id': max((row['id'] for row in people), default=0) + 1, 'name': 'New', 'age': None})


def change(event: events.GenericEventArguments) -> None:
    changed = event.args['data']
    people = grid.options['rowData']
    people[:] = [changed if row['id'] == changed['id'] else row for row in people]


async def remove() -> None:
    selected = [row['id'] for row in await grid.get_selected_rows()]
    people = grid.options['rowData']
    people[:] = [row for row in people if row['id'] not in selected]


grid = ui.aggrid({'columnDefs': columns, 'rowData': rows, 'rowSelection': 'multiple'})
grid.on('cellValueChanged', change)
stash.rows(grid, stash.keep(People()), 'rows')
ui.button('Remove selected', on_click=remove)
ui.button('Add', on_click=add)

ui.run(storage_secret='a private random text')
