"""`Stash`: an app creates one, and decorates its page classes with it."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar, Unpack, cast, overload
from uuid import UUID

from fastapi import Request
from nicegui import app, context, ui
from nicegui.element import Element

from ..errors import ConfigurationError, DeclarationError, StashError
from ..model.recovery import Recovery
from ..model.schema import fields_to_reset, require_fields
from ..model.scopes import ScopeName
from ..session.registry import Statistics
from ..settings import OPTIONS, Rejoin, StashOptions, resolve, signature, way_back
from ..stores.opening import absolute_url, open_store
from . import nicegui_private
from .app.app_state import AppState, Used
from .app.connection import connection_behind
from .app.declaring import (
    STATE_OPTIONS,
    VIEW_OPTIONS,
    PageOptions,
    StateOptions,
    ViewOptions,
    caller,
    check,
    declare,
    require_no_class,
)
from .app.open_session import OpenSession
from .app.pages import Build, options_of_route, register_page, require_build, signature_of, view_constructor
from .app.recovering import Recovering
from .app.rooms import Room, require_room
from .app.runtime import require_storage_secret
from .inspector.access import Allow
from .page.indicator import Indicator
from .page.job import Job, LeasedField, Work
from .page.on_change import Change
from .page.page_object import page_object_of
from .page.present import Present
from .page.rows import R, bind_rows
from .page.status import Status, Trouble
from .page.steps import Steps
from .page.undo_keys import undo_keys
from .remember.choosing import RememberScope, scope_named

T = TypeVar('T')
E = TypeVar('E', bound=Element)


class Stash:
    """Durable state for the pages of a NiceGUI app.

    Create one at the top of the app and decorate page classes with `page`. Every option can come from the environment
    instead, as `NICEGUI_STASH_` and its name in capitals; an argument wins.

    Raises `ConfigurationError` for an option that cannot be used.
    """

    def __init__(self, url: str | None = None, **options: Unpack[StashOptions[Request]]) -> None:
        settings = resolve(url, **options)
        if settings.url and not nicegui_private.is_script_for_visitor():
            open_store(  # so that a mistake is known now, not when the server starts
                settings.url,
                settings.storage_options,
                engine=settings.engine,
                allow_lost_updates=settings.allow_lost_updates,
            )
        if settings.url:
            settings = dataclasses.replace(settings, url=absolute_url(settings.url))
        self._app_state = AppState(settings)
        if settings.dev:
            from .devview.panel import show_on  # noqa: PLC0415 no app in production has it

            self._app_state.on_open = show_on
        nicegui_private.check_pages(require_no_class)
        if not app.is_started:  # as it is where a test makes one; the first page opens the store then
            app.on_startup(self._start)
        nicegui_private.warn_if_untried()

    def _start(self) -> None:
        """Stop the server before it serves a page that could not keep its promise.

        NiceGUI logs what a start-up handler raises and goes on, unless it is an exit.
        """
        try:
            require_storage_secret()
            self._app_state.runtime()
        except StashError as error:
            raise SystemExit(f'nicegui_stash: {error}') from error

    # ---- declaring

    def page(
        self,
        path: str,
        *,
        auto: bool = True,
        build: Build = 'auto',
        rejoin: Rejoin | None = None,
        room: Room | None = None,
        **options: Unpack[PageOptions],
    ) -> Callable[[type[T]], type[T]]:
        """Make a class a page whose stored fields survive: `build(self, ...)` builds what `@ui.page(path)` would.

        `build` gets the parameters of a page function: path and query parameters, `client`, `request`; it may be
        async. `prepare(self, ...)`, optional and with the same parameters, always runs within the request, and a
        `Response` that it returns is the answer. `on_recovered(self, recovery)`, optional, learns how the fields came
        back. A page with several paths has a decorator for each, and all of them store it in the same way.

        - `auto=False`: nothing is stored before `save()`.
        - `build`: `'request'` builds while the request is answered, `'connected'` once the browser has reported, and
          `'auto'` the former unless something is stored that only this tab or visit may see.
        - `rejoin`: `'in_place'` or `'reload'`, for this page instead of the option of `Stash`.
        - `room`: what holds the fields with `scope='room'`, by a parameter that names it, or a function of the request.
          `prepare()` is its gate: whoever may not open the room gets a `Response`, or an exception, and none of it.
        - `name`: the stored name, by default that of the class; `renamed_from` is the one it had before.
        - `version`, `migrations`: from each older version, a function from its JSON dict to that of the next.
        - `undo`: how many steps a person can take back with `undo`, such as 100.
        - `key`: a parameter, or several: each value has its slice, at most `max_keys` (100) of them.
        - the others go to `ui.page`, such as `title=`, `dark=`, `response_timeout=` or `api_router=`.

        Raises `DeclarationError` naming class and field, or the valid options where one is unknown.
        """
        if not isinstance(path, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            given = getattr(path, '__qualname__', repr(path))
            raise DeclarationError(given, None, "a page has a path: write @stash.page('/…') above the class")
        if build not in {'auto', 'request', 'connected'}:
            raise ConfigurationError('build', f'{build!r} is unknown', "Use 'auto', 'request' or 'connected'")
        if rejoin is not None:
            way_back('rejoin', rejoin)
        frame = caller()
        stored_as = {name: value for name, value in options.items() if name in VIEW_OPTIONS}
        of_route = {name: value for name, value in options.items() if name not in VIEW_OPTIONS}

        def decorate(cls: type[T]) -> type[T]:
            check(cls, options, VIEW_OPTIONS | options_of_route() | {'auto', 'build', 'rejoin', 'room'}, path=path)
            schema = declare(self._app_state, cls, frame, path=path, **stored_as)
            signature = signature_of(cls, frame.f_locals)
            require_build(cls, schema, signature)
            require_room(schema, room, signature.parameters)
            register_page(
                self._app_state, schema, path, signature, of_route, build=build, auto=auto, rejoin=rejoin, room=room
            )
            return cls

        return decorate

    @overload
    def view(self, cls: type[T], /) -> type[T]: ...
    @overload
    def view(self, /, *, auto: bool = True, **options: Unpack[ViewOptions]) -> Callable[[type[T]], type[T]]: ...
    def view(self, cls: Any = None, /, *, auto: bool = True, **options: Unpack[ViewOptions]) -> Any:
        """Make a class a sub page: `ui.sub_pages({'/settings': Settings})` builds it. Usable with and without options.

        The options are those of `page`. When a view is left for another one, its `reconnect` fields are blank on
        return.
        """
        frame = caller()

        def decorate(cls: type[T]) -> type[T]:
            check(cls, options, VIEW_OPTIONS | {'auto'})
            schema = declare(self._app_state, cls, frame, **options)
            signature = signature_of(cls, frame.f_locals)
            require_build(cls, schema, signature)
            setattr(cls, '__new__', staticmethod(view_constructor(self._app_state, schema, signature, auto=auto)))  # noqa: B010
            setattr(cls, '__signature__', signature)  # noqa: B010 what ui.sub_pages looks at
            return cls

        return decorate if cls is None else decorate(cls)

    @overload
    def state(self, cls: type[T], /) -> type[T]: ...
    @overload
    def state(self, /, **options: Unpack[StateOptions]) -> Callable[[type[T]], type[T]]: ...
    def state(self, cls: Any = None, /, **options: Unpack[StateOptions]) -> Any:
        """Make a class hold fields without a page, for the pages that `use`, `recover` or `keep` it.

        Usable with and without options, also on a dataclass. Only what is `stored(...)` comes back.
        """
        frame = caller()

        def decorate(cls: type[T]) -> type[T]:
            check(cls, options, STATE_OPTIONS)
            declare(self._app_state, cls, frame, makes_itself=False, **options)
            self._app_state.reads_ahead = True
            return cls

        return decorate if cls is None else decorate(cls)

    def use(self, cls: type[T]) -> T:
        """Give a page class an attribute that is a `state` class's instance: recovered with it, before `build()`.

        Raises `StashError` for a class that is not declared with this `Stash`, or that has a key.
        """
        self._app_state.schema_without_key(cls)
        return cast(T, Used(cls))

    # ---- within a page

    def recover(self, cls: type[T]) -> Recovering[T]:
        """Return an instance of a stored class with its fields recovered, in any async `@ui.page` function.

        Write `settings = await stash.recover(Settings)`. The same client gets the same instance again. Raises
        `StashError` for a class that is not declared with this `Stash`, or that has a key.
        """
        return Recovering(cls, self._recover)

    async def _recover(self, cls: type[T]) -> T:
        schema = self._app_state.schema_without_key(cls)
        connection = await self._app_state.arrive(function=True, schema=schema)
        page_object = self._app_state.make(schema, connection, {}, auto=True)
        if page_object.needs_report:
            await connection.wait_until_identified()
        await page_object.notify_recovered()
        return cast(T, page_object.page)

    def keep(self, page: T, *, refresh: Callable[[], Any] | None = None) -> T:
        """Recover an object of a stored class that the page has made, and save what changes; return the object.

        Its present values are the defaults. Call it in any page function, async or not, in a script without pages, or
        in a part of a page, with which it ends. Show the object after this call, or show it again with `refresh`. That
        is called after a change from elsewhere: another tab, a reset, or a late recovery. Raises `StashError` as
        `recover` does, and `ValueNotStorable` for a default.
        """
        page_object = self._app_state.keep(page)
        if page_object is not None and refresh is not None:
            page_object.listen().refresh(page_object.schema.fields, refresh)
        return page

    def save(self, page: object) -> None:
        """Submit a page's changes: with `auto=False`, and after an opaque value was changed in place.

        Raises `ValueNotStorable` for a value that was changed into one that does not fit.
        """
        page_object_of(page).save()

    async def flush(self, page: object | None = None) -> None:
        """Return once every change so far is durable. Raises `StoreError` if the store cannot take it; nothing is lost.

        `page` says whose session; without one it is that of the current client. Raises `ValueNotStorable` for an opaque
        value that was changed in place into one that does not fit; the rest is durable then.
        """
        await (self._app_state.connection_of(context.client) if page is None else page_object_of(page)).flush()

    async def update(self, page: T, function: Callable[[T], object]) -> None:
        """Read, modify and write a page's fields, so that two servers changing one field both count.

        `function` gets an object of the page's class with the stored fields alone, and changes it. It is called again
        if another server wrote meanwhile, so it must do nothing else. Returns when the change is durable. Raises what
        `function` raises: then nothing is changed. Raises `StoreError` if the store cannot take the change now: then it
        is accepted, and must not be repeated.
        """
        await page_object_of(page).update(function)

    def open(self, session_id: str) -> OpenSession:
        """Open the session of an id, as `identity=` gives it, or NiceGUI's `app.storage.browser['id']`.

        For code without a page: `async with stash.open(session_id) as session:`.
        """
        return self._app_state.open(session_id)

    def open_room(self, name: str | int) -> OpenSession:
        """Open a room by its name, for code without a page: `async with stash.open_room('garden') as room:`.

        Whoever may call this code can read and change the room: `prepare()` is not asked. `room.forget()` erases it.
        """
        return self._app_state.open_room(name)

    def open_user(self, name: str | int | UUID) -> OpenSession:
        """Open the document of a person by the id that `user=` gives: `async with stash.open_user('ann') as user:`.

        For code without a page, which may read and change it. `user.forget()` erases it.
        """
        return self._app_state.open_user(name)

    def current(self) -> OpenSession:
        """Open the session of the request that is being answered, or of the current client, as `open` does."""
        return self._app_state.current()

    async def export(self) -> dict[str, Any]:
        """Return everything stored for the current browser session, as JSON values, without the fields of browsers.

        With `user=`, what is stored for the person who is signed in is below `'user'`. Rooms are left out.
        """
        return await self._app_state.export()

    def reset(self, page: object, *names: str, scope: ScopeName | None = None) -> None:
        """Give these fields of a page their defaults, or all fields of a `scope`, in all tabs that follow them.

        Without either, everything stored for the page's class is deleted, older versions too: for the person on all
        devices, in the room for everybody. Raises `StashError` for an unknown field, or a scope that no field of the
        class has.
        """
        page_object = page_object_of(page)
        if names or scope is not None:
            page_object.reset_fields(fields_to_reset(page_object.schema, names, scope))
        else:
            page_object.reset()

    def undo(self, page: object) -> bool:
        """Take back the last step of this person on a page with `undo=`; return whether there was one.

            ui.button('Undo', on_click=lambda: stash.undo(self)).bind_enabled_from(stash.steps(self), 'can_undo')

        A step over which somebody else has written is passed over. Raises `StashError` for a class without `undo=`.
        """
        return self.steps(page).undo()

    def redo(self, page: object) -> bool:
        """Make the step again that was taken back last, as `undo` does."""
        return self.steps(page).redo()

    def steps(self, page: object) -> Steps:
        """Return what a person can take back on a page with `undo=`: bindable `can_undo` and `can_redo`."""
        schema = self._app_state.schema_of(type(page))
        if not schema.undo:
            raise StashError(f'{schema.name} keeps no steps; write undo=100 in the line above its class')
        if nicegui_private.is_script_for_nobody():
            return Steps()
        return page_object_of(page).steps or Steps()

    def undo_keys(self, page: object) -> ui.keyboard:
        """Undo by Ctrl+Z and redo by Ctrl+Shift+Z or Ctrl+Y, with ⌘ on a Mac, unless a person types into an element.

        There the keys remain the browser's own. Returns the `ui.keyboard`; delete it to end this.
        """
        return undo_keys(self.steps(page))

    def clear_browser(self) -> None:
        """Drop everything that the browser of the current client keeps; those fields become defaults, in all tabs."""
        self._app_state.connection_of(context.client).browser.clear()

    async def forget(self, *, user: bool = False) -> None:
        """Erase the current browser session, durably, and the fields in its browser; fields become defaults.

        What belongs to the person who is signed in stays, but for `user=True`: that erases it on all devices. A room
        stays: `open_room` erases it.
        """
        await self._app_state.forget(user=user)

    async def new_session(self, *, keep: bool = False, to: str | None = None) -> None:
        """Give the browser a new identity, as at sign-in and sign-out: the old cookie opens nothing afterwards.

        `keep=True` takes what is stored along. Else the new session is empty, and so is the cookie (`request.session`).
        The browser is sent to the path `to`, by default the page it is on, and its other tabs are reloaded.
        `app.storage.user` belongs to the old identity and does not move. Raises `StoreError` if the store cannot take
        it; the browser keeps its identity then.
        """
        await self._app_state.renew_session(keep=keep, to=to)

    def recovery(self, page: object) -> Recovery:
        """Return how a page's fields came back. The record is updated when a late recovery arrives."""
        return Recovery() if nicegui_private.is_script_for_nobody() else page_object_of(page).recovery

    def status(self, page: object) -> Status:
        """Return the bindable status of what was changed on a page: pending, saving, saved, offline or refused."""
        return Status() if nicegui_private.is_script_for_nobody() else connection_behind(page_object_of(page)).status

    def indicator(
        self,
        page: object | None = None,
        *,
        texts: Mapping[str, str] | None = None,
        reason: Callable[[Trouble], str] | None = None,
    ) -> Indicator:
        """Show here whether what is changed is durable: saving, saved, offline or not saved, with the reason.

        `page` says whose page; without one it is that of the current client, as in a layout around `ui.sub_pages`.
        `texts` replaces English words by their name, as in `{'saved': 'Gespeichert'}`, also at the page's elements.
        `reason` makes the sentence for each `Trouble` instead. Raises `StashError` for an unknown text.
        """
        if nicegui_private.is_script_for_nobody():
            return Indicator(Status(), texts, reason)
        behind = None if page is None else connection_behind(page_object_of(page))
        connection = behind or self._app_state.connection_of(context.client)
        indicator = Indicator(connection.status, texts, reason)
        if texts:
            connection.add_texts(indicator, texts)
        return indicator

    def present(self, page: object) -> Present:
        """Return how many have the room of a page open now: a bindable `count`, with the page itself.

            ui.label().bind_text_from(stash.present(self), 'count', lambda count: f'{count} here')

        A person counts once, whatever pages of the room are open: who is signed in, as `user=` says, else a browser.
        Counted are connected pages that call this. Raises `StashError` for a page without a room.
        """
        if nicegui_private.is_script_for_nobody():
            return Present()
        return self._app_state.present(page_object_of(page))

    def on_change(
        self,
        page: object,
        names: str | Iterable[str],
        handler: Callable[[Change], Any] | Callable[[], Any],
        *,
        others: bool = False,
    ) -> None:
        """Call a handler, which may be async, after one of these fields changed: here, elsewhere, or by a reset.

        `others=True` leaves out changes of this page. The handler gets a `Change` if it requires an argument, as
        `self.draw.refresh` does not. It ends with its view. Raises `StashError` for an unknown field.
        """
        schema = self._app_state.schema_of(type(page))
        fields = require_fields(schema, [names] if isinstance(names, str) else names)
        if not nicegui_private.is_script_for_nobody():
            page_object_of(page).listen().add(fields, handler, others=others)

    def rows(self, element: R, page: object, field: str) -> R:
        """Bind the rows of a `ui.table` or `ui.aggrid` to a field that holds a list of them; return the element.

        What a person edits in a cell of the grid is stored, as is what a handler changes in `table.rows` or in
        `grid.options['rowData']`. What changes in the field, here or elsewhere, is shown. A cell that does not fit
        shows its stored value again, and a notification says why. Rows may be dicts, dataclasses or other objects.

            stash.rows(ui.table(rows=[]), self, 'parts')

        Raises `StashError` for another element, and for a field that is no list of rows.
        """
        schema = self._app_state.schema_of(type(page))
        if field not in schema.fields:
            raise StashError(f'{schema.name} has no stored field {field!r}')
        return element if nicegui_private.is_script_for_nobody() else bind_rows(element, page_object_of(page), field)

    def job(self, page: object, lease: str, work: Work, *, ttl: float = 30.0, resume: bool = False) -> Job:
        """Return a job of a page: it outlives the page, runs once at a time, and can be resumed after its server's end.

        `lease` names the page's field that says who runs it, `work` is an async function without parameters.

            job = stash.job(self, 'lease', self.write)

        If its process ends without a word, another server takes it for dead after `ttl` seconds, and the same host at
        once. `resume=True` starts it again as soon as an open page knows. Raises `StashError` for a field that holds no
        lease.
        """
        self._app_state.schema_of(type(page))
        if ttl <= 0:
            raise StashError(f'ttl={ttl!r} must be a number of seconds above 0')
        leased = None if nicegui_private.is_script_for_nobody() else LeasedField(page_object_of(page), lease)
        return Job(leased, work, ttl=ttl, resume=resume)

    def remember(self, element: E, *, key: str | int | None = None, scope: RememberScope = 'session') -> E:
        """Remember what a person sets on an element that is bound to no field; return the element.

        Write it in any page, of a class or a function:

            with stash.remember(ui.tabs()) as tabs: ...

        The value of any element comes back, open or closed, the page, sort, filter and selection of a table, the
        columns of a grid, the nodes of a tree, the position of a scroll area. `key` names the element within its page;
        else its marker does, else its kind, label and place among its like. What the page function sets are defaults.
        `scope` is that of a field: `session`, `tab` or `reconnect`.

        Raises `StashError` for an element on which a person sets nothing, for a password, for one that is bound to a
        stored field, and for a key that is used twice on the page.
        """
        found = scope_named(scope)
        if not nicegui_private.is_script_for_nobody():
            self._app_state.memory_of(element.client).remember(element, key, found)
        return element

    @contextmanager
    def remembering(self, *, scope: RememberScope = 'session') -> Generator[None]:
        """Remember all elements that are made within, and later inside those, as in a refreshable.

        Left out are labels and the like, dialogs and menus, passwords, and what is bound to a stored field.
        """
        found = scope_named(scope)
        if nicegui_private.is_script_for_nobody():
            yield
            return
        memory = self._app_state.memory_of(context.client)
        first = memory.first_of_block()
        yield
        memory.remember_block(first, found)

    async def ready(self, timeout: float = 1.0) -> bool:
        """Whether the store answers within `timeout` seconds: for `/healthz`. Pages are served either way."""
        return await self._app_state.runtime().registry.answers(timeout)

    def inspector(self, path: str, *, allow: Allow, values: bool = False) -> None:
        """Serve a page that shows live what this process does with its store: counts, sizes, latency, documents.

        `allow` gets the request and says who may see it; it may be async. Only `True` lets anybody in. It is asked
        again before each event and once a second. For everybody else the address does not exist. `values=True` lets
        them also show the values of a session, which are what people entered. Raises `ConfigurationError` for an
        `allow` that cannot be called.

            stash.inspector('/_stash', allow=lambda request: app.storage.user.get('role') == 'operator')
        """
        from .inspector.inspector import Inspector  # noqa: PLC0415 most apps have none

        app_state = self._app_state
        module = caller().f_globals.get('__name__', '__main__')
        Inspector(lambda: app_state.runtime().registry, allow, values=values).serve(path, module)
        app_state.keeps_record = True

    def statistics(self) -> Statistics:
        """Return counts of what the sessions of this process did, and what they hold now."""
        return self._app_state.runtime().registry.statistics()


Stash.__signature__ = signature()  # pyright: ignore[reportAttributeAccessIssue]  it is what inspect looks for
Stash.__doc__ = '\n'.join([inspect.getdoc(Stash) or '', '', *(f'- {option}.' for option in OPTIONS.values())])
