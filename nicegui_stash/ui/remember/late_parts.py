"""Elements that wait for parts which the app adds after the build: tabs, steps, nodes, rows, columns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from nicegui import Client
from nicegui.element import Element

from .. import nicegui_private
from .remembered import Remembered


class LateParts:
    """Those elements of one page of which something is stored that fits none of their parts yet."""

    def __init__(self, client: Client, show_more: Callable[[Remembered], None]) -> None:
        """`show_more` is called, when the app is done for now, if a part has come that something was stored for."""
        self._client = client
        self._show_more = show_more
        self._waiting: dict[int, Remembered] = {}
        self._changed: set[int] = set()
        self._is_watching = False
        self._loop = asyncio.get_running_loop()

    def wait(self, remembered: Remembered) -> None:
        """Wait for the parts of an element, if it has parts. Asking again changes nothing."""
        id_ = remembered.shape.element.id
        if not remembered.shape.has_parts or id_ in self._waiting:
            return
        self._waiting[id_] = remembered
        remembered.has_more_parts()  # than those that it has now, from here on
        if not self._is_watching:
            self._is_watching = True
            nicegui_private.on_updates(self._client, self._notice)

    def _notice(self, element: Element) -> None:
        if not self._waiting:
            return
        for around in (element, *element.ancestors()):  # a tab may be in a row within its tabs
            if around.id in self._waiting:
                if not self._changed:
                    self._loop.call_soon(self._look)
                self._changed.add(around.id)

    def _look(self) -> None:
        changed, self._changed = self._changed, set()
        self.forget_gone()
        for id_ in changed & self._waiting.keys():
            remembered = self._waiting[id_]
            if remembered.has_more_parts():
                self._show_more(remembered)

    def forget_gone(self) -> None:
        """Drop the elements that are on the page no more, and those that wait no more."""
        self._waiting = {id_: each for id_, each in self._waiting.items() if each.waits and not each.is_gone}
