"""A page whose fields are in its address and in the browser, for what is entered while the server is away."""

from __future__ import annotations

import json
import os

from nicegui import ui

import probe
from nicegui_stash import Recovery, Stash, stored

stash = Stash(os.environ['STORE'])


def field(name: str) -> str:
    return f'data-testid={name}'


@stash.page('/')
class Shelf:
    q: str = stored('', scope='url')
    page: int = stored(1, scope='url', history='push', validate=lambda page: 0 < page < 100)
    note: str = stored('', scope='browser')
    form: dict[str, str] = stored({'mail': ''}, scope='browser')

    def build(self) -> None:
        for name in ('q', 'note'):
            ui.input(name).bind_value(self, name).props(field(f'{name}-input'))
        ui.input('mail').bind_value(self, ('form', 'mail')).props(field('form-input'))
        ui.number('page').bind_value(self, 'page').props(field('page-input'))
        for name in ('q', 'page', 'note', 'form'):
            ui.label().bind_text_from(self, name, json.dumps).props(field(name))
        ui.button('next', on_click=self.turn).props(field('next'))
        self.rejected = ui.label('[]').props(field('rejected'))

    def turn(self) -> None:
        self.page += 1

    def on_recovered(self, recovery: Recovery) -> None:
        if hasattr(self, 'rejected'):
            self.rejected.text = json.dumps([[each.field, each.value] for each in recovery.rejected])


probe.serve()
