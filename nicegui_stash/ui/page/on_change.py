"""Who wants to know when a field changes, and who did it."""

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

from ..contracts.page_object import Cause
from .on_clear import when_cleared


@dataclass(frozen=True, slots=True)
class Change:
    """What an `on_change` handler is told: which field, and who did it: this page, another, a recovery or a reset."""

    field: str
    cause: Cause


Handler = Callable[[Change], Any] | Callable[[], Any]
_Told = Callable[[Change], Any]


class Listeners:
    """The `on_change` handlers of one page. They run in the context of its client, whoever made the change."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._handlers: dict[str, list[_Told]] = {}

    def add(self, field: str, handler: Handler) -> None:
        """Call a handler from now on, as long as the container is shown in which it is given."""
        told = _told(handler)
        self._add(field, told)
        when_cleared(self._client, lambda: self._handlers[field].remove(told))

    def _add(self, field: str, told: _Told) -> None:
        self._handlers.setdefault(field, []).append(told)

    def refresh(self, fields: Iterable[str], handler: Callable[[], Any]) -> None:
        """Call a handler after any of these fields was changed by somebody else, once for all that change together."""
        waiting = False

        def told(change: Change) -> None:
            nonlocal waiting
            if change.cause != 'local' and not waiting:
                waiting = True
                asyncio.get_running_loop().call_soon(call)

        def call() -> None:
            nonlocal waiting
            waiting = False
            self._call(handler)

        for field in fields:
            self._add(field, told)

    def tell(self, field: str, cause: Cause) -> None:
        """Call the handlers of a field; their exceptions go to NiceGUI's handlers, not to the change."""
        for handler in list(self._handlers.get(field, ())):
            self._call(partial(handler, Change(field, cause)))

    def _call(self, handler: Callable[[], Any]) -> None:
        with self._guarded():
            result = handler()
            if iscoroutine(result):  # not what NiceGUI returns to be awaited or not, as `refresh` does
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


def _told(handler: Handler) -> _Told:
    """Return what calls a handler with the `Change` if it requires an argument, and with nothing otherwise.

    `refresh` of a refreshable takes any arguments, and would hand them on to what it refreshes.
    """
    return (
        cast(_Told, handler)
        if _requires_argument(handler)
        else partial(_call_without, cast(Callable[[], Any], handler))
    )


def _call_without(handler: Callable[[], Any], _: Change) -> Any:
    return handler()


def _requires_argument(handler: Handler) -> bool:
    try:
        parameters = signature(handler).parameters.values()
    except (TypeError, ValueError):  # a function of C code that does not say, as `list.append` of older Pythons
        return True
    positional = {Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD}
    return any(each.kind in positional and each.default is Parameter.empty for each in parameters)
