"""A form behind a page of sign-in: who is signed in is known to this process only, so a restart asks again."""

from __future__ import annotations

import os
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from nicegui import app, ui
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint

import probe
from nicegui_stash import Stash, stored

stash = Stash(os.environ['STORE'])
signed_in: set[str] = set()
PAGE = os.environ['SIGN_IN']
"""`plain`: HTML with a form; `nicegui`: a page of NiceGUI; `maintenance`: no sign-in, but HTML at the same address."""
MAINTENANCE = '<title>soon</title><script>setTimeout(() => { location.href = location.href }, 300)</script>'


class AuthMiddleware(BaseHTTPMiddleware):
    """Lead to the page of sign-in, as NiceGUI's example of authentication does."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        is_open = request.url.path.startswith(('/_nicegui', '/probe', '/sign-in', '/open'))
        if is_open or request.cookies.get('who') in signed_in:
            return await call_next(request)
        if PAGE == 'maintenance':
            return HTMLResponse(MAINTENANCE)
        return RedirectResponse(f'/sign-in?to={quote(str(request.url.path))}', 303)


app.add_middleware(AuthMiddleware)


@app.post('/open/session')
async def sign_in(request: Request) -> Response:
    signed_in.add('ann')
    answer = RedirectResponse(request.query_params['to'], 303)
    answer.set_cookie('who', 'ann')
    return answer


@app.get('/open')
async def open_again() -> str:
    """End the maintenance."""
    signed_in.add('ann')
    return 'open'


if PAGE == 'nicegui':

    @ui.page('/sign-in')
    def page(to: str) -> None:
        ui.html(
            f'<form method="post" action="/open/session?to={quote(to)}"><button>sign in</button></form>', sanitize=False
        )
        ui.label('who are you?')

else:

    @app.get('/sign-in')
    async def plain(to: str) -> Response:
        return HTMLResponse(
            f'<form method="post" action="/open/session?to={quote(to)}"><button>sign in</button></form>'
        )


@stash.page('/form')
class Form:
    draft: str = stored('', scope='reconnect')
    typed: str = stored('', scope='reconnect')

    def build(self) -> None:
        ui.input('draft').bind_value(self, 'draft').props('data-testid=draft')
        ui.label().bind_text_from(self, 'draft').props('data-testid=draft-text')
        ui.input('typed').bind_value(self, 'typed').props('data-testid=typed')
        ui.label().bind_text_from(self, 'typed').props('data-testid=typed-text')
        ui.label().bind_text_from(stash.recovery(self), 'reason').props('data-testid=reason')
        ui.link('form', '/form').props('data-testid=to-form')


probe.serve()
