"""Who is signed in: the app's `user=` says it of a request, and is asked again while pages show what is a person's.

Nothing that a browser sends names a person. A page that nobody is signed in to shows what the guest of its session has
entered. At sign-in that goes over to the person; at sign-out the page shows nothing of the person any more.
"""

from __future__ import annotations

import asyncio
import logging
from contextvars import copy_context
from functools import partial
from inspect import iscoroutinefunction
from typing import Final
from weakref import WeakSet

from fastapi import Request
from nicegui import Client

from ...errors import ConfigurationError
from ...session.adoption import values_of
from ...settings import Adopt, User
from .. import nicegui_private
from ..visit.visit import Visit
from .connection import Connection
from .rooms import text_of_name

log = logging.getLogger('nicegui_stash')

EVERY: Final = 1.0
"""Seconds after which an open page asks again who is signed in, if nothing happens on it."""
AT_ONCE: Final = 20
"""How many pages ask in one turn of the loop."""
SETTLED_FOR: Final = 600.0
"""Seconds for which this process knows that a guest has nothing, unless the cookie says that there is something."""
MAX_SETTLED: Final = 10_000
RELOAD_AFTER: Final = 5.0
"""Seconds after which a page is loaded again that a sign-out left open: earlier it may be on its way elsewhere."""
GUEST: Final = 'nicegui_stash_guest'
"""The cookie's entry that says that somebody may have entered something before signing in."""


class People:
    """Gives open pages the documents of people, and knows which pages show one."""

    def __init__(self, who: User, adopt: Adopt) -> None:
        """Do nothing yet. Raises `ConfigurationError` for a function that cannot be asked while an event is handled."""
        if iscoroutinefunction(who):
            raise ConfigurationError('user', 'it is async', 'Pass a plain function of the request')
        self._who = who
        self._adopt: Adopt = adopt
        self._pages: dict[str, WeakSet[Connection]] = {}  # by session id
        self._adoptions: dict[tuple[str, str], asyncio.Future[None]] = {}
        self._settled: dict[str, tuple[str, float]] = {}
        self._task: asyncio.Task[None] | None = None

    def name_of(self, request: Request) -> str | None:
        """Return who is signed in, by the request that is answered. Raises what the function does, and `StashError`."""
        found = self._who(request)
        return None if found is None or found == '' else person_name(found)

    def ask(self, client: Client) -> str | None:
        """Return who is signed in to a page now, as its own events would be told. Raises as `name_of` does."""

        def ask() -> str | None:
            with nicegui_private.hearing(client):
                return self.name_of(client.request)

        return copy_context().run(ask)

    # ---- a page begins

    def enter(self, connection: Connection) -> asyncio.Future[None] | None:
        """Let the page objects that are made from now on show the person, or the guest.

        Returns what is done once the person has what the guest had entered, if that has to be looked at.
        """
        visit = connection.visit
        if visit.has('user'):
            return None
        name = visit.person_name = self.ask(visit.client)
        connection.ask_from_now_on(partial(self.look, connection))
        self._pages.setdefault(visit.session_id, WeakSet()).add(connection)
        self._watch(visit)
        if name is None:
            self._settled.pop(visit.session_id, None)
            _note_guest(visit.client.request)
            connection.show_person(visit.registry.guest(visit.session_id, exists=visit.exists))
            return None
        connection.show_person(visit.registry.person(name))
        if self._adopt == 'none' or not visit.exists or not self._must_look(visit, name):
            return None
        return self._take_over(visit, name)

    def _must_look(self, visit: Visit, name: str) -> bool:
        known, since = self._settled.get(visit.session_id, ('', 0.0))
        is_noted = _take_note(visit.client.request)
        return is_noted or known != name or asyncio.get_running_loop().time() - since > SETTLED_FOR

    def _take_over(self, visit: Visit, name: str) -> asyncio.Future[None]:
        """Bring what the guest has entered to the person, once; return what is done when the person has it."""
        session_id, registry = visit.session_id, visit.registry
        pair = name, session_id
        if (under_way := self._adoptions.get(pair)) is not None:
            return under_way
        has_it = self._adoptions[pair] = asyncio.get_running_loop().create_future()

        def arrived() -> None:
            if not has_it.done():
                has_it.set_result(None)
            self._move_guests(session_id, name)

        def ended(task: asyncio.Task[None]) -> None:
            self._adoptions.pop(pair, None)
            if not has_it.done():
                has_it.set_result(None)
            if task.cancelled():
                return
            if isinstance(error := task.exception(), TimeoutError):
                log.warning('session %s: what was entered before signing in waits for the next page view', guest.key)
            elif error is not None:
                log.error('session %s: what was entered before signing in stays there', guest.key, exc_info=error)
                registry.count('errors')
            if error is not None or any(values_of(guest.document)):
                return
            if len(self._settled) >= MAX_SETTLED:
                self._settled.clear()
            self._settled[session_id] = name, task.get_loop().time()

        guest = registry.guest(session_id)
        task = registry.adopt(registry.person(name), guest, replace=self._adopt == 'replace', arrived=arrived)
        task.add_done_callback(ended)
        return has_it

    # ---- somebody signs in or out

    def look(self, connection: Connection) -> None:
        """Ask again, and let the page and the others of its browser follow."""
        if self._look(connection):
            self.look_at_browser(connection.visit.session_id)

    def look_at_browser(self, session_id: str) -> None:
        """Ask again for all pages of a session: a page was requested, maybe by somebody else."""
        for connection in self._pages_of(session_id):
            self._look(connection)

    def _pages_of(self, session_id: str) -> list[Connection]:
        return [each for each in self._pages.get(session_id, ()) if each.asks_who]

    def _look(self, connection: Connection) -> bool:
        """Ask again; return whether somebody has signed in or out since."""
        visit = connection.visit
        if visit.ended or not connection.asks_who:
            return False
        try:
            name = self.ask(visit.client)
        except Exception:
            log.exception('user= failed for an open page, which is taken for signed out')
            name = None
        if name == visit.person_name:
            return False
        if visit.person_name is not None or name is None:
            self.leave(connection)
            asyncio.get_running_loop().call_later(RELOAD_AFTER, _reload, visit.client)
        elif self._adopt == 'none':
            self._move(connection, name)
        else:
            self._take_over(visit, name)  # which moves this page, too
        return True

    def leave(self, connection: Connection) -> None:
        """Let a page show nothing of its person any more, and drop what is changed there from now on."""
        connection.ask_from_now_on(None)
        if connection.visit.has('user'):
            connection.leave_person()

    def _move_guests(self, session_id: str, name: str) -> None:
        """Let the guest's open pages show the person who has signed in."""
        for connection in self._pages_of(session_id):
            visit = connection.visit
            if visit.ended or visit.person_name is not None:
                continue
            try:
                found = self.ask(visit.client)
            except Exception:
                log.exception('user= failed for an open page, which stays as it is')
                continue
            if found == name:
                self._move(connection, name)

    def _move(self, connection: Connection, name: str) -> None:
        connection.visit.person_name = name
        connection.show_person(connection.visit.registry.person(name))

    # ---- time passes

    def _watch(self, visit: Visit) -> None:
        if self._task is None or self._task.done():
            self._task = visit.registry.spawn(self._keep_looking())

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            self._pages = {id_: pages for id_, pages in self._pages.items() if pages}
            shown = [each for id_ in self._pages for each in self._pages_of(id_)]
            if not shown:
                self._task = None  # no await since they were counted
                return
            for number, connection in enumerate(shown, 1):
                self.look(connection)
                if number % AT_ONCE == 0:
                    await asyncio.sleep(0)


def person_name(given: object) -> str:
    """Return the text by which a person is known. Raises `StashError` for what cannot be an id.

    >>> person_name(7)
    '7'
    """
    return text_of_name(given, 'user= returns a text, a number or None', 'user= returns an id')


def _reload(client: Client) -> None:
    if not client.is_deleted and client.has_socket_connection:
        client.run_javascript('window.location.reload()')


def _note_guest(request: Request) -> None:
    """Have the cookie say that there may be something to adopt, if it can still be sent."""
    if not getattr(request.state, 'responded', True) and GUEST not in request.session:
        request.session[GUEST] = 1  # the cookie is sent again where this changes it


def _take_note(request: Request) -> bool:
    if getattr(request.state, 'responded', True):
        return GUEST in request.session
    return request.session.pop(GUEST, None) is not None
