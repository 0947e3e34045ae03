"""`Stash`: what an app creates once, and what its pages are decorated with."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal, TypeVar, cast
from weakref import WeakKeyDictionary

from fastapi import Request
from nicegui import Client, app, context, ui

from ..errors import ConfigurationError, StashError
from ..recovery import Recovery
from ..registry import Statistics
from ..schema import Migration, Schema, build_schema
from ..settings import resolve
from ..stores.opening import open_store
from . import internals
from .building import page_function, register_page, signature_of, view_constructor
from .hub import Hub, duplicate_name, hub_for
from .instance import Change, Instance
from .lifecycle import renew_cookie
from .properties import StoredProperty, instance_of
from .report import script_element
from .status import Status
from .visit import Visit

T = TypeVar('T')
Build = Literal['auto', 'request', 'connected']


class Stash:
    """Durable state for the pages of a NiceGUI app.

    Create one at the top of the app and decorate page classes with `page`. Every option can come from the environment
    instead, as `NICEGUI_STASH_` and its name in capitals; an argument wins.

    - `url`: where documents are kept: a folder, `file://…`, `memory://`, or another fsspec URL with
      `storage_options`. The default is the folder `stash` in NiceGUI's storage folder (`.nicegui`).
    - `prefix`: a folder within the store, so that several apps can share one.
    - `secrets`: from which object keys are derived; the first is used, the others are looked up. The default is the
      `storage_secret` of `ui.run`.
    - `ttl`, `tab_ttl`: how long an unseen session, and an unseen tab or visit, can still come back (30 days, 1 day).
    - `identity`: a function from the request to the id of the session, where it is not that of NiceGUI's cookie.
    - `on_invalid`: `'raise'`, or `'log'` to keep the old value and log a direct assignment that does not fit.
    - `recover_timeout`: how many seconds a page waits for a session that is not in memory (1).
    - `revalidate_timeout`: how many seconds it waits to learn whether another server changed one that is (0.1).
    - `drain_timeout`: how many seconds a stopping server takes for what is not durable yet (5).
    - `flush_interval`: seconds between two puts of one session; the default depends on the store (0.1 or 1).
    - `max_value_bytes`, `max_document_bytes`: limits of a field's and a session's JSON (256 KiB, 1 MiB).
    - `allow_lost_updates`: accept a store without conditional puts.
    - `csp_nonce`: the nonce of the script element, where a content security policy asks for one.

    Raises `ConfigurationError` for an option that cannot be used.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        storage_options: Mapping[str, Any] | None = None,
        prefix: str | None = None,
        secrets: str | Sequence[str] | None = None,
        ttl: timedelta | None = None,
        tab_ttl: timedelta | None = None,
        identity: Callable[[Request], str | None] | None = None,
        on_invalid: Literal['raise', 'log'] = 'raise',
        recover_timeout: float | None = None,
        revalidate_timeout: float | None = None,
        drain_timeout: float | None = None,
        flush_interval: float | None = None,
        max_value_bytes: int | None = None,
        max_document_bytes: int | None = None,
        allow_lost_updates: bool | None = None,
        csp_nonce: str | None = None,
    ) -> None:
        if on_invalid not in {'raise', 'log'}:
            raise ConfigurationError('on_invalid', f'{on_invalid!r} is unknown', "Use 'raise' or 'log'")
        self._settings = resolve(
            url=url,
            storage_options=storage_options,
            prefix=prefix,
            secrets=secrets,
            ttl=ttl,
            tab_ttl=tab_ttl,
            recover_timeout=recover_timeout,
            revalidate_timeout=revalidate_timeout,
            drain_timeout=drain_timeout,
            flush_interval=flush_interval,
            max_value_bytes=max_value_bytes,
            max_document_bytes=max_document_bytes,
            allow_lost_updates=allow_lost_updates,
        )
        if self._settings.url:  # a mistake in it is known now, not when the server starts
            open_store(
                self._settings.url, self._settings.storage_options, allow_lost_updates=self._settings.allow_lost_updates
            )
        self.on_invalid = on_invalid
        self._identity = identity
        self._schemas: dict[str, Schema] = {}
        self._visits: WeakKeyDictionary[Client, Visit] = WeakKeyDictionary()
        self._hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()
        self._script = script_element(csp_nonce)
        self._add_script()
        app.on_startup(self._start)
        internals.warn_if_untried()

    def _add_script(self) -> None:
        if not internals.has_shared_head(self._script):
            ui.add_head_html(self._script, shared=True)

    def _start(self) -> None:
        """Stop the server before it serves a page that could not keep its promise.

        NiceGUI logs what a start-up handler raises and goes on, unless it is an exit.
        """
        try:
            self._hub()
        except StashError as error:
            raise SystemExit(f'nicegui_stash: {error}') from error

    def _hub(self) -> Hub:
        """Return the hub of the running loop; opened here also where NiceGUI dropped our start-up handler, as tests do."""
        loop = asyncio.get_running_loop()
        hub = self._hubs.get(loop)
        if hub is None:
            hub = self._hubs[loop] = hub_for(self._settings)
            hub.add_names(list(self._schemas.values()))
            self._add_script()
        return hub

    # ---- declaring

    def page(
        self,
        path: str,
        *,
        name: str | None = None,
        version: int = 1,
        migrations: Mapping[int, Migration] | None = None,
        renamed_from: str | None = None,
        key: str | tuple[str, ...] | None = None,
        max_keys: int = 100,
        auto: bool = True,
        build: Build = 'auto',
        **ui_page_options: Any,
    ) -> Callable[[type[T]], type[T]]:
        """Make a class a page whose stored fields survive: `build(self, ...)` builds what `@ui.page(path)` would.

        `build` gets the parameters of a page function: path and query parameters, `client`, `request`; it may be async.
        `prepare(self, ...)`, optional and with the same parameters, always runs within the request, and what it
        returns as a `Response` is the answer. `on_recovered(self, recovery)`, optional, is told how the fields came back.

        - `name`: the stored name, by default that of the class. Renaming a class loses nothing with `renamed_from`.
        - `version`, `migrations`: from each older version, a function from its JSON dict to that of the next.
        - `key`: path parameters of which each value has a slice of its own, at most `max_keys` of them.
        - `auto=False`: nothing is stored before `save()`.
        - `build`: `'request'` builds while the request is answered, `'connected'` once the browser has reported, and
          `'auto'` the former unless something is stored that only this tab or visit may see.
        - everything else goes to `ui.page`, as `title=`, `dark=`, `response_timeout=` or `api_router=`.

        Raises `DeclarationError` naming class and field.
        """
        frame = sys._getframe(1)  # noqa: SLF001 annotations of a class made in a function are resolved with its names

        def decorate(cls: type[T]) -> type[T]:
            if build not in {'auto', 'request', 'connected'}:
                raise ConfigurationError('build', f'{build!r} is unknown', "Use 'auto', 'request' or 'connected'")
            if not callable(getattr(cls, 'build', None)):
                raise StashError(f'{cls.__qualname__} has no build(self) method, so there is nothing to show')
            schema = self._declare(
                cls,
                frame.f_locals,
                _place(frame),
                name=name,
                version=version,
                migrations=migrations,
                renamed_from=renamed_from,
                key=key,
                max_keys=max_keys,
            )
            function = page_function(self, schema, build, signature_of(cls, frame.f_locals), auto=auto)
            register_page(function, cls, path, ui_page_options)
            return cls

        return decorate

    def view(
        self,
        cls: type[T] | None = None,
        *,
        name: str | None = None,
        version: int = 1,
        migrations: Mapping[int, Migration] | None = None,
        renamed_from: str | None = None,
        key: str | tuple[str, ...] | None = None,
        max_keys: int = 100,
        auto: bool = True,
    ) -> Any:
        """Make a class a sub page: `ui.sub_pages({'/settings': Settings})` builds it. Usable with and without arguments.

        The options are those of `page`. Where a view is left for another one, its `reconnect` fields are blank on return.
        """
        frame = sys._getframe(1)  # noqa: SLF001 as in `page`

        def decorate(cls: type[T]) -> type[T]:
            if not callable(getattr(cls, 'build', None)):
                raise StashError(f'{cls.__qualname__} has no build(self) method, so there is nothing to show')
            schema = self._declare(
                cls,
                frame.f_locals,
                _place(frame),
                name=name,
                version=version,
                migrations=migrations,
                renamed_from=renamed_from,
                key=key,
                max_keys=max_keys,
            )
            signature = signature_of(cls, frame.f_locals)
            setattr(cls, '__new__', staticmethod(view_constructor(self, schema, signature, auto=auto)))  # noqa: B010
            setattr(cls, '__signature__', signature)  # noqa: B010 what ui.sub_pages looks at
            return cls

        return decorate if cls is None else decorate(cls)

    def state(
        self,
        cls: type[T] | None = None,
        *,
        name: str | None = None,
        version: int = 1,
        migrations: Mapping[int, Migration] | None = None,
        renamed_from: str | None = None,
    ) -> Any:
        """Make a class hold fields without a page, shared by the pages that `use` it. Usable with and without arguments."""
        frame = sys._getframe(1)  # noqa: SLF001 as in `page`

        def decorate(cls: type[T]) -> type[T]:
            self._declare(
                cls,
                frame.f_locals,
                _place(frame),
                name=name,
                version=version,
                migrations=migrations,
                renamed_from=renamed_from,
                key=None,
                max_keys=1,
            )
            return cls

        return decorate if cls is None else decorate(cls)

    def use(self, cls: type[T]) -> T:
        """Give a page class an attribute that is a `state` class's instance: recovered with the page, before `build()`."""
        return cast(T, Used(cls))

    def _declare(self, cls: type, local_names: Mapping[str, Any], origin: str, **options: Any) -> Schema:
        schema = build_schema(cls, local_names=local_names, origin=origin, **options)
        other = self._schemas.get(schema.name)
        if other is not None and other.origin != origin:
            raise duplicate_name(schema, other)
        self._schemas[schema.name] = schema
        for field_name, stored in schema.fields.items():
            setattr(cls, field_name, StoredProperty(stored))
        return schema

    # ---- within a page

    async def recover(self, cls: type[T]) -> T:
        """Return an instance of a `state` or `page` class with its fields recovered, in any async `@ui.page` function.

        The same client gets the same instance again.
        """
        visit = self.visit_of(context.client)
        self.renew_cookie(visit.client.request)
        await self.load(visit)
        instance, target = self.make(self._schema_of(cls), visit, {}, auto=True)
        if instance.needs_report:
            await visit.wait_until_identified()
        await instance.notify_recovered()
        return cast(T, target)

    def save(self, page: object) -> None:
        """Submit a page's changes: with `auto=False`, and after an opaque value was changed in place.

        Raises `ValueNotStorable` for a value that was changed into one that does not fit.
        """
        instance_of(page).save()

    async def flush(self, page: object | None = None) -> None:
        """Return once everything accepted is durable. Raises `StoreError` if the store cannot take it now; nothing is lost.

        `page` says whose session; without one it is that of the current client.
        """
        visit = instance_of(page).visit if page is not None else self.visit_of(context.client)
        await visit.find_session().flush()

    def reset(self, page: object) -> None:
        """Delete what is stored for a page's class; its fields go back to their defaults, in all tabs."""
        instance = instance_of(page)
        instance.session.reset(instance.slice_id)

    async def forget(self) -> None:
        """Erase everything stored for the current browser session, durably; the fields of its pages become defaults."""
        session = self.visit_of(context.client).find_session()
        session.forget()
        await session.flush()

    def recovery(self, page: object) -> Recovery:
        """Return how a page's fields came back. The record is updated when a late recovery arrives."""
        return instance_of(page).recovery

    def status(self, page: object) -> Status:
        """Return the bindable status of what was changed on a page: pending, saving, saved or offline."""
        visit = instance_of(page).visit
        visit.schedule_status()
        return visit.status

    def on_change(self, page: object, field: str, handler: Callable[[Change], Any]) -> None:
        """Call a handler with a `Change` after a field changed: here, elsewhere, by recovery or by reset. It may be async."""
        instance = instance_of(page)
        if field not in instance.schema.fields:
            raise StashError(f'{instance.schema.name} has no stored field {field!r}')
        instance.listeners.setdefault(field, []).append(handler)

    def statistics(self) -> Statistics:
        """Return counts of what the sessions of this process did, and what they hold now."""
        return self._hub().registry.statistics()

    # ---- what the decorated classes need

    def visit_of(self, client: Client) -> Visit:
        """Return the visit of a client, which all stored classes of its page share."""
        visit = self._visits.get(client)
        if visit is None:
            hub = self._hub()
            request = client.request
            named = self._identity(request) if self._identity else None
            session_id = request.session['id'] if named is None else f'identity\0{named}'
            exists = named is not None or internals.session_cookie_is_valid(request)
            visit = self._visits[client] = Visit(
                client, hub.registry, session_id, exists=exists, watch=hub.drain_timeout
            )
        return visit

    async def load(self, visit: Visit) -> None:
        """Wait for the session's document, but not longer than a page may be delayed by it."""
        session = visit.find_session()
        if not session.is_read:
            await session.load(self._settings.recover_timeout)
        elif visit.exists and not visit.loaded:
            await session.revalidate(self._settings.revalidate_timeout)
        visit.loaded = True

    def make(
        self, schema: Schema, visit: Visit, arguments: Mapping[str, Any], *, auto: bool
    ) -> tuple[Instance, object]:
        """Return the instance of a class for a visit, recovered as far as its place is known, and the object it serves."""
        key = '/'.join(str(arguments[part]).replace('%', '%25').replace('/', '%2F') for part in schema.key)
        if (found := visit.find(schema, key)) is not None:
            return found
        if schema.key:
            visit.registry.limit_keys(schema.name, schema.max_keys)
        target = object.__new__(schema.cls)
        instance = Instance(schema, target, visit, key, auto=auto)
        instance.on_invalid = self.on_invalid
        for attribute, used in _used(schema.cls).items():
            target.__dict__[attribute] = self.make(self._schema_of(used.cls), visit, {}, auto=True)[1]
        instance.attach()
        visit.add(instance, target)
        if visit.identified:
            instance.locate()
        else:
            instance.recover()
        return instance, target

    def renew_cookie(self, request: Request) -> None:
        if self._identity is None:
            renew_cookie(request)

    def _schema_of(self, cls: type) -> Schema:
        for schema in self._schemas.values():
            if schema.cls is cls:
                return schema
        raise StashError(f'{cls.__qualname__} is not declared with this Stash; put @stash.state above it')


class Used:
    """Where `stash.use(Settings)` stands in a page class; the instance's own attribute hides it."""

    def __init__(self, cls: type) -> None:
        self.cls = cls

    def __get__(self, page: object | None, owner: type) -> Any:
        if page is None:
            return self
        raise StashError(f'{self.cls.__qualname__} is there once the page is recovered, from prepare() and build() on')


def _used(cls: type) -> dict[str, Used]:
    return {
        name: value for base in reversed(cls.__mro__) for name, value in vars(base).items() if isinstance(value, Used)
    }


def _place(frame: Any) -> str:
    return f'{frame.f_code.co_filename}:{frame.f_lineno}'
