"""Elements bound to parts of fields: entries of a dict, rows, attributes, and chips; and texts that are too large."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import Any, TypedDict

from nicegui import ui

import probe
from nicegui_stash import Recovery, Stash, stored

stash = Stash(os.environ['STORE'])


class Part(TypedDict):
    id: int
    name: str
    qty: int


@dataclass
class Guest:
    name: str = ''
    city: str = ''


def tell_rejected(page: Any, recovery: Recovery) -> None:
    page.rejected.text = json.dumps([[each.field, each.path, each.value] for each in recovery.rejected])


@stash.page('/')
class Form:
    form: dict[str, str] = stored({'name': '', 'mail': ''}, scope='reconnect')
    rows: list[Part] = stored([Part(id=1, name='bolt', qty=3), Part(id=2, name='nut', qty=3)])
    todos: list[dict[str, Any]] = stored([{'text': 'wash', 'note': ''}, {'text': 'cook', 'note': ''}])
    guest: Guest = stored(default_factory=Guest, scope='tab')
    chosen: dict[str, bool] = stored({'ant': False})
    liked: bool = stored(False, scope='reconnect')

    def build(self) -> None:
        ui.input('name').bind_value(self.form, 'name')
        ui.input('mail').bind_value(self, ('form', 'mail'))
        self.draw()
        ui.input('guest').bind_value(self.guest, 'name')
        ui.input('city').bind_value(self, ('guest', 'city'))
        ui.chip('ant', selectable=True).bind_selected(self.chosen, 'ant')
        ui.chip('like', selectable=True).bind_selected(self, 'liked')
        ui.button('Drop a row', on_click=self.drop)
        self.rejected = ui.label('[]').props('data-testid=rejected')
        for field in ('form', 'rows', 'todos', 'guest', 'chosen', 'liked'):
            ui.label().bind_text_from(self, field, as_json).props(f'data-testid={field}')
        stash.indicator(self)
        stash.on_change(self, ['rows', 'todos'], self.draw.refresh)

    @ui.refreshable_method
    def draw(self) -> None:
        for row in self.rows:
            ui.number(row['name']).bind_value(row, 'qty')
        for todo in self.todos:
            ui.input(todo['text']).bind_value(todo, 'note')

    def drop(self) -> None:
        self.rows.pop(0)
        self.todos.pop(0)

    def on_recovered(self, recovery: Recovery) -> None:
        if hasattr(self, 'rejected'):
            tell_rejected(self, recovery)


def as_json(value: Any) -> str:
    return json.dumps(asdict(value) if isinstance(value, Guest) else value)


TEXTS = {'too_large': 'Zu groß.', 'why_too_large': '{label}: zu groß', 'refused': 'Nicht gespeichert'}


@stash.page('/large')
class Large:
    first: str = stored('')
    second: str = stored('', scope='reconnect')
    third: str = stored('', scope='tab')
    part: dict[str, str] = stored({'text': ''})
    code: str = stored('one\n')
    short: str = stored('')

    def build(self) -> None:
        for name in ('first', 'second', 'third'):
            area = ui.textarea(name).bind_value(self, name)
        ui.button('Draw', on_click=lambda: area.props('outlined'))
        ui.button('Reset third', on_click=lambda: stash.reset(self, 'third'))
        ui.button('Reset', on_click=lambda: stash.reset(self))
        ui.textarea('part').bind_value(self.part, 'text')
        ui.editor().bind_value(self, 'second').classes('at-editor')
        ui.codemirror().bind_value(self, 'code').classes('at-code')
        ui.input('short').bind_value(self, 'short', forward=lambda text: text[:3], backward=str)
        for name in ('first', 'second', 'third', 'code'):
            ui.label().bind_text_from(self, name, lambda text: f'{len(text)}:{text[:20]}').props(f'data-testid={name}')
        ui.label().bind_text_from(self, 'short').props('data-testid=short')
        stash.indicator(self, texts=TEXTS)


@stash.page('/lines')
class Lines:
    code: str = stored('one\r\ntwo\r\nthree')

    def build(self) -> None:
        ui.codemirror().bind_value(self, 'code').classes('at-code')
        ui.label().bind_text_from(self, 'code', json.dumps).props('data-testid=code')


probe.serve()
