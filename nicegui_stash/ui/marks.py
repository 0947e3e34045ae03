"""Marks on elements whose value could not be stored."""

# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
from typing import Any


class Marks:
    """The elements that show a value which was refused, by field."""

    def __init__(self) -> None:
        self._elements: dict[str, list[Any]] = {}

    def __bool__(self) -> bool:
        return bool(self._elements)

    def add(self, name: str, elements: list[Any], reason: str) -> None:
        """Mark elements at the end of this turn of the loop, since the element's own validation still has to run."""
        self._elements[name] = elements
        asyncio.get_running_loop().call_soon(self._show, name, reason)

    def _show(self, name: str, reason: str) -> None:
        for element in self._elements.get(name, ()):
            if not element.is_deleted:
                _mark(element, reason)

    def remove(self, name: str) -> None:
        for element in self._elements.pop(name, ()):
            if not element.is_deleted:
                _mark(element, None)


def _mark(element: Any, reason: str | None) -> None:
    if hasattr(type(element), 'error'):  # what has a validation shows it there
        element.error = reason
    elif reason is not None:
        element.classes('nicegui-stash-refused').props(f'aria-invalid=true title="{reason.replace(chr(34), chr(39))}"')
    else:
        element.classes(remove='nicegui-stash-refused').props(remove='aria-invalid title')
