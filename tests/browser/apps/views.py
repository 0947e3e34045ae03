"""A form and a home view inside one page that never reloads by itself."""

from __future__ import annotations

import os

from nicegui import ui

import panel
import probe
from nicegui_stash import Recovery, Stash, stored

stash = Stash(os.environ['STORE'])


@stash.view()
class Home:
    session: str = stored('')
    reconnect: str = stored('', scope='reconnect')
    tab: str = stored('', scope='tab')

    def __init__(self) -> None:
        self.recoveries = 0

    def build(self) -> None:
        panel.show(stash, self, 'home')

    def on_recovered(self, recovery: Recovery) -> None:
        self.recoveries += 1


@stash.view()
class Form:
    session: str = stored('')
    reconnect: str = stored('', scope='reconnect')
    tab: str = stored('', scope='tab')

    def __init__(self) -> None:
        self.recoveries = 0

    def build(self) -> None:
        panel.show(stash, self, 'form')

    def on_recovered(self, recovery: Recovery) -> None:
        self.recoveries += 1


@ui.page('/')
@ui.page('/form')
def index() -> None:
    ui.link('home', '/').props('data-testid=to-home-view')
    ui.link('form', '/form').props('data-testid=to-form-view')
    ui.sub_pages({'/': Home, '/form': Form})


probe.serve()
