"""Marks on elements with a refused value."""

# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import RowGone, ValueNotStorable, ValueTooLarge
from .. import nicegui_private
from .status import RefusedValue
from .texts import TEXTS, refusal

log = logging.getLogger('nicegui_stash')

Part = tuple[str, int, tuple[str, ...]]
"""An entry in a field's value: the field, the id of the dict, and the key, or nested names."""


@dataclass(slots=True)
class _Refused:
    """An entry whose element shows another value: what the entry has, and the links by which NiceGUI polls it."""

    owner: object
    links: nicegui_private.Links
    value: object = None
    is_known: bool = False

    def look(self, names: tuple[str, ...]) -> None:
        self.value, self.is_known = nicegui_private.value_at(self.owner, names), True


class Marks:
    """The elements that show a refused value, by field, or by part of a field."""

    def __init__(self, on_change: Callable[[], None], texts: Callable[[], Mapping[str, str]] = lambda: TEXTS) -> None:
        """`texts` returns the texts of the page's language."""
        self._on_change = on_change
        self._texts = texts
        self._errors: dict[str | Part, ValueNotStorable] = {}
        self._elements: dict[str | Part, list[Any]] = {}
        self._parts: dict[Part, _Refused] = {}
        self._held: set[str] = set()
        self._unsent: Sequence[tuple[str, Any]] = ()
        self._refusals: Counter[str | Part] = Counter()
        self._watched: set[tuple[int, str | Part]] = set()

    def __bool__(self) -> bool:
        return bool(self._elements)

    def refused(self) -> Iterator[RefusedValue]:
        """Iterate over the refused values that are still visible."""
        for name, elements in self._elements.items():
            shown = [element for element in elements if not element.is_deleted]
            if shown or name in self._held:
                yield _refused_value(name if isinstance(name, str) else name[0], shown, self._errors[name])
        for name, element in self._unsent:
            if not element.is_deleted:
                yield _refused_value(name, [element], ValueTooLarge(name, '$', 'it is too large to be sent'))

    def hold_unsent(self, unsent: Sequence[tuple[str, Any]]) -> None:
        """Count as refused what these elements show in the browser, which marks them: the server knows other values."""
        if unsent != self._unsent:
            self._unsent = unsent
            self._on_change()

    def show_again(self) -> None:
        """Mark all elements again, after the texts have changed."""
        for name, error in self._errors.items():
            self._show(name, error)

    def elements(self) -> Iterator[Any]:
        """Iterate over the elements that show a refused value."""
        for elements in self._elements.values():
            yield from (element for element in elements if not element.is_deleted)

    def says(self, name: str | Part, error: ValueNotStorable) -> bool:
        """Whether an element is marked with this error already."""
        return name in self._elements and str(self._errors[name]) == str(error)

    def add(self, name: str | Part, elements: list[Any], error: ValueNotStorable) -> None:
        """Mark elements at the end of this turn of the loop, after the elements' own validation has run."""
        self._elements[name] = elements
        self._errors[name] = error
        self._refusals[name] += 1
        for element in elements:
            self._watch(element, name)
        asyncio.get_running_loop().call_soon(self._show, name, error)
        self._on_change()

    def add_part(
        self, field: str, place: tuple[object, tuple[str, ...]], element: Any, error: ValueNotStorable
    ) -> None:
        """Mark an element that is bound to an entry. It keeps what it shows, which NiceGUI would poll away."""
        owner, names = place
        part = (field, id(owner), names)
        links = nicegui_private.stop_polling(owner, names)
        if part in self._parts:
            links = [*self._parts[part].links, *links]
        self._parts[part] = _Refused(owner, links)
        asyncio.get_running_loop().call_soon(self._parts[part].look, names)  # when the change is undone
        others = [each for each in self._elements.get(part, ()) if each is not element]
        self.add(part, [*others, element], error)

    def settle(self, field: str, is_held: Callable[[object], bool]) -> None:
        """Remove the marks on entries that have another value by now, and on rows that were gone and are back."""
        for part, refused in list(self._parts.items()):
            if isinstance(self._errors[part], RowGone):
                is_over = is_held(refused.owner)
            elif part[0] == field and refused.is_known:
                is_over = nicegui_private.value_at(refused.owner, part[2]) != refused.value
            else:
                is_over = False
            if is_over:
                self.remove(part)

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
        self._show(name, error)
        if news:
            self._on_change()
        return news

    def release(self, name: str) -> None:
        """Remove held marks: the field is saved."""
        if name in self._held:
            self.remove(name)

    def _watch(self, element: Any, name: str | Part) -> None:
        """Remove the mark also when the element returns to the stored value: a binding would not notice that."""
        if (element.id, name) in self._watched:
            return
        self._watched.add((element.id, name))
        seen = 0

        def value_changed() -> None:
            nonlocal seen
            if name in self._elements and isinstance(error := self._errors[name], RowGone):
                log.warning('a value inside a list or dict was not stored: %s', error.without_value)
                self.add(name, self._elements[name], error)
            elif seen == self._refusals[name]:
                self.remove(name)
            seen = self._refusals[name]

        nicegui_private.on_entered(element, value_changed)

    def _show(self, name: str | Part, error: ValueNotStorable) -> None:
        for element in self._elements.get(name, ()):
            if not element.is_deleted:
                is_choice = nicegui_private.is_choice(element)
                _mark(element, refusal(error, self._texts(), is_choice=is_choice))

    def remove(self, name: str | Part) -> None:
        if name not in self._elements:
            return
        if isinstance(name, str):
            self._held.discard(name)
        elif (refused := self._parts.pop(name, None)) is not None:
            nicegui_private.poll_again(refused.links)
        for element in self._elements.pop(name):
            if not element.is_deleted:
                _mark(element, None)
        self._on_change()


def _refused_value(field: str, shown: Sequence[Any], error: ValueNotStorable) -> RefusedValue:
    label = str(shown[0].props.get('label') or '') if shown else ''
    return RefusedValue(field, label, error, bool(shown) and nicegui_private.is_choice(shown[0]))


def _mark(element: Any, text: str | None) -> None:
    if hasattr(type(element), 'error'):  # an element with validation shows it there
        element.error = text
    elif element.tag == 'q-input':  # of a date or time: Quasar shows an error there all the same
        element.props.set_optional('error', None if text is None else True)
        element.props.set_optional('error-message', text)
    elif text is not None:
        element.classes('nicegui-stash-refused').props(f'aria-invalid=true title="{text.replace(chr(34), chr(39))}"')
    else:
        element.classes(remove='nicegui-stash-refused').props(remove='aria-invalid title')
