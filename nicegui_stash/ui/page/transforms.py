"""`forward=` of a binding that raises: the value stays on its element, marked like any refused value."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from nicegui.element import Element

from ...model.entered import no_part, no_value
from ...model.observed import ObservedDict
from ...model.places import find_places
from .. import nicegui_private
from .page_object import PageObject

FindPages = Callable[[], Iterable[PageObject]]


class Guarded:
    """What a binding makes of an element's value; where it raises, what is stored keeps its value.

    The binding leads to a field of a page, or to a row, a dict or an object within one.
    """

    def __init__(
        self, owner: object, names: tuple[str, ...], unguarded: nicegui_private.Transform, pages: FindPages
    ) -> None:
        self.unguarded = unguarded
        self._owner = owner
        self._names = names
        self._pages = pages

    def __call__(self, value: Any) -> Any:
        try:
            return self.unguarded(value)
        except Exception as error:  # noqa: BLE001 the app's code may raise anything
            self._refuse(error)
        return nicegui_private.value_at(self._owner, self._names)

    def _refuse(self, error: Exception) -> None:
        """Mark the element. Raises the error again where the binding does not lead to what is stored."""
        if (found := self._field()) is not None:
            page_object, name = found
            is_whole = page_object.page is self._owner and self._names == (name,)
            stored, held = page_object.schema.fields[name], nicegui_private.value_at(self._owner, self._names)
            refused = no_value(stored, error) if is_whole else no_part(stored, error, held)
            page_object.accepting.refuse_at(name, (self._owner, self._names), refused, because=error)
        elif not isinstance(self._owner, ObservedDict):  # the element of a row that is gone is marked already
            raise error

    def _field(self) -> tuple[PageObject, str] | None:
        """Return the field that the binding leads to, or into."""
        for page_object in self._pages():
            if page_object.page is None:
                continue
            if page_object.page is self._owner:
                return (page_object, self._names[0]) if self._names[0] in page_object.schema.fields else None
            for name, stored in page_object.schema.fields.items():
                if find_places(getattr(page_object.page, name), [self._owner], stored.field.row_key):
                    return page_object, name
        return None


def guard(element: Any, pages: FindPages) -> None:
    """Guard the bindings that lead from an element to what is stored, before the element handles an event."""

    def guarded(
        target: object, names: tuple[str, ...], transform: nicegui_private.Transform
    ) -> nicegui_private.Transform:
        is_open = not isinstance(target, Element) and not isinstance(transform, Guarded)
        return Guarded(target, names, transform, pages) if is_open else transform

    nicegui_private.replace_transforms(element, guarded)
