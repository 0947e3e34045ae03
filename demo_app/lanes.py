"""Lanes of cards that can be added, moved and deleted: what both boards show."""

from __future__ import annotations

from functools import partial
from typing import TypedDict

from nicegui import ui

from .state import stash


class Column(TypedDict):
    title: str
    cards: list[str]


def first_columns() -> list[Column]:
    return [
        {'title': 'To do', 'cards': ['Water the tomatoes', 'Repair the gate', 'Order seeds']},
        {'title': 'Doing', 'cards': ['Paint the shed']},
        {'title': 'Done', 'cards': ['Sharpen the spade']},
    ]


class Lanes:
    """The base of a page with columns; where they are stored is the page's own to say."""

    columns: list[Column]
    find: str

    def __init__(self) -> None:
        self.dragged: tuple[int, int] | None = None  # an ordinary attribute, not needed after a redeploy

    def show_lanes(self) -> None:
        find = ui.input('Find').props('clearable dense').classes('max-w-xs')
        find.bind_value(self, 'find', forward=lambda text: text or '')
        self.nothing = ui.label('No card contains that.').classes('muted').props('role=status')
        with ui.element('section').classes('board'):
            for index in range(len(self.columns)):
                self._lane(index)
        for field in ('columns', 'find'):
            stash.on_change(self, field, lambda _: self._show())
        self._say_nothing()

    def _show(self) -> None:
        self._cards.refresh()
        self._say_nothing()

    def _say_nothing(self) -> None:
        """Say that no card is shown, if that is so."""
        self.nothing.visible = not any(self._matches(card) for column in self.columns for card in column['cards'])

    def _matches(self, text: str) -> bool:
        return self.find.lower() in text.lower()

    def add(self, column: int, text: str) -> None:
        self.columns[column]['cards'].append(text)

    def move(self, column: int, card: int, target: int) -> None:
        self.columns[target]['cards'].append(self.columns[column]['cards'].pop(card))

    def delete(self, column: int, card: int) -> None:
        del self.columns[column]['cards'][card]

    def _lane(self, column: int) -> None:
        def add() -> None:
            if text := (new.value or '').strip():
                self.add(column, text)
            new.value = ''

        def drop() -> None:
            if self.dragged:
                self.move(*self.dragged, column)
            self.dragged = None

        with ui.column().classes('panel lane').props(f'data-testid=lane-{column}') as lane:
            self._cards(column)
            new = ui.input(placeholder='Add a card').props('dense aria-label="Add a card"').on('keydown.enter', add)
        lane.on('dragover.prevent', js_handler='() => {}')
        lane.on('drop.prevent', drop)

    @ui.refreshable_method
    def _cards(self, column: int) -> None:
        lane = self.columns[column]
        with ui.row().classes('w-full items-center justify-between'):
            ui.label(lane['title']).classes('font-semibold')
            ui.label(str(len(lane['cards']))).classes('muted')
        for card, text in enumerate(lane['cards']):
            if self._matches(text):
                self._card(column, card, text)

    def _card(self, column: int, card: int, text: str) -> None:
        def drag() -> None:
            self.dragged = column, card

        with ui.row().classes('card').props('draggable=true').on('dragstart', drag):
            ui.label(text)
            more = ui.button(icon='more_vert', color=None).props('flat round dense size=sm aria-label="Move or delete"')
            with more, ui.menu():
                for target, other in enumerate(self.columns):
                    if target != column:
                        ui.menu_item(f'Move to {other["title"]}', partial(self.move, column, card, target))
                ui.menu_item('Delete', partial(self.delete, column, card))
