"""A list with a filter in its address, and views that have one of their own."""

from __future__ import annotations

import os
from typing import Literal

from nicegui import ui

import probe
from nicegui_stash import Stash, stored

stash = Stash(os.environ['STORE'])


def field(name: str) -> str:
    return f'data-testid={name}'


@stash.page('/')
class Listing:
    q: str = stored('', scope='url')
    page: int = stored(1, scope='url', history='push', validate=lambda page: 0 < page < 100)
    sort: Literal['name', 'price'] = stored('name', scope='url', history='push')
    tags: list[str] = stored(default_factory=list[str], scope='url')
    note: str = stored('')
    draft: str = stored('', scope='reconnect')

    def build(self) -> None:
        for name in ('q', 'note', 'draft'):
            ui.input(name).bind_value(self, name).props(field(f'{name}-input'))
        for name in ('q', 'page', 'sort', 'tags', 'note', 'draft'):
            ui.label().bind_text_from(self, name, str).props(field(name))
        ui.button('next', on_click=self.turn).props(field('next'))
        ui.button('tag', on_click=lambda: self.tags.append(f'tag {len(self.tags)}')).props(field('tag'))
        ui.toggle(['name', 'price']).bind_value(self, 'sort')
        recovery = stash.recovery(self)
        ui.label(recovery.reason).props(field('reason'))
        ui.label(', '.join(problem.field for problem in recovery.problems)).props(field('problems'))
        ui.link('shared', '/?q=shared&page=7').props(field('to-shared'))

    def turn(self) -> None:
        self.page += 1


@stash.view
class Items:
    q: str = stored('', scope='url', history='push')

    def build(self) -> None:
        ui.label('Items').props(field('title'))
        ui.input('q').bind_value(self, 'q').props(field('q-input'))
        ui.label().bind_text_from(self, 'q').props(field('q'))
        ui.button('lamps', on_click=lambda: setattr(self, 'q', 'lamps')).props(field('lamps'))
        ui.button('tables', on_click=lambda: setattr(self, 'q', 'tables')).props(field('tables'))


def home() -> None:
    ui.label('Home').props(field('title'))


@ui.page('/shop')
@ui.page('/shop/{_:path}')
async def shop() -> None:
    shell = await stash.recover(Shell)
    ui.label().bind_text_from(shell, 'wide', str).props(field('wide'))
    ui.button('wide', on_click=lambda: setattr(shell, 'wide', True)).props(field('widen'))
    ui.link('home', '/shop').props(field('to-home'))
    ui.link('items', '/shop/items').props(field('to-items'))
    ui.link('found', '/shop/items?q=found').props(field('to-found'))
    ui.sub_pages({'/': home, '/items': Items}, root_path='/shop')


@stash.state
class Shell:
    wide: bool = stored(default=False, scope='url')


probe.serve()
