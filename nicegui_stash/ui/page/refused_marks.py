"""Marks on elements whose value could not be stored."""

# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from ...errors import ValueNotStorable


class Marks:
    """The elements that show a value which was refused, by field."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._errors: dict[str, ValueNotStorable] = {}
        self._elements: dict[str, list[Any]] = {}
        self._held: set[str] = set()
        self._refusals: Counter[str] = Counter()
        self._watched: set[tuple[int, str]] = set()

    def __bool__(self) -> bool:
        return bool(self._elements)

    def refused(self) -> Iterator[tuple[str, str, ValueNotStorable]]:
        """Iterate over field, label of its element and error, as far as somebody still sees the value."""
        for name, elements in self._elements.items():
            shown = [element for element in elements if not element.is_deleted]
            if shown or name in self._held:
                yield name, str(shown[0].props.get('label') or '') if shown else '', self._errors[name]

    def add(self, name: str, elements: list[Any], error: ValueNotStorable) -> None:
        """Mark elements at the end of this turn of the loop, since the element's own validation still has to run."""
        self._elements[name] = elements
        self._errors[name] = error
        self._refusals[name] += 1
        for element in elements:
            self._watch(element, name)
        asyncio.get_running_loop().call_soon(self._show, name, error.reason)
        self._on_change()

    def hold(self, name: str, elements: list[Any], error: ValueNotStorable) -> bool:
        """Mark elements until a save of the field succeeds, whatever they show meanwhile; return whether that is news.

        Asked again, it marks them again: an element's own validation takes the mark away.
        """
        news = name not in self._held or str(self._errors[name]) != str(error)
        for element in self._elements.get(name, ()):
            if element not in elements and not element.is_deleted:
                _mark(element, None)
        self._held.add(name)
        self._elements[name] = elements
        self._errors[name] = error
        self._show(name, error.reason)
        if news:
            self._on_change()
        return news

    def release(self, name: str) -> None:
        """Take away what is held, now that a save of the field has succeeded."""
        if name in self._held:
            self.remove(name)

    def _watch(self, element: Any, name: str) -> None:
        """Remove the mark also when the element gets back the value that is stored, which no binding would bring."""
        if (element.id, name) in self._watched or not hasattr(element, 'on_value_change'):
            return
        self._watched.add((element.id, name))
        seen = 0

        def value_changed() -> None:
            nonlocal seen
            if seen == self._refusals[name]:
                self.remove(name)
            seen = self._refusals[name]

        element.on_value_change(value_changed)

    def _show(self, name: str, reason: str) -> None:
        for element in self._elements.get(name, ()):
            if not element.is_deleted:
                _mark(element, reason)

    def remove(self, name: str) -> None:
        if name not in self._elements:
            return
        self._held.discard(name)
        for element in self._elements.pop(name):
            if not element.is_deleted:
                _mark(element, None)
        self._on_change()


def _mark(element: Any, reason: str | None) -> None:
    if hasattr(type(element), 'error'):  # what has a validation shows it there
        element.error = reason
    elif reason is not None:
        element.classes('nicegui-stash-refused').props(f'aria-invalid=true title="{reason.replace(chr(34), chr(39))}"')
    else:
        element.classes(remove='nicegui-stash-refused').props(remove='aria-invalid title')
