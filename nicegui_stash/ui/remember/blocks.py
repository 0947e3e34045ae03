"""Which elements `remembering` takes: those that a block makes, and what is made inside these later."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from nicegui import Client
from nicegui.element import Element

from ...model.scopes import Scope
from .. import nicegui_private


class Blocks:
    """The elements of all blocks of one page, with their scopes."""

    def __init__(self, client: Client, on_new_elements: Callable[[], None]) -> None:
        """`on_new_elements` is called when an element was made after the first block: `new` finds it later."""
        self._client = client
        self._on_new_elements = on_new_elements
        self._within: dict[int, Scope] = {}  # by element: what is made in it belongs to the block
        self._seen: int | None = None

    def end(self) -> int:
        """Return the id that the next element gets."""
        return nicegui_private.element_count(self._client)

    def add(self, first: int, scope: Scope) -> Iterator[tuple[Element, Scope]]:
        """Find the elements from id `first` on, which a block has made, and before them what `new` would find."""
        end = self.end()
        if self._seen is None:
            nicegui_private.on_new_elements(self._client, self._on_new_elements)
        else:
            yield from self._found(self._seen, first, None)
        self._seen = end
        yield from self._found(first, end, scope)

    def new(self) -> Iterator[tuple[Element, Scope]]:
        """Find elements that were made inside those of the blocks since."""
        if self._seen is not None and self._seen < (end := self.end()):
            first, self._seen = self._seen, end
            yield from self._found(first, end, None)

    def _found(self, first: int, end: int, scope: Scope | None) -> Iterator[tuple[Element, Scope]]:
        elements, within = self._client.elements, self._within
        for id_ in range(first, end):
            element = elements.get(id_)
            if element is None or id_ in within:
                continue
            found = scope
            if found is None:
                slot = element.parent_slot
                found = within.get(slot.parent.id) if slot is not None else None
            if found is not None:
                within[id_] = found
                yield element, found

    def forget_gone(self) -> None:
        """Drop the elements that are on the page no more."""
        elements = self._client.elements
        self._within = {id_: scope for id_, scope in self._within.items() if id_ in elements}
