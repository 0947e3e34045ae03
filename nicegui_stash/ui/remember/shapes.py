"""Which elements can be remembered, and how."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from nicegui import ui
from nicegui.element import Element
from nicegui.elements.mixins.value_element import ValueElement

from .grid import GridShape
from .scroll import ScrollShape
from .shape import Shape
from .table import TableShape
from .tree import TreeShape
from .values import PropShape, ValueShape, sends_values

_SHOWS_ONLY: Final = (ui.linear_progress, ui.circular_progress, ui.fullscreen)
"""Elements whose value no person sets, or which no page may set by itself."""
_IF_ASKED: Final = (ui.dialog, ui.menu, ui.dropdown_button, ui.fab, ui.chip)
"""Elements that should not be open when a page comes: dialogs and menus. A chip's value says whether it is there."""


def shape_of(element: Element) -> Shape | None:
    """Return what reads and shows the state of an element; `None` if it has none that a person sets."""
    make = _maker(type(element))
    return None if make is None else make(element)


_MAKERS: Final[Mapping[type, Callable[[Any], Shape]]] = {
    ui.table: TableShape,
    ui.tree: TreeShape,
    ui.aggrid: GridShape,
    ui.scroll_area: ScrollShape,
}


@lru_cache(maxsize=256)
def _maker(cls: type) -> Callable[[Any], Shape | None] | None:
    """Return what makes the shape of the elements of a class; `None` if they have none."""
    for kind, make in _MAKERS.items():
        if issubclass(cls, kind):
            return make
    if issubclass(cls, ValueElement):
        return None if issubclass(cls, _SHOWS_ONLY) else ValueShape
    return lambda element: PropShape(element) if sends_values(element) else None


def is_if_asked(element: Element) -> bool:
    """Whether an element is remembered only if the app names it."""
    return _is_if_asked(type(element)) or element.tag == 'q-popup-proxy'  # a class that older versions lack


@lru_cache(maxsize=256)
def _is_if_asked(cls: type) -> bool:
    return issubclass(cls, _IF_ASKED)
