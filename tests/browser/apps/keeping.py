"""A desk whose notes the browser keeps, in two versions of a secret."""

from __future__ import annotations

import os
from datetime import timedelta

from nicegui import ui

import probe
from nicegui_stash import Stash, stored

stash = Stash(
    os.environ['STORE'],
    secrets=os.environ.get('SECRETS', 'the first secret').split(','),
    browser_ttl=timedelta(seconds=float(os.environ.get('BROWSER_TTL', '86400'))),
    csp_nonce=os.environ.get('NONCE'),
)


def field(name: str) -> str:
    return f'data-testid={name}'


@stash.page('/')
class Desk:
    note: str = stored('', scope='browser')
    secret: str = stored('', scope='browser', encrypted=True)
    size: int = stored(1, scope='browser')
    mine: str = stored('', scope='browser', live=False)

    def build(self) -> None:
        for name in ('note', 'secret', 'mine'):
            ui.input(name).bind_value(self, name).props(field(f'{name}-input'))
        for name in ('note', 'secret', 'size', 'mine'):
            ui.label().bind_text_from(self, name, str).props(field(name))
        ui.button('more', on_click=self.more).props(field('more'))
        ui.button('fill', on_click=self.fill).props(field('fill'))
        ui.button('reset', on_click=lambda: stash.reset(self)).props(field('reset'))
        ui.button('clear', on_click=stash.clear_browser).props(field('clear'))
        ui.button('sign in', on_click=lambda: stash.new_session(keep=True)).props(field('sign-in'))
        ui.button('sign out', on_click=lambda: stash.new_session(to='/plain')).props(field('sign-out'))
        recovery = stash.recovery(self)
        ui.label(f'built with {self.note}').props(field('built'))
        ui.label(recovery.status).props(field('status'))
        ui.label().props(field('problems')).bind_text_from(
            recovery, 'problems', lambda found: '; '.join(f'{each.field}: {each.why}' for each in found)
        )

    def more(self) -> None:
        self.size += 1

    def fill(self) -> None:
        self.mine = 'x' * 40_000


@stash.page('/views')
class Views:
    kept: str = stored('')

    def build(self) -> None:
        ui.link('to desk', '/views/desk').props(field('to-desk'))
        ui.sub_pages({'/': lambda: ui.label('home').props(field('title')), '/desk': Drawer}, root_path='/views')


@ui.page('/views/desk')
def views_desk() -> None:
    ui.navigate.to('/views')


@stash.view
class Drawer:
    note: str = stored('', scope='browser')

    def build(self) -> None:
        ui.label('drawer').props(field('title'))
        ui.input('note').bind_value(self, 'note').props(field('note-input'))
        ui.label().bind_text_from(self, 'note').props(field('note'))
        ui.label(f'built with {self.note}').props(field('built'))


@stash.page('/plain')
class Plain:
    kept: str = stored('')

    def build(self) -> None:
        ui.label('plain').props(field('title'))


probe.serve()
