"""Pages and a view that lead elsewhere, before and after they were delivered."""

from __future__ import annotations

import os

from fastapi.responses import RedirectResponse
from nicegui import ui

import probe
from nicegui_stash import Stash

stash = Stash(os.environ['STORE'])


class Leaving:
    def build(self, to: str) -> RedirectResponse:
        return RedirectResponse(to)


@stash.page('/request', build='request')
class AtRequest(Leaving):
    pass


@stash.page('/connected', build='connected')
class WhenConnected(Leaving):
    pass


@stash.view
class View(Leaving):
    def build(self) -> RedirectResponse:
        return super().build(ui.context.client.request.query_params['to'])


@ui.page('/view')
def view() -> None:
    ui.sub_pages({'/': View}, root_path='/view')


probe.serve()
