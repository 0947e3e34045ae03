from __future__ import annotations

from nicegui import ui

dragged: list[Card] = []


class Column(ui.column):
    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        with self.classes('w-60 p-4 bg-grey-3').mark(name):
            ui.label(name)
        self.on('dragover.prevent', lambda: None)
        self.on('drop', self.take)

    def take(self) -> None:
        card = dragged.pop()
        card.move(self)
        ui.notify(f'{card.title}: {self.name}')


class Card(ui.card):
    def __init__(self, title: str) -> None:
        super().__init__()
        self.title = title
        with self.props('draggable').classes('w-full'):
            ui.label(title)
        self.on('dragstart', lambda: dragged.append(self))


with ui.row():
    with Column('Next'):
        Card('Mend the roof')
        Card('Paint the fence')
    with Column('Doing'):
        Card('Sow the lawn')
    with Column('Done'):
        Card('Clean the gutter')

ui.run()
