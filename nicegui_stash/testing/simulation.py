"""A browser's actions on a page, for NiceGUI's user simulation: coming back by itself, F5, a redeploy, a hop."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from nicegui import Client
from nicegui.testing import User

from ..ui.app.runtime import abandon_all, stand_aside
from ..ui.visit.messages import Report, simulated

_visits: WeakKeyDictionary[User, tuple[str, str]] = WeakKeyDictionary()
"""By user: the client that `rejoin` opened, and the visit that it continues."""


async def rejoin(user: User) -> Client:
    """Lose the connection for longer than `reconnect_timeout`: the page comes back and continues its visit."""
    visit = _visit_of(user)
    _leave(user)
    return await _come_back(user, visit)


async def reload(user: User) -> Client:
    """Press F5 on the connected page: the same tab, but a new visit."""
    report = Report('reload', previous=_visit_of(user))
    _leave(user)
    return await _open_again(user, report)


async def restart(*users: User, kill: bool = False) -> None:
    """Restart the server while users have a page open; each page then comes back by itself.

    Drops every session and page of the process; the store stays. `kill=True` simulates a SIGKILL: changes that are not
    durable yet are lost. Otherwise the server drains first.
    """
    visits = [_visit_of(user) for user in users]
    for user in users:
        _leave(user)
    await abandon_all(drain=not kill)
    for user, visit in zip(users, visits, strict=True):
        await _come_back(user, visit)


async def hop(user: User) -> Client:
    """Lose the connection and come back at another server, which shares only the store with the old one.

    Open pages of other users stay at the old server, which continues to read and write. Pages opened from now on are at
    the new one.
    """
    visit = _visit_of(user)
    _leave(user)
    stand_aside()
    return await _come_back(user, visit)


def _visit_of(user: User) -> str:
    client = _client_of(user)
    known, visit = _visits.get(user, ('', ''))
    return visit if known == client.id else client.id


def _client_of(user: User) -> Client:
    if user.client is None:
        raise ValueError('this user has no page open; call `await user.open(...)` first')
    return user.client


def _leave(user: User) -> None:
    client = _client_of(user)
    simulated.pop(client.id, None)
    if not client.is_deleted:
        shown = client.sub_pages_router.current_path  # with the parameters of fields of scope `url`
        path, _, _ = user.back_history[-1].partition('?')
        if shown.partition('?')[0] == path:
            user.back_history[-1] = shown
        client.delete()


async def _come_back(user: User, visit: str) -> Client:
    client = await _open_again(user, Report('rejoin', visit=visit))
    _visits[user] = client.id, visit
    return client


async def _open_again(user: User, report: Report) -> Client:
    path = user.back_history.pop()
    simulated[user.tab_id] = report
    try:
        client = await user.open(path, clear_forward_history=False)
    finally:
        del simulated[user.tab_id]
    simulated[client.id] = report  # for a class that joins the open page
    return client
