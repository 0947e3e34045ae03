"""A new session id for a browser: after sign-in or sign-out, the old cookie must open nothing.

Only an answer to a request can set a cookie, so the browser is sent through one of our paths with a signed token. Any
server can answer it, once, and only to the browser of the old session. Access logs keep addresses, so the token has no
session id: the new one is derived from the old one, a random text and the secret.
"""

# pyright: reportUnknownMemberType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

import asyncio
import hmac
import re
import secrets
import time
import uuid
import weakref
from typing import Final, TypedDict

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer
from nicegui import Client, app

from ...errors import StashError, StoreError, Unavailable
from ...session.session import Session
from .. import nicegui_private
from ..visit.cookie import FORMER, former
from ..visit.visit import Visit
from .connection import Connection

PATH: Final = '/_nicegui/stash/session'
MAX_FORMER: Final = 4
MAX_AGE: Final = 60
"""Seconds within which the browser must request its new cookie."""
RELOAD_AFTER: Final = 5.0
"""Seconds after which other tabs are reloaded even if no page of the new session has connected."""

# For a browser, two slashes or a slash and a backslash lead to another host; it also drops tabs and line ends.
_PATH_OF_APP = re.compile(r'/(?![/\\])[^\x00-\x20\x7f]*')


class Sent(TypedDict):
    """Where a browser was sent. Its link has `_marked` in the place of both ids."""

    old: str
    new: str
    nonce: str
    to: str
    leaving: str
    keep: bool


_used: dict[str, float] = {}
"""New session ids whose link was followed in this process, and when: each link works once."""
_moved: dict[str, tuple[str, str]] = {}
"""By new session id, until a page of it connects: the old id, and the client that asked."""
_sent: weakref.WeakKeyDictionary[Visit, Sent] = weakref.WeakKeyDictionary()
"""By visit: the token with which its browser was sent to another session."""
_locks: weakref.WeakKeyDictionary[Session, asyncio.Lock] = weakref.WeakKeyDictionary()
"""By session: only one visit leaves it at a time."""


def add_route() -> None:
    """Make NiceGUI's app answer our path, unless it does already."""
    if all(getattr(route, 'path', None) != PATH for route in app.routes):
        app.add_api_route(PATH, _answer, methods=['GET'], include_in_schema=False)
    nicegui_private.on_every_connect(_arrived)


async def renew(connection: Connection, *, keep: bool, to: str, has_people: bool = False) -> None:
    """Give the browser of an open page a new session, empty or with the stored values, and erase the old one.

    A second call, as by a double click, sends the browser to the same new session. `has_people`: there may also be what
    somebody entered before signing in.
    """
    if not _PATH_OF_APP.fullmatch(to):
        raise StashError(f'to={to!r} must be a path of this app, such as "/"')
    visit = connection.visit
    async with _locks.setdefault(visit.session, asyncio.Lock()):
        sent = _sent.get(visit)
        if sent is None or (sent['keep'] and not keep):
            old_id, nonce = visit.session_id, secrets.token_urlsafe(16)
            new_id = _derived(old_id, nonce)
            await _leave(connection, new_id if keep else None, has_people=has_people)
            sent = _sent[visit] = Sent(old=old_id, new=new_id, nonce=nonce, to=to, leaving=visit.client.id, keep=keep)
    link = {**sent, 'old': _marked(sent['old']), 'new': _marked(sent['new']), 'to': to}
    visit.client.open(f'{PATH}?token={_serializer().dumps(link)}')


async def _leave(connection: Connection, new_id: str | None, *, has_people: bool) -> None:
    """Erase the visit's session, which pages with the old cookie may still hold. Raises `StoreError`.

    With a new id the visit continues in the new session. Other pages stay in the old one: someone who knows the old
    cookie could otherwise read along.
    """
    visit = connection.visit
    old = visit.session
    guest = visit.registry.guest(visit.session_id) if has_people else None
    if guest is not None and new_id is not None:
        await _move_guest(connection, guest, visit.registry.guest(new_id, exists=False))
    if new_id is None:
        old.forget()
        await old.flush()
    else:
        new = visit.registry.session(new_id, exists=False)
        new.seal = visit.registry.seal(new_id)
        _locks[new] = _locks[old]  # the visit is in the new one before the old one is erased
        await _move(connection, old, new)
    if guest is not None:
        await guest.erase(1.0)
        visit.registry.leave_guest(visit.session_id)
    sent = _sent.get(visit)
    visit.registry.leave(sent['new'] if sent else visit.session_id, old)


async def _move(connection: Connection, old: Session, new: Session) -> None:
    """Copy the old session, with changes by other servers and during the put; then erase it. Raises `StoreError`."""
    if not await old.revalidate(1.0) or not old.is_read:
        raise Unavailable('get', old.key, 'the old session could not be read', old.problem or 'no answer in time')
    for _ in range(3):  # changes during a put are copied again, a few times at most
        _copy(old, new)
        if not new.pending:
            break
        await new.put_pending()  # it must be where every server finds it, before the old one is erased
    _copy(old, new)
    new.hurry()
    connection.enter(new)
    old.forget()
    try:
        await old.flush()
    except StoreError:
        connection.enter(old)
        for slice_id, found in list(new.document.all_slices()):  # the browser keeps the old session, with all changes
            old.adopt(slice_id, found)
        new.forget()
        raise


async def _move_guest(connection: Connection, old: Session, new: Session) -> None:
    """Copy what was entered before signing in; it is erased with the old session. Raises `StoreError`."""
    if not await old.revalidate(1.0) or not old.is_read:
        raise Unavailable('get', old.key, 'the old session could not be read', old.problem or 'no answer in time')
    _copy(old, new)
    await new.put_pending()
    _copy(old, new)
    visit = connection.visit
    if visit.has('user') and visit.session_of('user') is old:
        connection.show_person(new)


def _copy(old: Session, new: Session) -> None:
    for slice_id, found in list(old.document.all_slices()):
        for part, values in found.parts():
            for name, raw in values.items():
                new.set(slice_id, part, name, raw)


async def _answer(request: Request, token: str = '') -> Response:
    try:
        sent: Sent = _serializer().loads(token, max_age=MAX_AGE)
    except BadSignature:
        return _refused('This link is no longer valid.')
    found = str(request.session.get('id'))
    if _marked(found) == sent['old']:
        new_id = _derived(found, sent['nonce'])
        if not _first_use(new_id):
            return _refused('This link was used already.')
        if not sent['keep']:
            request.session.clear()  # the app's own cookie entries belong to the old session, too
        else:
            request.session[FORMER] = [found, *former(request)][:MAX_FORMER]
        request.session['id'] = new_id
        _moved[new_id] = found, sent['leaving']
        asyncio.get_running_loop().call_later(RELOAD_AFTER, _reload_others, new_id)
    elif _marked(found) != sent['new']:
        return _refused('This link belongs to another session.')
    # below the mount path of `run_with`; NiceGUI's own middleware adds a proxy's X-Forwarded-Prefix
    answer = RedirectResponse(request.scope.get('root_path', '').rstrip('/') + sent['to'], status_code=303)
    answer.headers.update({'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer'})
    return answer


def _refused(why: str) -> Response:
    return Response(why, status_code=403, headers={'Cache-Control': 'no-store'})


def _first_use(new_id: str) -> bool:
    """Whether a link is followed for the first time: a thief with the old cookie and a log must not follow it again."""
    now = time.monotonic()
    for used, when in list(_used.items()):
        if now - when > 2 * MAX_AGE:
            del _used[used]
    if new_id in _used:
        return False
    _used[new_id] = now
    return True


def _arrived(client: Client) -> None:
    """Reload the other tabs once the browser has the new cookie; earlier they would send the old one."""
    if _moved and (new_id := nicegui_private.session_id_of(client)) is not None:
        _reload_others(new_id)


def _reload_others(new_id: str) -> None:
    """Reload the browser's other tabs, so that they leave the old session."""
    if new_id not in _moved:
        return
    old_id, leaving = _moved.pop(new_id)
    for client in nicegui_private.clients_of(old_id):
        if client.id != leaving:  # it is navigating already; a reload would bring it back
            client.run_javascript('window.location.reload()')


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(nicegui_private.storage_secret() or '', salt='nicegui_stash new session')


def _derived(old_id: str, nonce: str) -> str:
    """Return the new session id, which only a server and no reader of a link can find."""
    return str(uuid.UUID(bytes=_keyed('id', f'{old_id} {nonce}')[:16], version=4))


def _marked(session_id: str) -> str:
    """Return what recognises a session id and does not tell it."""
    return _keyed('mark', session_id).hex()[:32]


def _keyed(purpose: str, text: str) -> bytes:
    key = (nicegui_private.storage_secret() or '').encode()
    return hmac.digest(key, f'nicegui_stash {purpose} {text}'.encode(), 'sha256')
