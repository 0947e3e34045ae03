from nicegui import events, ui

columns = [
    {'name': 'name', 'label': 'Name', 'field': 'name', 'align': 'left'},
    {'name': 'age', 'label': 'Age', 'field': 'age'},
]
rows = [
    {'id': 1, 'name': 'Ann', 'age': 18},
    {'id': 2, 'name': 'Ben', 'age': 21},
]


def add() -> None:
    table.add_row({'id': max((row['id'] for row in table.rows), default=0) + 1, 'name': 'New', 'age': 30})


def change(event: events.GenericEventArguments) -> None:
    for row in table.rows:
        if row['id'] == event.args['id']:
            row.update(event.args)


def remove(event: events.GenericEventArguments) -> None:
    table.rows[:] = [row for row in table.rows if row['id'] != event.args['id']]


table = ui.table(columns=columns, rows=rows, row_key='id')
table.add_slot(
    'body',
    """
    <q-tr :props="props">
        <q-td key="name" :props="props">
            {{ props.row.name }}
            <q-popup-edit v-model="props.row.name" v-slot="scope"
                @update:model-value="() => $parent.$emit('change', props.row)">
                <q-input v-model="scope.value" dense autofocus @keyup.enter="scope.set" />
            </q-popup-edit>
        </q-td>
        <q-td key="age" :props="props">{{ props.row.age }}</q-td>
        <q-td><q-btn label="Remove" @click="() => $parent.$emit('remove', props.row)" /></q-td>
    </q-tr>
    """,
)
table.on('change', change)
table.on('remove', remove)
ui.button('Add', on_click=add)

ui.run()
