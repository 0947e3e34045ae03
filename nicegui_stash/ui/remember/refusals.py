"""Why an element is not remembered, in words for the developer."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

from typing import Final

from nicegui.element import Element
from nicegui.elements.mixins.value_element import ValueElement

from .. import nicegui_private
from ..page.choices import is_stored
from ..page.secret import is_secret

_VALUE: Final = ('value',)


def is_refused(element: Element) -> bool:
    """Whether nothing of an element may be remembered, though it has a state."""
    # each element of a page is asked twice before the first HTML: most are asked no further
    props = element.props
    return ((id(element), _VALUE) in nicegui_private.bindings and is_bound(element)) or (
        ('type' in props or 'autocomplete' in props) and is_secret(element)
    )


def is_bound(element: Element) -> bool:
    """Whether the value of an element goes to a stored field, which wins."""
    leads = nicegui_private.bindings.get((id(element), _VALUE))
    return leads is not None and any(is_stored(target, names) for _, target, names, _ in leads)


def refusal(element: Element, path: str, *, has_state: bool) -> str | None:
    """Return what to say of an element that is not remembered, on the page of this path."""
    if not has_state:
        return _stateless(element, path)
    if is_secret(element):
        return f'{_described(element)} on {path} is for a secret, which is never stored'
    if is_bound(element):
        return (
            f'{_described(element)} on {path} is bound to a stored field, which comes back already; '
            'leave stash.remember() out'
        )
    return None


def _stateless(element: Element, path: str) -> str:
    what = f'{_described(element)} on {path} has nothing that a person sets, so stash.remember() keeps nothing of it'
    if not isinstance(element, ValueElement) and list(element.descendants()):
        return f'{what}; to remember what is in it, write with stash.remembering(): around it'
    return f'{what}; declare what it shows: text: str = stored(…) in a page class, and bind it'


def _described(element: Element) -> str:
    text = str(element.props.get('label') or getattr(element, 'text', None) or '')
    return f'ui.{type(element).__name__.lower()}' + (f'({text[:40]!r})' if text else '')
