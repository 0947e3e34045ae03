"""`forward=` of a binding that raises: the value stays on its element, marked like any refused value."""

from __future__ import annotations

import logging
from typing import Any

from ...model.entered import no_value
from .. import nicegui_private
from .stored_property import PAGE_OBJECT, HasFields, StoredProperty

log = logging.getLogger('nicegui_stash')


class Guarded:
    """What a binding makes of an element's value, for a stored field; where it raises, the field keeps its value."""

    def __init__(self, page: object, names: tuple[str, ...], unguarded: nicegui_private.Transform) -> None:
        self.unguarded = unguarded
        self._page = page
        self._names = names

    def __call__(self, value: Any) -> Any:
        try:
            return self.unguarded(value)
        except Exception as error:  # the app's code may raise anything
            name, page_object = self._names[0], self._page_object()
            if page_object is None:
                raise
            stored = vars(type(self._page))[name].stored
            log.warning('forward= of a binding to %s raised %s', stored.codec.name, type(error).__name__)
            page_object.accepting.refuse(name, value, no_value(stored, error))
            return nicegui_private.value_at(self._page, self._names)

    def _page_object(self) -> HasFields | None:
        return vars(self._page).get(PAGE_OBJECT)


def guard(element: Any) -> None:
    """Guard the bindings that lead from an element to stored fields, before the element handles an event."""
    nicegui_private.replace_transforms(element, _guarded)


def _guarded(target: object, names: tuple[str, ...], transform: nicegui_private.Transform) -> nicegui_private.Transform:
    is_stored = isinstance(getattr(type(target), names[0], None), StoredProperty)
    return Guarded(target, names, transform) if is_stored and not isinstance(transform, Guarded) else transform
