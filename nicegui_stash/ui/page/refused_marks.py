"""Marks on elements with a refused value."""

# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from ...errors import ValueNotStorable
from .texts import refusal


class Marks:
    """The elements that show a refused value, by field."""

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
        """Iterate over field, label of its element, and error of each refused value that is still visible."""
        for name, elements in self._elements.items():
            shown = [element for element in elements if not element.is_deleted]
            if shown or name in self._held:
                yield name, str(shown[0].props.get('label') or '') if shown else '', self._errors[name]

    def add(self, name: str, elements: list[Any], error: ValueNotStorable) -> None:
        """Mark elements at the end of this turn of the loop, after the elements' own validation has run."""
        self._elements[name] = elements
        self._errors[name] = error
        self._refusals[name] += 1
        for element in elements:
            self._watch(element, name)
        asyncio.get_running_loop().call_soon(self._show, name, refusal(error))
        self._on_change()

    def hold(self, name: str, elements: list[Any], error: ValueNotStorable) -> bool:
        """Mark elements until the field is saved, whatever they show meanwhile; return whether the error is new.

        Each call marks them again, since an element's own validation removes the mark.
        """
        news = name not in self._held or str(self._errors[name]) != str(error)
        for element in self._elements.get(name, ()):
            if element not in elements and not element.is_deleted:
                _mark(element, None)
        self._held.add(name)
        self._elements[name] = elements
        self._errors[name] = error
        self._show(name, refusal(error))
        if news:
            self._on_change()
        return news

    def release(self, name: str) -> None:
        """Remove held marks: the field is saved."""
        if name in self._held:
            self.remove(name)

    def _watch(self, element: Any, name: str) -> None:
        """Remove the mark also when the element returns to the stored value: a binding would not notice that."""
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

    def _show(self, name: str, text: str) -> None:
        for element in self._elements.get(name, ()):
            if not element.is_deleted:
                _mark(element, text)

    def remove(self, name: str) -> None:
        if name not in self._elements:
            return
        self._held.discard(name)
        for element in self._elements.pop(name):
            if not element.is_deleted:
                _mark(element, None)
        self._on_change()


def _mark(element: Any, text: str | None) -> None:
    if hasattr(type(element), 'error'):  # an element with validation shows it there
        element.error = text
    elif text is not None:
        element.classes('nicegui-stash-refused').props(f'aria-invalid=true title="{text.replace(chr(34), chr(39))}"')
    else:
        element.classes(remove='nicegui-stash-refused').props(remove='aria-invalid title')
