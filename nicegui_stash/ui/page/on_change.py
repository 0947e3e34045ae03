"""The `on_change` handlers of a page, and the change that they receive."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Iterable
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from inspect import Parameter, iscoroutine, signature
from typing import Any, cast

from nicegui import Client, app, background_tasks
from nicegui.element import Element

from .. import nicegui_private
from ..contracts.page_object import Cause
from .on_clear import when_cleared


@dataclass(frozen=True, slots=True)
class Change:
    """What an `on_change` handler gets: the field, and who changed it (this page, another, a recovery, a reset)."""

    field: str
    cause: Cause


Handler = Callable[[Change], Any] | Callable[[], Any]
_Listener = Callable[[Change], Any]
Shows = Callable[[list[Element]], bool]


class Listeners:
    """The `on_change` handlers of one page. They run in the context of its client, whoever made the change."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._handlers: dict[str, list[_Listener]] = {}
        self._shows: Shows | None = None

    def add(self, fields: Iterable[str], handler: Handler, *, others: bool = False) -> None:
        """Call a handler from now on, until the surrounding container is cleared.

        `others`: not after changes of this page.
        """
        containers = nicegui_private.containers_of(handler)
        listener = _listener(handler) if containers is None else partial(self._redraw, handler, containers)
        listener = _of_others(listener) if others else listener
        names = list(dict.fromkeys(fields))
        for name in names:
            self._add(name, listener)

        def remove() -> None:
            for name in names:
                self._handlers[name].remove(listener)

        when_cleared(self._client, remove)

    def _add(self, field: str, listener: _Listener) -> None:
        self._handlers.setdefault(field, []).append(listener)

    def watch(self, field: str, show: Callable[[], bool]) -> None:
        """Call a function after each change of a field, until it returns that it needs no more calls."""

        def listener(_: Change) -> None:
            if not show():
                self._handlers[field].remove(listener)

        self._add(field, listener)

    def refresh(self, fields: Iterable[str], handler: Callable[[], Any]) -> None:
        """Call a handler after others changed any of these fields: once for changes that come together."""
        waiting = False

        def listener(change: Change) -> None:
            nonlocal waiting
            if change.cause != 'local' and not waiting:
                waiting = True
                asyncio.get_running_loop().call_soon(call)

        def call() -> None:
            nonlocal waiting
            waiting = False
            self._call(handler)

        for field in fields:
            self._add(field, listener)

    def _redraw(self, refresh: Any, containers: Callable[[], list[Element]], _: Change) -> Any:
        """Draw again, unless inputs in there are bound to all that changed: a person may be typing into one."""
        return None if self._shows is not None and self._shows(containers()) else refresh()

    def notify(self, field: str, cause: Cause, shows: Shows | None = None) -> None:
        """Call the handlers of a field. Their exceptions go to NiceGUI's exception handlers; the change stands.

        `shows` tells whether elements within all of these containers show the change already.
        """
        for handler in list(self._handlers.get(field, ())):
            self._shows = shows  # again, since a handler may change a field
            self._call(partial(handler, Change(field, cause)))

    def _call(self, handler: Callable[[], Any]) -> None:
        with self._guarded():
            result = handler()
            if iscoroutine(result):  # not NiceGUI's optional awaitables, such as the one of `refresh`
                background_tasks.create(self._finish(result), name='on_change')

    async def _finish(self, work: Awaitable[Any]) -> None:
        with self._guarded():
            await work

    @contextmanager
    def _guarded(self) -> Generator[None]:
        with nullcontext() if self._client.is_deleted else self._client:
            try:
                yield
            except Exception as error:  # noqa: BLE001 the handler is the app's code and may raise anything
                app.handle_exception(error)


def _listener(handler: Handler) -> _Listener:
    """Return a listener that passes the `Change` to a handler only if the handler requires an argument.

    `refresh` of a refreshable takes any arguments, and would pass them to the refreshed function.
    """
    return (
        cast(_Listener, handler)
        if _requires_argument(handler)
        else partial(_call_without, cast(Callable[[], Any], handler))
    )


def _of_others(listener: _Listener) -> _Listener:
    return lambda change: listener(change) if change.cause != 'local' else None


def _call_without(handler: Callable[[], Any], _: Change) -> Any:
    return handler()


def _requires_argument(handler: Handler) -> bool:
    try:
        parameters = signature(handler).parameters.values()
    except (TypeError, ValueError):  # a C function without a signature, such as `list.append` of older Pythons
        return True
    positional = {Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD}
    return any(each.kind in positional and each.default is Parameter.empty for each in parameters)
