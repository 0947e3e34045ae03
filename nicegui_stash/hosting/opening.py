"""From settings to a running registry: the store, its check at the start, the journal, and regular sweeps."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from ..errors import ConfigurationError
from ..maintenance.schedule import SweepSchedule, default_interval
from ..model.sealing import Sealing
from ..session.keys import Keys
from ..session.registry import Registry
from ..settings import Settings
from ..stores.base import Store
from ..stores.journal import Journals
from ..stores.opening import open_store
from .start_check import check_at_start


def open_registry(
    settings: Settings, url: str, secrets: tuple[str, ...], *, around: Callable[[Store], Store] | None = None
) -> Registry:
    """Open what is stored at a URL, on the running event loop. `around` puts something before the checked store.

    Raises `ConfigurationError` for settings that cannot work.
    """
    store = open_store(
        url,
        settings.storage_options,
        engine=settings.engine,
        allow_lost_updates=settings.allow_lost_updates,
        ttl=settings.ttl,
    )
    check_at_start(store, settings.prefix)
    return Registry(
        around(store) if around else store,
        Keys(secrets, settings.prefix),
        settings.policy(store.flush_interval),
        journals=_journals(settings.journal, url),
        sealing=Sealing(secrets, encrypts=settings.encrypt),
    )


def sweep_regularly(registry: Registry, settings: Settings) -> None:
    """Sweep about once per `sweep_interval`, or as often as the store's kind wants, until the registry is closed."""
    given = settings.sweep_interval
    if interval := default_interval(registry.store) if given is None else given:
        schedule = SweepSchedule(
            registry.store, settings.prefix, settings.ttl, interval, wall=time.time, random=random.random
        )
        registry.spawn(schedule.run())


def renewal_interval(settings: Settings) -> float:
    """Return how many seconds may pass until `Registry.renew` is called again."""
    return min(3600.0, settings.ttl / 20)


def _journals(folder: str, url: str) -> Journals | None:
    if not folder:
        return None
    try:
        from ..stores.sqlite.journal import JournalFolder  # noqa: PLC0415 some builds of Python are without SQLite
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            'journal', 'it needs sqlite3, without which this Python was built', 'Use another Python, or leave it out'
        ) from error
    return JournalFolder(folder, url)
