"""The registry behind a `Stash`: opened once per event loop, shared by every `Stash` with the same place."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

import asyncio
import functools
import logging
import os
import weakref
from pathlib import Path

from nicegui import Client, app

from ...errors import ConfigurationError, DeclarationError
from ...hosting.opening import open_registry, renewal_interval, sweep_regularly
from ...model.schema import Schema
from ...model.tokens import Tokens
from ...settings import Settings
from ...stores.base import Store
from ...stores.opening import default_url
from .. import nicegui_private
from ..rejoin.farewell import MOMENT, connected, say_farewell
from .signals import SignalWatch

log = logging.getLogger('nicegui_stash')

Place = tuple[str, str, tuple[str, ...]]
_runtimes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Place, Runtime]] = weakref.WeakKeyDictionary()


class Runtime:
    """One opened place: store, prefix and secrets. Raises `ConfigurationError` for settings that cannot work."""

    def __init__(self, settings: Settings, place: Place) -> None:
        url, prefix, secrets = place
        self.registry = open_registry(settings, url, secrets, around=_interruptible if settings.dev else None)
        if self.registry.store.guarantee == 'process':
            _warn_of_memory(url)
        self.settings = settings
        self.tokens = Tokens(secrets, prefix, settings.browser_ttl)
        self.drain_timeout = settings.drain_timeout
        self.returning: weakref.WeakSet[Client] = weakref.WeakSet()
        """The pages that come back in place: they are told when the server ends."""
        self.names: dict[str, Schema] = {}
        self._place = place
        self.loop = asyncio.get_running_loop()
        self._deadline: float | None = None
        self._draining = False
        self.closed = False
        self._signals = SignalWatch(self._hurry, lambda: MOMENT if connected(self.returning) else 0.0)
        self._signals.start()
        self._renewal = self.loop.call_later(self._renew_every, self._renew)
        sweep_regularly(self.registry, settings)
        nicegui_private.on_shutdown(self._drain_first)
        self.loop.call_soon(
            nicegui_private.on_shutdown, self._close
        )  # after NiceGUI's own, which are added at its start

    def add_names(self, schemas: list[Schema]) -> None:
        """Refuse two classes with the same stored name: they would overwrite each other's fields."""
        for schema in schemas:
            other = self.names.setdefault(schema.name, schema)
            if other.origin != schema.origin:
                raise duplicate_name(schema, other)
            self.registry.declare(schema)

    @property
    def _renew_every(self) -> float:
        return renewal_interval(self.settings)

    def _renew(self) -> None:
        self.registry.renew()
        self._renewal = self.loop.call_later(self._renew_every, self._renew)

    def _hurry(self) -> None:
        """Start to drain at the signal, before the server closes its connections."""
        self._deadline = self.loop.time() + self.drain_timeout
        say_farewell(self.returning)
        self.registry.jobs.stop(self.drain_timeout)
        self.registry.presences.be_silent(self.drain_timeout)
        self.registry.hurry()

    async def _drain_first(self) -> None:
        """Drain before NiceGUI ends its tasks and pages. No parameters: NiceGUI would pass its app."""
        await self._drain(last=False)

    async def _drain(self, *, last: bool) -> None:
        if self.closed:
            return
        now = self.loop.time()
        if self._deadline is None or (self._deadline < now and not self._draining):  # an earlier signal was ignored
            self._deadline = now + self.drain_timeout
        self._draining = True
        await self.registry.drain(max(0.1, self._deadline - now), last=last)

    async def _close(self) -> None:
        """Drain changes made during NiceGUI's teardown of tasks and pages, then close the store."""
        await self._drain(last=True)
        if self.abandon():
            await self.registry.aclose()
            await self.registry.store.aclose()

    async def end(self) -> None:
        """Drain and stop a runtime that was replaced; the store stays open for its successor."""
        await self.registry.drain(self.drain_timeout)
        await self.registry.aclose()

    def abandon(self) -> bool:
        """Give up this place without draining. Return whether this runtime still had it."""
        if self.closed:
            return False
        self.closed = True
        self._signals.stop()
        self._renewal.cancel()
        _runtimes.get(self.loop, {}).pop(self._place, None)
        return True


def _interruptible(store: Store) -> Store:
    from ...stores.interrupted import InterruptedStore  # noqa: PLC0415 no app in production has it

    log.warning('dev=True: whoever opens a page sees its fields and can end this server; leave it out in production')
    return InterruptedStore(store)


def runtime_for(settings: Settings) -> Runtime:
    """Return the running event loop's runtime for these settings; open it at the first call."""
    place = (settings.url or default_store(), settings.prefix, _secrets(settings))
    runtimes = _runtimes.setdefault(asyncio.get_running_loop(), {})
    runtime = runtimes.get(place)
    if runtime is None:
        runtime = runtimes[place] = Runtime(settings, place)
    elif runtime.settings != settings and not nicegui_private.is_script_for_visitor():  # a script makes new functions
        log.warning(
            'a second Stash for %s has other options; those of the first one hold', settings.prefix or 'one place'
        )
    return runtime


@functools.cache
def _warn_of_memory(url: str) -> None:
    """Say once per process that nothing is durable; in NiceGUI's user simulation that is what a test wants."""
    level = logging.INFO if os.environ.get('NICEGUI_USER_SIMULATION') else logging.WARNING
    log.log(level, '%s keeps everything in the memory of this process: a restart loses it', url)


def default_store() -> str:
    """Return a store beside NiceGUI's storage folder: within it, our files would make `app.storage.clear()` fail."""
    return _default_url(app.storage.path.with_name(f'{app.storage.path.name}-stash'))


@functools.cache  # each page asks, and the answer must stay
def _default_url(folder: Path) -> str:
    return default_url(folder)


def stand_aside() -> None:
    """Let this process's sessions and pages continue as on another server: new pages open the stores again.

    For tests of two servers.
    """
    for runtime in list(_runtimes.get(asyncio.get_running_loop(), {}).values()):
        runtime.abandon()
        app.on_shutdown(runtime.end)


async def abandon_all(*, drain: bool) -> None:
    """Drop every session of this process, as its end would; the stores stay. For tests and demonstrations."""
    for runtime in list(_runtimes.get(asyncio.get_running_loop(), {}).values()):
        if drain:
            await runtime.registry.drain(runtime.drain_timeout)
        runtime.abandon()
        await runtime.registry.aclose()


def duplicate_name(schema: Schema, other: Schema) -> DeclarationError:
    return DeclarationError(
        schema.cls.__qualname__,
        None,
        f'the class at {other.origin} already has the stored name {schema.name!r}; '
        'pass name= to one of them, or to each class that a loop makes',
    )


def _secrets(settings: Settings) -> tuple[str, ...]:
    secret = nicegui_private.storage_secret()
    if not settings.secrets and secret is None:
        raise ConfigurationError(
            'secrets',
            'no storage_secret',
            "Pass the app's: Stash(secrets=['…']), or set NICEGUI_STASH_SECRETS",
        )
    return settings.secrets or (str(secret),)


def require_storage_secret() -> None:
    """Raise `ConfigurationError` where anybody could sign a cookie."""
    if not nicegui_private.storage_secret():
        raise missing_secret()


def missing_secret() -> ConfigurationError:
    return ConfigurationError(
        'storage_secret',
        'without it browsers have no session, so nothing can be recovered',
        "Write ui.run(storage_secret='…') with a private random text, or pass it to ui.run_with",
    )
