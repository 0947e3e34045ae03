"""The remembered elements of one page, by the names under which their states are stored."""

from __future__ import annotations

from collections.abc import Iterator

from nicegui import Client
from nicegui.element import Element

from ...errors import StashError
from ...model.document import SliceId
from ...model.scopes import Scope
from .. import nicegui_private
from .naming import found_name, given_name, page_path, slice_of
from .remembered import Remembered
from .shape import Shape


class Roll:
    """The remembered elements of one page. The name of one that is gone is free for another."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._by_element: dict[int, Remembered] = {}
        self._by_name: dict[tuple[SliceId, str], Remembered] = {}
        self._next: dict[tuple[SliceId, str], int] = {}
        self._slices: dict[int, SliceId] = {}  # by the element around it

    def __iter__(self) -> Iterator[Remembered]:
        """Iterate over the elements that are still on the page; some may join or leave meanwhile."""
        return (each for each in list(self._by_name.values()) if not each.is_gone)

    def __contains__(self, remembered: Remembered) -> bool:
        return (remembered.slice_id, remembered.name) in self._by_name

    def has(self, element: Element) -> bool:
        """Whether an element was added, also if it was dropped since."""
        return element.id in self._by_element

    def add(self, shape: Shape, key: str | int | None, scope: Scope) -> Remembered:
        """Name an element. Raises `StashError` for a key that another one has."""
        element: Element = shape.element
        slice_id = self._slice_of(element)
        name = self._free_name(slice_id, found_name(element)) if key is None else given_name(key)
        if key is not None and self._is_taken(slice_id, name):
            path = page_path(self._client)
            raise StashError(f'key={key!r} is used twice on {path}; give each remembered element its own key=')
        remembered = Remembered(shape, slice_id, name, scope, shape.state())
        self._by_element[element.id] = self._by_name[slice_id, name] = remembered
        return remembered

    def drop(self, remembered: Remembered) -> None:
        """Remember an element no longer."""
        self._by_name.pop((remembered.slice_id, remembered.name), None)

    def forget_gone(self) -> bool:
        """Drop what is known of elements that are on the page no more; return whether there are some."""
        if len(self._by_name) == len(self._by_element):
            return False
        elements = self._client.elements
        self._by_element = {id_: each for id_, each in self._by_element.items() if id_ in elements}
        self._slices = {id_: found for id_, found in self._slices.items() if id_ in elements}
        return True

    def _slice_of(self, element: Element) -> SliceId:
        slot = element.parent_slot
        if slot is None or nicegui_private.shows_views(slot.parent):
            return slice_of(element)
        if (found := self._slices.get(slot.parent.id)) is None:
            found = self._slices[slot.parent.id] = slice_of(element)
        return found

    def _is_taken(self, slice_id: SliceId, name: str) -> bool:
        held = self._by_name.get((slice_id, name))
        return held is not None and not held.is_gone

    def _free_name(self, slice_id: SliceId, base: str) -> str:
        """Return a name with the position of an element among its like: of those that are gone the place is free."""
        number = self._next.get((slice_id, base), 0)
        if number and not self._is_taken(slice_id, base):
            number = 0
        while self._is_taken(slice_id, name := f'{base} #{number + 1}' if number else base):
            number += 1
        self._next[slice_id, base] = number + 1
        return name
