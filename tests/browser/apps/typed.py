"""Elements of every kind bound to stored fields, for what is entered while the server is away."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

from nicegui import ui

import probe
from nicegui_stash import Recovery, Stash, stored

stash = Stash(os.environ['STORE'])
ANIMALS = ['ant', 'bee', 'cat', 'dog']


@stash.page('/', title='Typed')
class Texts:
    line: str = stored('')
    text: str = stored('', scope='reconnect')
    mine: str = stored('', scope='tab')
    short: str = stored('', scope='reconnect', validate=lambda value: len(value) < 8)
    even: int = stored(0, validate=lambda value: value % 2 == 0)

    def build(self) -> None:
        for name, element in (
            ('line', ui.input('line')),
            ('text', ui.textarea('text')),
            ('mine', ui.input('mine')),
            ('short', ui.input('short')),
            ('even', ui.number('even')),
        ):
            element.bind_value(self, name).props(f'data-testid={name}-input').classes(f'at-{name}')
            ui.label().bind_text_from(self, name).props(f'data-testid={name}')
        self.rejected = ui.label('[]').props('data-testid=rejected')
        ui.label(stash.recovery(self).reason).props('data-testid=reason')
        ui.link('again', '/').props('data-testid=again')
        ui.button('sign out', on_click=stash.new_session).props('data-testid=sign-out')

    def on_recovered(self, recovery: Recovery) -> None:
        if hasattr(self, 'rejected'):
            self.rejected.text = json.dumps([[each.field, each.value] for each in recovery.rejected])


@stash.page('/saved', auto=False)
class Saved:
    line: str = stored('')

    def build(self) -> None:
        ui.input('line').bind_value(self, 'line').props('data-testid=line-input')
        ui.label().bind_text_from(self, 'line').props('data-testid=line')
        ui.button('save', on_click=lambda: stash.save(self)).props('data-testid=save')


@stash.page('/waits')
class Waits:
    line: str = stored('')
    text: str = stored('', scope='reconnect')

    async def build(self) -> None:
        pause = 1 if stash.recovery(self).status == 'recovered' else 0
        ui.label('it takes a while')
        await asyncio.sleep(pause)
        ui.input('line').bind_value(self, 'line').props('data-testid=line-input')
        await asyncio.sleep(pause)  # what is above is shown meanwhile
        ui.input('text').bind_value(self, 'text').props('data-testid=text-input')
        ui.label().bind_text_from(self, 'line').props('data-testid=line')
        ui.label().bind_text_from(self, 'text').props('data-testid=text')


@stash.page('/elements')
class Elements:
    input: str = stored('', scope='reconnect')
    textarea: str = stored('', scope='reconnect')
    number: float | None = stored(1.0, scope='reconnect')
    select: str = stored('ant', scope='reconnect')
    several: list[str] = stored(['ant'], scope='reconnect')
    checkbox: bool = stored(False, scope='reconnect')
    switch: bool = stored(False, scope='reconnect')
    slider: float = stored(10, scope='reconnect')
    range: dict[str, float] = stored({'min': 20, 'max': 80}, scope='reconnect')
    toggle: str = stored('ant', scope='reconnect')
    radio: str = stored('ant', scope='reconnect')
    date: str = stored('2031-07-14', scope='reconnect')
    time: str = stored('10:30', scope='reconnect')
    color_input: str = stored('#000000', scope='reconnect')
    rating: float = stored(1, scope='reconnect')
    editor: str = stored('', scope='reconnect')
    codemirror: str = stored('one\ntwo\n', scope='reconnect')

    def build(self) -> None:
        elements: dict[str, Any] = {
            'input': ui.input(),
            'textarea': ui.textarea(),
            'number': ui.number(),
            'select': ui.select(ANIMALS),
            'several': ui.select(ANIMALS, multiple=True),
            'checkbox': ui.checkbox('a checkbox'),
            'switch': ui.switch('a switch'),
            'slider': ui.slider(min=0, max=100),
            'range': ui.range(min=0, max=100),
            'toggle': ui.toggle(ANIMALS),
            'radio': ui.radio(ANIMALS),
            'date': ui.date(),
            'time': ui.time().props('format24h'),
            'color_input': ui.color_input(),
            'rating': ui.rating(max=5),
            'editor': ui.editor(),
            'codemirror': ui.codemirror(),
        }
        for name, element in elements.items():
            element.bind_value(self, name).classes(f'at-{name}')
            ui.label().bind_text_from(self, name, json.dumps).props(f'data-testid={name}')


@stash.page('/several')
class Several:
    chips: list[str] = stored([])
    many: list[str] = stored([])
    some: set[str] = stored({'cat', 'ant'})
    tags: set[str] = stored({'tea', 'milk'})
    box: bool = stored(False)

    def build(self) -> None:
        elements: dict[str, Any] = {
            'chips': ui.input_chips('chips'),
            'many': ui.select(ANIMALS, multiple=True).props('use-chips'),
            'some': ui.select(ANIMALS, multiple=True).props('use-chips'),
            'tags': ui.input_chips('tags'),
            'box': ui.checkbox('a checkbox'),
        }
        for name, element in elements.items():
            element.bind_value(self, name).classes(f'at-{name}')
            ui.label().bind_text_from(self, name, as_json).props(f'data-testid={name}')
        self.rejected = ui.label('[]').props('data-testid=rejected')

    def on_recovered(self, recovery: Recovery) -> None:
        if hasattr(self, 'rejected'):
            self.rejected.text = json.dumps([each.field for each in recovery.rejected])


def as_json(value: Any) -> str:
    return json.dumps(sorted(value) if isinstance(value, set) else value)


@stash.page('/rebuilt')
class Rebuilt:
    line: str = stored('')

    def build(self) -> None:
        self.form()
        ui.label().bind_text_from(self, 'line').props('data-testid=line')
        ui.button('rebuild', on_click=self.form.refresh).props('data-testid=rebuild')

    @ui.refreshable_method
    def form(self) -> None:
        ui.input('line').bind_value(self, 'line').props('data-testid=line-input')


def fifty(number: int) -> type:
    body = {f'field{index}': stored('', scope='reconnect') for index in range(number)}
    annotations = dict.fromkeys(body, str)
    return type('Fifty', (), {**body, '__annotations__': annotations, '__module__': __name__, 'build': build_fifty})


def build_fifty(self: Any) -> None:
    for index in range(50):
        ui.input(f'{index}').bind_value(self, f'field{index}').classes(f'at-{index}')
    ui.label().bind_text_from(self, 'field49').props('data-testid=last')


Fifty = stash.page('/fifty')(fifty(50))

probe.serve()
