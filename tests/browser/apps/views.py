"""Views with one field of each scope inside pages that never reload by themselves; one begins with a plain view."""

from __future__ import annotations

import os

from nicegui import ui

import panel
import probe
from nicegui_stash import Recovery, Stash, stored

stash = Stash(os.environ['STORE'])


class Fields:
    session: str = stored('')
    reconnect: str = stored('', scope='reconnect')
    tab: str = stored('', scope='tab')

    def __init__(self) -> None:
        self.recoveries = 0

    def build(self) -> None:
        panel.show(stash, self)

    def on_recovered(self, recovery: Recovery) -> None:
        self.recoveries += 1


@stash.view()
class Home(Fields):
    pass


@stash.view()
class Form(Fields):
    pass


@ui.page('/')
@ui.page('/form')
def index() -> None:
    ui.link('home', '/').props('data-testid=to-home-view')
    ui.link('form', '/form').props('data-testid=to-form-view')
    ui.sub_pages({'/': Home, '/form': Form})


def start() -> None:
    ui.label('start').props('data-testid=title')


@ui.page('/late')
@ui.page('/late/form')
def late() -> None:
    ui.link('start', '/late').props('data-testid=to-start-view')
    ui.link('form', '/late/form').props('data-testid=to-form-view')
    ui.sub_pages({'/late': start, '/late/form': Form})


probe.serve()
