"""A new identity for a browser: after sign-in or sign-out, the old cookie must open nothing.

A cookie can only be set by an answer to a request, so the browser is sent through a path of ours. What it brings there
is signed and names both sessions, so that any server can answer, and only to the browser of the old one.
"""

# pyright: reportUnknownMemberType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer
from nicegui import app

from ..errors import StashError
from . import internals

if TYPE_CHECKING:
    from .visit import Visit

PATH: Final = '/_nicegui/stash/session'
MAX_AGE: Final = 60
"""Seconds within which the browser has to come for its new cookie."""


def add_route() -> None:
    """Make NiceGUI's app answer our path, unless it does already."""
    if all(getattr(route, 'path', None) != PATH for route in app.routes):
        app.add_api_route(PATH, _answer, methods=['GET'], include_in_schema=False)


async def renew(visit: Visit, *, keep: bool, to: str) -> None:
    """Give the visit's browser a new session, empty or with what was stored, and erase the old one."""
    if urlsplit(to).netloc or not to.startswith('/') or to.startswith('/\\'):
        raise StashError(f'to={to!r} has to be a path of this app, such as "/"')
    old, new_id = visit.find_session(), str(uuid.uuid4())
    if keep:
        new = visit.registry.session(new_id, exists=False)
        for slice_id, found in old.document.all_slices():
            new.adopt(slice_id, found)
        await new.flush()
    old.forget()
    await old.flush()
    token = _serializer().dumps({'old': visit.session_id, 'new': new_id, 'to': to, 'from': visit.client.id})
    visit.client.open(f'{PATH}?token={token}')


async def _answer(request: Request, token: str = '') -> Response:
    try:
        sent: dict[str, str] = _serializer().loads(token, max_age=MAX_AGE)
    except BadSignature:
        return Response('This link is no longer valid.', status_code=403)
    if request.session.get('id') != sent['old']:
        return Response('This link belongs to another session.', status_code=403)
    request.session['id'] = sent['new']
    asyncio.get_running_loop().call_later(0.2, _reload_others, sent['old'], sent['from'])
    prefix = request.headers.get('X-Forwarded-Prefix', '') + request.scope.get('root_path', '')
    return RedirectResponse(prefix + sent['to'], status_code=303)


def _reload_others(old_id: str, leaving: str) -> None:
    """Have the browser's other tabs come back with the new cookie, so that they do not go on in the old session."""
    for client in internals.clients_of(old_id):
        if client.id != leaving:  # which is on its way already, and would turn back
            client.run_javascript('window.location.reload()')


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(internals.storage_secret() or '', salt='nicegui_stash session')
