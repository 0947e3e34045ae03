"""The state of one `Stash` while the server runs: its classes, its store, its connections."""

# pyright: reportUnknownMemberType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from re import Pattern
from typing import Any

from fastapi import Request
from nicegui import Client, background_tasks, context, ui
from starlette.routing import compile_path

from ...errors import ConfigurationError, DeclarationError, StashError
from ...model.schema import Schema, mark
from ...model.scopes import ROOM, USER, Owner
from ...session.session import Session
from ...settings import Rejoin, Settings
from .. import nicegui_private
from ..carryover.handover import offer
from ..page.choices import is_stored, keep_values_without_option
from ..page.class_cache import per_class
from ..page.on_clear import when_cleared
from ..page.page_object import PageObject
from ..page.present import Present
from ..page.stored_property import PAGE_OBJECT
from ..rejoin import turnstile
from ..rejoin.answer import UNKNOWN_PAGE, answer_in_place, mark_page
from ..rejoin.claim import claim_of
from ..remember.memory import Memory
from ..visit import scripts
from ..visit.cookie import renew_cookie
from ..visit.messages import MESSAGE
from ..visit.visit import Visit
from . import session_rotation
from .connection import Connection, connection_behind
from .open_session import OpenSession
from .people import People, person_name
from .preload import WAITED, preload
from .rooms import room_name
from .runtime import Runtime, duplicate_name, runtime_for

log = logging.getLogger('nicegui_stash')


class AppState:
    """The declared classes and open connections of one `Stash`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._script = scripts.shared_element(settings.csp_nonce)
        self._warned: set[str] = set()
        self._schemas: dict[str, Schema] = {}
        self._pages: dict[str, str] = {}  # by stored name: the first path of each page
        self._connections: dict[Client, Connection] = {}
        self._runtime: Runtime | None = None
        self._rejoins: dict[str, Rejoin] = {}  # by path: how the pages come back that say it
        self._remembering: dict[str, Pattern[str]] = {}  # by path: the pages that remember elements
        self.people: People | None = None
        if settings.user is not None:
            self.people = People(settings.user, settings.adopt)
        self._has_people = False
        self.reads_ahead = False
        self.keeps_record = False
        self.on_open: Callable[[Connection], None] | None = None
        keep_values_without_option()
        nicegui_private.show_sets_in_order()
        nicegui_private.count_line_ends_as_browser(is_stored)
        nicegui_private.take_bursts()
        self.prepare_app()
        preload(self._preload)

    def prepare_app(self) -> None:
        """Load our script in the head of every page, listen to its messages, and add our routes; each once."""
        nicegui_private.take_messages(MESSAGE)
        session_rotation.add_route()
        scripts.add_routes()
        if 'in_place' in {self._settings.rejoin, *self._rejoins.values()}:
            turnstile.add_route()
        if not nicegui_private.has_shared_head(self._script):
            ui.add_head_html(self._script, shared=True)

    def declare(self, schema: Schema, path: str | None) -> Schema:
        """Add a class; return its schema, which for a page with several paths is the first one.

        The same class again, by file and line, replaces it, as when tests re-execute the app.
        """
        if 'user' in schema.owners:
            self._require_people(schema)
        known = self._find(schema.cls)
        if known is not None:
            if path is not None and known.name in self._pages:
                return known
            reason = 'it is declared already; only a page may be declared again, once for each of its paths'
            raise DeclarationError(schema.cls.__qualname__, None, reason)
        other = self._schemas.get(schema.name)
        is_of_loop = path is not None and self._pages.get(schema.name, path) != path
        if other is not None and (other.origin != schema.origin or is_of_loop):
            raise duplicate_name(schema, other)
        if self._runtime is not None and not self._runtime.closed:
            self._runtime.add_names([schema])
        self._schemas[schema.name] = schema
        self._pages.pop(schema.name, None)
        if path is not None:
            self._pages[schema.name] = path
        mark(schema)
        return schema

    def _require_people(self, schema: Schema) -> None:
        if self.people is None:
            name = next(name for name, stored in schema.fields.items() if stored.scope is USER)
            reason = "scope='user' needs to know who is signed in; write Stash(user=lambda request: …)"
            raise DeclarationError(schema.cls.__qualname__, name, reason)
        self._has_people = True

    def _find(self, cls: type) -> Schema | None:
        return next((schema for schema in self._schemas.values() if schema.cls is cls), None)

    def schema_of(self, cls: type) -> Schema:
        schema = self._find(cls)
        if schema is None:
            raise StashError(f'{cls.__qualname__} is not declared with this Stash; put @stash.state above it')
        return schema

    def schema_without_key(self, cls: type) -> Schema:
        schema = self.schema_of(cls)
        if schema.key:
            raise StashError(f'{cls.__qualname__} has a key, and here no value for it is known')
        return schema

    def runtime(self) -> Runtime:
        """Return the runtime of the running loop; open it now if needed, as tests drop our start-up handler."""
        runtime = self._runtime
        if runtime is None or runtime.closed or runtime.loop is not asyncio.get_running_loop():
            runtime = self._runtime = runtime_for(self._settings)
            runtime.add_names(list(self._schemas.values()))
            if self.keeps_record:
                runtime.registry.keep_record()
            self.prepare_app()
        return runtime

    def come_back(self, path: str, rejoin: Rejoin) -> None:
        """Let the pages of a path come back in another way than the others."""
        self._rejoins[path] = rejoin
        if rejoin == 'in_place':
            turnstile.add_route()

    def require_time(self, path: str, response_timeout: float) -> None:
        """Raise `ConfigurationError` for a page that NiceGUI gives up before our own timeouts for a slow store."""
        for name in ('recover_timeout', 'revalidate_timeout'):
            waited: float = getattr(self._settings, name)
            if waited >= response_timeout:
                raise ConfigurationError(
                    name,
                    f'{waited:g} s are not below the response_timeout of the page {path}, {response_timeout:g} s',
                    'Lower it, or pass a longer response_timeout= to the page',
                )

    async def arrive(
        self, *, function: bool = False, room: str | None = None, schema: Schema | None = None
    ) -> Connection:
        """Read the current client's session, for as long as a page may wait, and return the client's connection.

        Call it within a page's request, or later for a client that has a connection already. `function`: the page is
        the app's own function, so its response_timeout is not checked yet. `room`: the name of the room to read, too.
        `schema`: the class that is shown; what it has of a person is read as well.
        """
        connection = self.connection_of(context.client)
        visit = connection.visit
        if function and visit.client.page.path not in self._warned:
            self._warn_of_time(visit.client.page)
        reading = [] if room is None else [self._look_at(connection.enter_room(room))]
        if schema is not None and self._has_people and self._shows_person(schema):
            reading.append(self._read_person(connection))
        await (asyncio.gather(*reading, self._read(visit)) if reading else self._read(visit))
        return connection

    async def _look_at(self, document: Session) -> None:
        settings = self._settings
        await document.revalidate(settings.revalidate_timeout if document.is_read else settings.recover_timeout)

    def _shows_person(self, schema: Schema) -> bool:
        """Whether a class, or one that it uses, has what is a person's."""
        used = used_by(schema.cls).values()
        return 'user' in schema.owners or any(self._shows_person(self.schema_of(each.cls)) for each in used)

    def has_read(self, schema: Schema, visit: Visit) -> bool:
        """Whether all is read of which a class has fields."""
        if not visit.session.is_read:
            return False
        if not self._has_people or not self._shows_person(schema):
            return True
        return visit.has('user') and visit.session_of('user').is_read

    async def _read_person(self, connection: Connection) -> None:
        """Read the person's document, and let the person have first what the guest has entered."""
        if (people := self.people) is None:
            return
        adopting = people.enter(connection)
        visit = connection.visit
        if visit.exists or visit.person_name is not None:  # nothing is stored for a visitor without a cookie
            await self._look_at(visit.session_of('user'))
        if adopting is not None and not adopting.done():
            await asyncio.wait({adopting}, timeout=self._settings.recover_timeout)

    async def _read(self, visit: Visit) -> None:
        session = visit.session
        if not session.is_read:
            if not visit.client.request.scope.get(WAITED):
                await session.load(self._settings.recover_timeout)
        elif visit.exists and not visit.loaded:
            await session.revalidate(self._settings.revalidate_timeout)
        visit.loaded = True

    def _warn_of_time(self, page: ui.page) -> None:
        """Log the error of `require_time`, once per path: a page function is known only when it is called."""
        self._warned.add(page.path)
        try:
            self.require_time(page.path, page.response_timeout)
        except ConfigurationError as error:
            log.warning('%s', error)

    async def _preload(self, request: Request) -> Session | None:
        """Read the session of a page's request, if a page may keep a class at once."""
        path: str = request.scope['path'].removeprefix(request.scope.get('root_path', ''))
        if not self.reads_ahead and not any(pattern.match(path) for pattern in self._remembering.values()):
            return None
        session_id, exists = self._identify(request)
        if not exists:
            return None
        session = self.runtime().registry.session(session_id, exists=exists)
        if not session.is_read:
            request.scope[WAITED] = True
            await session.load(self._settings.recover_timeout)
        return session

    def arrive_at_once(self) -> None:
        """Do the same without waiting: missing values appear later, through bindings."""
        visit = self.connection_of(context.client).visit
        if visit.exists and not visit.loaded:
            visit.registry.spawn(visit.look_at_store())
        visit.loaded = True

    def connection_of(self, client: Client) -> Connection:
        """Return the connection of a client, which all stored classes of its page share."""
        connection = self._connections.get(client)
        if connection is None:
            if client.is_deleted:
                raise StashError('the page is gone; pass the page object, which still knows its session')
            runtime, request = self.runtime(), client.request
            session_id, exists = self._identify(request)
            signed_in = None
            if (people := self.people) is not None and self._has_people:
                signed_in = people.ask(client)
                people.look_at_browser(session_id)
            connection = Connection(
                client,
                runtime.registry,
                runtime.tokens,
                session_id,
                exists=exists or client.has_socket_connection,  # connected: its browser has the cookie by now
                watch=runtime.drain_timeout,
            )
            connection.visit.signed_in = signed_in or ''
            renew_cookie(request.session, session_id)
            self._connections[client] = connection
            nicegui_private.listen(client, connection.hear)
            client.on_delete(lambda: self._end(client))
            self._offer(connection, request)
            if self.on_open is not None:
                self.on_open(connection)
        return connection

    def _offer(self, connection: Connection, request: Request) -> None:
        """Give a page the scripts by which it comes back, and let it come back in place if it does so now."""
        visit, handover = connection.visit, connection.handover
        client, nonce = visit.client, self._settings.csp_nonce
        if visit.joins or self._rejoins.get(client.page.path, self._settings.rejoin) == 'reload':
            offer(connection, request, nonce)
            return
        self.runtime().returning.add(client)
        claim = claim_of(request)
        if claim is None or not claim.is_sealed_for(visit):
            mark_page(client)
        else:
            visit.resume(claim.visit, claim.tab)
            answer_in_place(client, claim, lambda: handover.is_building)
        offer(connection, request, nonce, UNKNOWN_PAGE)

    def memory_of(self, client: Client) -> Memory:
        """Return what a client remembers of its elements; from now on, requests of this page read ahead."""
        connection = self.connection_of(client)
        visit = connection.visit
        if not visit.loaded:
            if visit.exists:
                visit.registry.spawn(visit.look_at_store())
            visit.loaded = True
            path = visit.client.page.path
            if path not in self._remembering:
                self._remembering[path] = compile_path(path)[0]
        return connection.memory

    def present(self, page_object: PageObject) -> Present:
        """Return who has the room of a page open."""
        connection, visit = connection_behind(page_object), page_object.visit
        if visit.ended:
            return Present()
        name = visit.person_name
        if name is None and self.people is not None and not visit.has_left:
            name = self.people.ask(visit.client)
        return connection.present(None if visit.has_left else name)

    def _end(self, client: Client) -> None:
        if (connection := self._connections.pop(client, None)) is not None:
            connection.end()
        if self._runtime is not None:
            self._runtime.returning.discard(client)

    async def forget(self, *, user: bool) -> None:
        """Erase the current client's session: here at once, in its browser, and in the store before returning.

        `user`: the person's document, too. What a guest has entered always goes.
        """
        connection = self.connection_of(context.client)
        visit, people = connection.visit, self.people if self._has_people else None
        name = people.ask(visit.client) if people is not None and user else None
        erased = [visit.session, *([] if name is None else [visit.registry.person(name)])]
        guest = None if people is None else visit.registry.guest(visit.session_id)
        owners: list[Owner | None] = [None, 'session']
        if visit.has('user') and visit.session_of('user') in [guest, *erased[1:]]:
            owners.append('user')
        for document in erased:
            document.forget()
        for page_object in connection.page_objects:
            page_object.show_defaults(of=owners)
        if self.keeps_in_browser:
            connection.browser.clear()
        flushing = [document.flush() for document in erased]
        await asyncio.gather(*flushing, *([] if guest is None else [guest.erase(self._settings.recover_timeout)]))

    async def export(self) -> dict[str, Any]:
        """Return what is stored for the current session, and below `user` what is for the person or the guest."""
        request, people = nicegui_private.current_request(), self.people
        async with self.current() as session:
            found = session.export()
        if people is None or request is None or not self._has_people:
            return found
        client = nicegui_private.current_client()
        name = people.name_of(request) if client is None else people.ask(client)
        session_id, _ = self._identify(request)
        registry, timeout = self.runtime().registry, self._settings.recover_timeout
        document = registry.guest(session_id) if name is None else registry.person(name)
        async with OpenSession(lambda: document, self.schema_of, timeout, USER) as person:
            return {**found, 'user': person.export()}

    async def renew_session(self, *, keep: bool, to: str | None) -> None:
        """Give the current client's browser a new session."""
        if self._settings.identity is not None:
            raise StashError('identity= names the session, so only the app can change it')
        connection = self.connection_of(context.client)
        session = connection.visit.session
        if not keep and self.keeps_in_browser:
            connection.browser.clear()
            await connection.browser.hurry()
        await session_rotation.renew(
            connection,
            keep=keep,
            to=to or connection.visit.client.sub_pages_router.current_path,
            has_people=self._has_people,
        )
        for other in list(self._connections.values()):  # whoever still shows the old session is no longer let in
            if other.visit.session is session:
                other.leave_room()
                if self.people is not None:
                    self.people.leave(other)

    @property
    def keeps_in_browser(self) -> bool:
        """Whether any class has fields that browsers keep."""
        return any(scope.kept_by == 'browser' for schema in self._schemas.values() for scope in schema.scopes)

    def open(self, session_id: str) -> OpenSession:
        """Return a handle for code without a page."""
        named = f'identity\0{session_id}' if self._settings.identity else session_id
        registry = self.runtime().registry
        return OpenSession(lambda: registry.session(named), self.schema_of, self._settings.recover_timeout)

    def open_room(self, name: str | int) -> OpenSession:
        """Return a handle of a room for code without a page."""
        text, registry = room_name(name), self.runtime().registry
        return OpenSession(lambda: registry.room(text), self.schema_of, self._settings.recover_timeout, ROOM)

    def open_user(self, name: object) -> OpenSession:
        """Return a handle of a person's document for code without a page."""
        text, registry = person_name(name), self.runtime().registry
        return OpenSession(lambda: registry.person(text), self.schema_of, self._settings.recover_timeout, USER)

    def current(self) -> OpenSession:
        """Return a handle for the session of the current client or request."""
        request = nicegui_private.current_request()
        if request is None:
            raise StashError(
                'there is no request of NiceGUI and no client here; '
                'add the route to nicegui.app, or use stash.open(session_id)'
            )
        session_id, exists = self._identify(request)
        registry = self.runtime().registry
        return OpenSession(
            lambda: registry.session(session_id, exists=exists), self.schema_of, self._settings.recover_timeout
        )

    def _identify(self, request: Request) -> tuple[str, bool]:
        """Return the session id of a request, and whether anything can be stored for it."""
        named = self._settings.identity(request) if self._settings.identity else None
        if named is not None:
            return f'identity\0{named}', True
        return request.session['id'], nicegui_private.session_cookie_is_valid(request)

    def make(self, schema: Schema, connection: Connection, arguments: Mapping[str, Any], *, auto: bool) -> PageObject:
        """Return the page object of a class on an open page, with the fields recovered whose part is known."""
        key = schema.key_text(arguments[name] for name in schema.key) if schema.key else ''
        if (found := connection.find(schema, key)) is not None:
            return found
        if schema.needed_arguments:
            name, why = schema.cls.__qualname__, schema.needed_arguments
            raise StashError(f'{name} cannot be made here ({why}); make it in the page: stash.keep({name}(…))')
        self._enter_person(schema, connection)
        target: Any = object.__new__(schema.cls)
        page_object = PageObject(schema, target, connection, key, auto=auto, on_invalid=self._settings.on_invalid)
        return self._follow(page_object, connection)

    def keep(self, page: object) -> PageObject | None:
        """Recover an object of a page function at once; values that are not known yet appear later."""
        schema, client = self.schema_without_key(type(page)), context.client
        if nicegui_private.is_script_for_nobody():
            return None
        found: PageObject | None = vars(page).get(PAGE_OBJECT)
        if found is not None and found.visit.client is not client:
            raise StashError(f'this {schema.cls.__qualname__} is kept for another page; make one for each page')
        if found is not None and not found.closed:
            return found
        self.arrive_at_once()
        connection = self.connection_of(client)
        self._enter_person(schema, connection)
        page_object = PageObject(
            schema, page, connection, '', auto=True, on_invalid=self._settings.on_invalid, given=True
        )
        self._follow(page_object, connection)
        when_cleared(client, lambda: connection.leave(page_object, left=False))
        if page_object.wants_notice:
            background_tasks.create(page_object.notify_again(), name=f'recovered {schema.name}')
        return page_object

    def _enter_person(self, schema: Schema, connection: Connection) -> None:
        if 'user' in schema.owners and self.people is not None:
            self.people.enter(connection)

    def _follow(self, page_object: PageObject, connection: Connection) -> PageObject:
        schema = page_object.schema
        for attribute, used in used_by(schema.cls).items():
            state = self.make(self.schema_of(used.cls), connection, {}, auto=True)
            vars(page_object.page)[attribute] = state.page
            page_object.used += (state,)
        connection.add(page_object)
        connection.status_changed()  # it may be the page's first object, with a session already active
        page_object.begin()
        connection.begun(page_object)
        return page_object


class Used:
    """The class attribute that `stash.use(Settings)` makes; the instance's attribute hides it."""

    def __init__(self, cls: type) -> None:
        self.cls = cls

    def __get__(self, page: object | None, owner: type) -> Any:
        if page is None:
            return self
        raise StashError(f'{self.cls.__qualname__} is not available before prepare() and build()')


@per_class
def used_by(cls: type) -> dict[str, Used]:
    attributes = {name: value for base in reversed(cls.__mro__) for name, value in vars(base).items()}
    return {name: value for name, value in attributes.items() if isinstance(value, Used)}
