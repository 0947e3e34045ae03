"""The remembered elements of one page, by the names under which their states are stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from nicegui import Client
from nicegui.element import Element

from ...errors import StashError
from ...model.document import SliceId
from ...model.scopes import Scope
from .. import nicegui_private
from .naming import found_name, given_name, page_path, slice_of
from .remembered import Remembered
from .shape import Shape


@dataclass(slots=True)
class _Names:
    """The names that are given on one page, or on one view of it."""

    slice_id: SliceId
    taken: dict[str, Remembered] = field(default_factory=dict[str, Remembered])
    next: dict[str, int] = field(default_factory=dict[str, int])
    """By what elements have in common: how many of them have a name."""

    def is_taken(self, name: str) -> bool:
        held = self.taken.get(name)
        return held is not None and not held.is_gone

    def free(self, base: str) -> str:
        """Return a name with the position of an element among its like: of those that are gone the place is free."""
        number = self.next.get(base, 0)
        if not number and base not in self.taken:
            self.next[base] = 1
            return base
        if number and not self.is_taken(base):
            number = 0
        while self.is_taken(name := f'{base} #{number + 1}' if number else base):
            number += 1
        self.next[base] = number + 1
        return name


class Roll:
    """The remembered elements of one page. The name of one that is gone is free for another."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._by_element: dict[int, Remembered] = {}
        self._names: dict[SliceId, _Names] = {}
        self._around: dict[int, _Names] = {}  # by the element around it

    def __iter__(self) -> Iterator[Remembered]:
        """Iterate over the elements that are still on the page; some may join or leave meanwhile."""
        found = [each for names in self._names.values() for each in names.taken.values()]
        return (each for each in found if not each.is_gone)

    def __contains__(self, remembered: Remembered) -> bool:
        names = self._names.get(remembered.slice_id)
        return names is not None and remembered.name in names.taken

    def has(self, element: Element) -> bool:
        """Whether an element was added, also if it was dropped since."""
        return element.id in self._by_element

    def add(self, shape: Shape, key: str | int | None, scope: Scope) -> Remembered:
        """Name an element. Raises `StashError` for a key that another one has."""
        element: Element = shape.element
        names = self._names_around(element)
        name = names.free(found_name(element)) if key is None else given_name(key)
        if key is not None and names.is_taken(name):
            path = page_path(self._client)
            raise StashError(f'key={key!r} is used twice on {path}; give each remembered element its own key=')
        remembered = Remembered(shape, names.slice_id, name, scope, shape.state())
        self._by_element[element.id] = names.taken[name] = remembered
        return remembered

    def drop(self, remembered: Remembered) -> None:
        """Remember an element no longer."""
        if (names := self._names.get(remembered.slice_id)) is not None:
            names.taken.pop(remembered.name, None)

    def forget_gone(self) -> bool:
        """Drop what is known of elements that are on the page no more; return whether there are some."""
        if sum(len(names.taken) for names in self._names.values()) == len(self._by_element):
            return False
        elements = self._client.elements
        self._by_element = {id_: each for id_, each in self._by_element.items() if id_ in elements}
        self._around = {id_: found for id_, found in self._around.items() if id_ in elements}
        return True

    def _names_around(self, element: Element) -> _Names:
        slot = element.parent_slot
        around = None if slot is None else slot.parent
        if around is not None and (found := self._around.get(around.id)) is not None:
            return found
        slice_id = slice_of(element)
        found = self._names.get(slice_id) or self._names.setdefault(slice_id, _Names(slice_id))
        if around is not None and not nicegui_private.shows_views(around):
            self._around[around.id] = found
        return found
