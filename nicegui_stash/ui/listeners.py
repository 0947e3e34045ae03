"""Who wants to know when a field changes, and who did it."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import iscoroutine
from typing import Any, Literal

from nicegui import app, background_tasks

Cause = Literal['local', 'remote', 'recovered', 'reset']


@dataclass(frozen=True, slots=True)
class Change:
    """What an `on_change` handler is told: which field, and who did it: this page, another, a recovery or a reset."""

    field: str
    cause: Cause


Handler = Callable[[Change], Any]


class Listeners:
    """The `on_change` handlers of one page."""

    def __init__(self) -> None:
        self._handlers: dict[str, list[Handler]] = {}

    def __bool__(self) -> bool:
        return bool(self._handlers)

    def add(self, field: str, handler: Handler) -> None:
        self._handlers.setdefault(field, []).append(handler)

    def tell(self, field: str, cause: Cause) -> None:
        """Call the handlers of a field; their exceptions go to NiceGUI's handlers, not to the change."""
        for handler in self._handlers.get(field, ()):
            try:
                result = handler(Change(field, cause))
                if iscoroutine(result):  # not what NiceGUI returns to be awaited or not, as `refresh` does
                    background_tasks.create(result, name=f'on_change {field}')
            except Exception as error:  # noqa: BLE001 the handler is the app's code and may raise anything
                app.handle_exception(error)
