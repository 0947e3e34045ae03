from __future__ import annotations

from nicegui import ui

from nicegui_stash import Stash, stored

stash = Stash()

dragged: list[Card] = []
cards: dict[str, Card] = {}
columns: dict[str, Column] = {}


@stash.state
class Board:
    moved: dict[str, str] = stored({})


class Column(ui.column):
    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        columns[name] = self
        with self.classes('w-60 p-4 bg-grey-3').mark(name):
            ui.label(name)
        self.on('dragover.prevent', lambda: None)
        self.on('drop', self.take)

    def take(self) -> None:
        card = dragged.pop()
        card.move(self)
        board.moved[card.title] = self.name
        ui.notify(f'{card.title}: {self.name}')


class Card(ui.card):
    def __init__(self, title: str) -> None:
        super().__init__()
        self.title = title
        cards[title] = self
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


def place() -> None:
    for title, name in board.moved.items():
        cards[title].move(columns[name])


board = stash.keep(Board(), refresh=place)
place()

ui.run(storage_secret='a private random text')
