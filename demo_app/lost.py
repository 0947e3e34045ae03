"""The answer to an address that is none: a page with the look of the others, and ways back."""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.exception_handlers import http_exception_handler
from nicegui import Client, app, ui
from starlette.exceptions import HTTPException

from .frame import frame, put_look
from .state import Settings, stash


class Lost:
    """A page object of a request for nothing: no page class has its address."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def build(self) -> None:
        with frame(self, 'Not found', 'There is nothing at this address.', fields=self.settings):
            ui.button('Back to the start', on_click=lambda: ui.navigate.to('/')).classes('self-start')


@app.exception_handler(404)
async def answer(request: Request, exception: HTTPException) -> Response:
    """Answer with a page whoever wants one; what a script asks for, or an image, gets none."""
    if 'text/html' not in request.headers.get('accept', ''):
        return await http_exception_handler(request, exception)
    with Client(ui.page(''), request=request) as client:
        settings = await stash.recover(Settings)
        put_look(settings)
        Lost(settings).build()
    return client.build_response(request, 404)
