"""What forms are made of: dates, numbers, texts that are emptied, and choices."""

from __future__ import annotations

import os
from datetime import date, time
from typing import Any
from uuid import uuid4

from nicegui import ui

import probe
from nicegui_stash import Stash, stored

stash = Stash(os.environ['STORE'])


@stash.page('/', title='Entering')
class Form:
    q: str = stored('', scope='url')
    name: str = stored('Ann')
    count: int = stored(3)
    day: date | None = stored(None)
    at: time | None = stored(None)
    due: date = stored(date(2030, 1, 1))
    stay: dict[str, date] = stored({'until': date(2030, 1, 8)})
    rows: list[dict[str, Any]] = stored([{'id': 1, 'qty': 3}])
    city: str | None = stored(None)
    animal: str = stored('')
    animals: list[str] = stored([])

    def build(self) -> None:
        ui.input('q').props('clearable').bind_value(self, 'q').classes('at-q')
        ui.input('name').props('clearable').bind_value(self, 'name').classes('at-name')
        ui.number('count').bind_value(self, 'count')
        ui.date_input('day').bind_value(self, 'day')
        ui.time_input('at').bind_value(self, 'at').classes('at-at')
        ui.input('due').bind_value(self, 'due', forward=date.fromisoformat, backward=str)
        ui.input('until').bind_value(self.stay, 'until', forward=date.fromisoformat, backward=str)
        ui.input('qty').bind_value(self.rows[0], 'qty', forward=int, backward=str)
        self.choice = ui.select([], label='city').bind_value(self, 'city')
        ui.button('cities', on_click=lambda: self.choice.set_options(['a', 'b', 'c']))
        offered = ui.label().props('data-testid=cities')
        offered.bind_text_from(self.choice, 'options', ''.join)
        ui.select(['ant', 'bee'], label='animal', new_value_mode='add-unique').bind_value(self, 'animal')
        for each in ('one', 'two'):
            ui.select(['x', 'y'], label=each).bind_value(self, 'name')
        for field in ('q', 'name', 'count', 'day', 'at', 'due', 'stay', 'rows', 'city', 'animal'):
            ui.label().bind_text_from(self, field, repr).props(f'data-testid={field}')
        stash.indicator(self)


@stash.page('/guest')
class Guest:
    id: str = stored(default_factory=lambda: uuid4().hex)

    def build(self) -> None:
        ui.label().bind_text_from(self, 'id').props('data-testid=id')


probe.serve()
