"""`StashPlugin`: an app names it in `plugins=` of its `rxconfig.py`."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

from ..errors import ConfigurationError
from ..settings import OnInvalid, resolve
from ..stores.opening import absolute_url, default_url
from .options import Answer, OnUnstorable, ReflexOptions

if TYPE_CHECKING:

    class Plugin:
        """What `rxconfig.py` names in `plugins=`."""

        def post_compile(self, **context: Any) -> None: ...

else:
    from reflex_base.plugins import Plugin

DEFAULT_FOLDER = '.nicegui-stash'


class StashPlugin(Plugin):
    """Keeps the states of a Reflex app in a store of ours.

    Each option that is not given is taken from the environment, as `NICEGUI_STASH_SECRETS`, else its default holds; see
    `docs/reference/configuration.md`. A backend needs `secrets`, a build of the page does not. Reflex's alone are:

    - `answer`: `'durable'` lets a browser wait until what it is about to be shown is durable, for `answer_timeout`
      seconds at most; `'accepted'` does not. By default `'durable'` where that takes a millisecond: with a database or
      a folder on this host, or a journal.
    - `on_invalid`: a value that cannot be stored stays in memory and is logged once, or raised once the event is over.
    - `on_unstorable`: a var whose type cannot be stored is left out, with one warning for all; or the start is refused.
    - `idle_timeout`: after how long a state leaves the memory; it is read again when an event comes. Before, after ten
      seconds without an event, it is kept in a fifth of the memory, and is back without a read.

    Raises `ConfigurationError` for an option that cannot work.
    """

    def __init__(
        self,
        url: str | os.PathLike[str] | None = None,
        *,
        secrets: str | Sequence[str] | None = None,
        prefix: str | None = None,
        ttl: timedelta | None = None,
        journal: str | os.PathLike[str] | None = None,
        encrypt: bool | None = None,
        storage_options: Mapping[str, Any] | None = None,
        engine: str | None = None,
        allow_lost_updates: bool | None = None,
        sweep_interval: timedelta | None = None,
        recover_timeout: float | None = None,
        revalidate_timeout: float | None = None,
        flush_interval: float | None = None,
        drain_timeout: float | None = None,
        max_value_bytes: int | None = None,
        max_document_bytes: int | None = None,
        max_new_sessions: int | None = None,
        on_invalid: OnInvalid = 'log',
        on_unstorable: OnUnstorable = 'warn',
        answer: Answer | None = None,
        answer_timeout: float = 1.0,
        idle_timeout: timedelta = timedelta(minutes=5),
    ) -> None:
        self._settings = resolve(
            cast(Any, url),
            secrets=secrets,
            prefix=prefix,
            ttl=ttl,
            journal=journal,
            encrypt=encrypt,
            storage_options=storage_options,
            engine=engine,
            allow_lost_updates=allow_lost_updates,
            sweep_interval=sweep_interval,
            recover_timeout=recover_timeout,
            revalidate_timeout=revalidate_timeout,
            flush_interval=flush_interval,
            drain_timeout=drain_timeout,
            max_value_bytes=max_value_bytes,
            max_document_bytes=max_document_bytes,
            max_new_sessions=max_new_sessions,
            on_invalid=on_invalid,
        )
        _require('answer', answer, (None, *get_args(Answer)))
        _require('on_unstorable', on_unstorable, get_args(OnUnstorable))
        if not answer_timeout > 0 or not idle_timeout > timedelta():
            raise ConfigurationError('answer_timeout, idle_timeout', 'they must be greater than 0', 'Leave them out')
        self._options = ReflexOptions(answer, answer_timeout, on_unstorable, idle_timeout.total_seconds())
        self._url = absolute_url(self._settings.url) if self._settings.url else ''

    def __repr__(self) -> str:
        return f'StashPlugin({self._settings!r}, {self._options!r})'

    def post_compile(self, **context: Any) -> None:
        """Give the app our state manager; Reflex calls this before the backend runs.

        Raises `ConfigurationError` for an app that cannot be kept, and `DeclarationError` for a class of states.
        """
        from . import reflex_private  # noqa: PLC0415 `rxconfig.py` is read while Reflex is being imported
        from .manager import StashStateManager  # noqa: PLC0415 as above

        if installed := reflex_private.is_too_old():
            raise ConfigurationError('plugins', f'Reflex {installed} is too old', "pip install 'nicegui-stash[reflex]'")
        if not self._settings.secrets:
            raise ConfigurationError(
                'secrets',
                'without a secret, whoever can read the store finds the state of every client',
                "Write StashPlugin(secrets=['…']) with a private random text, or set NICEGUI_STASH_SECRETS",
            )
        app = cast(reflex_private.App, context['app'])
        root = reflex_private.root_of(app)
        if root is None:  # an app without states
            return
        if shared := reflex_private.subclasses_of_shared_state():
            raise ConfigurationError(
                'plugins',
                f'{", ".join(shared)} are rx.SharedState, whose clients are told within one process, under a lock',
                'Keep what is shared in a database, or leave StashPlugin out',
            )
        url = self._url or default_url(Path(DEFAULT_FOLDER).absolute())
        manager = StashStateManager(self._settings, url, self._options, root)
        reflex_private.set_manager(app, manager)
        reflex_private.before_each_answer(app, manager.before_answer)
        reflex_private.at_each_new_token(app, manager.copy)

        @asynccontextmanager
        async def opened_at_the_start() -> AsyncGenerator[None]:
            manager.open()
            yield

        app.register_lifespan_task(opened_at_the_start)


def _require(name: str, given: object, admitted: tuple[object, ...]) -> None:
    if given not in admitted:
        choices = ' or '.join(repr(each) for each in admitted if each is not None)
        raise ConfigurationError(name, f'{given!r} is unknown', f'Use {choices}, or leave it out')
