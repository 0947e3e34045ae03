"""Two views, each with one field of each scope, inside one page that never reloads by itself."""

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


probe.serve()
