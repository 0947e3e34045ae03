"""The registry behind a `Stash`: opened once per event loop, shared by every `Stash` with the same place."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

import asyncio
import functools
import logging
import os
import random
import time
import weakref
from pathlib import Path

from nicegui import Client, app

from ...errors import ConfigurationError, DeclarationError
from ...maintenance.schedule import SweepSchedule, default_interval
from ...model.schema import Schema
from ...model.sealing import Sealing
from ...model.tokens import Tokens
from ...session.keys import Keys
from ...session.registry import Registry
from ...settings import Settings
from ...stores.base import Store
from ...stores.journal import Journals
from ...stores.opening import default_url, open_store
from .. import nicegui_private
from ..rejoin.farewell import MOMENT, connected, say_farewell
from .signals import SignalWatch
from .start_check import check_at_start

log = logging.getLogger('nicegui_stash')

Place = tuple[str, str, tuple[str, ...]]
_runtimes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Place, Runtime]] = weakref.WeakKeyDictionary()


class Runtime:
    """One opened place: store, prefix and secrets. Raises `ConfigurationError` for settings that cannot work."""

    def __init__(self, settings: Settings, place: Place) -> None:
        url, prefix, secrets = place
        store = open_store(
            url,
            settings.storage_options,
            engine=settings.engine,
            allow_lost_updates=settings.allow_lost_updates,
            ttl=settings.ttl,
        )
        check_at_start(store, prefix)
        if store.guarantee == 'process':
            _warn_of_memory(url)
        if settings.dev:
            store = _interruptible(store)
        self.registry = Registry(
            store,
            Keys(secrets, prefix),
            settings.policy(store.flush_interval),
            journals=_journals(settings.journal, url),
            sealing=Sealing(secrets, encrypts=settings.encrypt),
        )
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
        interval = settings.sweep_interval
        if interval := default_interval(store) if interval is None else interval:
            self._start_sweeping(interval, prefix)
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
        return min(3600.0, self.settings.ttl / 20)

    def _renew(self) -> None:
        self.registry.renew()
        self._renewal = self.loop.call_later(self._renew_every, self._renew)

    def _start_sweeping(self, interval: float, prefix: str) -> None:
        """Sweep about once per interval (seconds), until the registry is closed."""
        registry, ttl = self.registry, self.settings.ttl
        schedule = SweepSchedule(registry.store, prefix, ttl, interval, wall=time.time, random=random.random)
        registry.spawn(schedule.run())

    def _hurry(self) -> None:
        """Start to drain at the signal, before the server closes its connections."""
        self._deadline = self.loop.time() + self.drain_timeout
        say_farewell(self.returning)
        self.registry.jobs.stop(self.drain_timeout)
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


def _journals(folder: str, url: str) -> Journals | None:
    if not folder:
        return None
    try:
        from ...stores.sqlite.journal import JournalFolder  # noqa: PLC0415 some builds of Python are without SQLite
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            'journal', 'it needs sqlite3, without which this Python was built', 'Use another Python, or leave it out'
        ) from error
    return JournalFolder(folder, url)


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
