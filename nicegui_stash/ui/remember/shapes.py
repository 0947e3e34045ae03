"""Which elements can be remembered, and how."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

from typing import Any, Final, cast

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
    found: object = element
    if isinstance(found, ui.table):
        return TableShape(found)
    if isinstance(found, ui.tree):
        return TreeShape(found)
    if isinstance(found, ui.aggrid):
        return GridShape(found)
    if isinstance(found, ui.scroll_area):
        return ScrollShape(found)
    if isinstance(found, ValueElement):
        return None if isinstance(found, _SHOWS_ONLY) else ValueShape(cast(ValueElement[Any], found))
    return PropShape(element) if sends_values(element) else None


def is_if_asked(element: Element) -> bool:
    """Whether an element is remembered only if the app names it."""
    return isinstance(element, _IF_ASKED) or element.tag == 'q-popup-proxy'  # a class that older versions lack


def is_secret(element: Element) -> bool:
    """Whether what a person enters must not be stored: a password, or what the browser fills in as secret."""
    props = element.props
    if props.get('type') == 'password':
        return True
    completes = props.get('autocomplete')
    return completes is not None and ('password' in str(completes) or 'one-time-code' in str(completes))
