"""Elements with a value: inputs, tabs, panels, steppers, expansions, splitters, drawers, and what others make."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, cast

import msgspec
from nicegui import ui
from nicegui.element import Element
from nicegui.elements.choice_element import ChoiceElement
from nicegui.elements.drawer import Drawer
from nicegui.elements.mixins.value_element import ValueElement
from nicegui.events import GenericEventArguments

from .. import nicegui_private
from .shape import Unfit

_PARTS: Final = {
    ui.tabs: {'q-tab', 'q-route-tab'},
    ui.tab_panels: {'q-tab-panel'},
    ui.stepper: {'q-step'},
    ui.carousel: {'q-carousel-slide'},
}
"""The tags of the parts among which the value of an element chooses, by their name."""
_WITH_PARTS: Final = tuple(_PARTS)
_NEEDS_ONE: Final = (ui.stepper, ui.carousel)
_PROP: Final = 'model-value'
_SCALARS: Final = frozenset({str, int})
_WITHOUT_NUMBERS: Final = frozenset({str, bool, type(None)})


class ValueShape:
    """The value of a `ValueElement`."""

    is_looked_at = False

    def __init__(self, element: ValueElement[Any]) -> None:
        self.element = element
        self.name = f'{element.tag}.1'
        self.has_parts = isinstance(element, _WITH_PARTS)
        self._is_choice = isinstance(element, ChoiceElement)
        self._previous: Any = None
        self._listener: Callable[[], None] | None = None

    def listen(self, changed: Callable[[], None]) -> None:
        is_automatic = isinstance(self.element, Drawer) and self.element.value is None
        self._listener = _but_first(changed) if is_automatic else changed
        self.element.on_value_change(self._listener)

    def state(self) -> Any:
        return {'value': nicegui_private.event_value(self.element)}

    def show(self, state: Any) -> Any:
        element = self.element
        before = nicegui_private.event_value(element)
        value = self._fitting(state['value']) if state is not None else None
        if value != before or type(value) is not type(before):
            self._previous = before
            nicegui_private.set_quietly(element, value)
            if self._is_choice:
                nicegui_private.keep_typed(element)
            before = nicegui_private.event_value(element)
        return {'value': before}

    def announce(self) -> None:
        nicegui_private.announce_value(self.element, self._previous, but=self._listener)

    def reduced(self, state: Any) -> Any:
        del state

    def _fitting(self, value: Any) -> Any:
        element = self.element
        if self._is_choice:
            return self._choice(cast(ChoiceElement, element), value)
        names = list(self._names()) if self.has_parts else []
        if names and value not in names:
            if value is None and isinstance(element, _NEEDS_ONE):
                return names[0]
            if value is not None:
                raise Unfit
        if type(value) in _WITHOUT_NUMBERS:
            return value
        low, high = element.props.get('min'), element.props.get('max')
        numbers: list[Any] = list(cast(dict[str, Any], value).values()) if isinstance(value, dict) else [value]
        for number in numbers:
            if isinstance(number, (int, float)) and not isinstance(number, bool):
                if isinstance(low, (int, float)) and number < low:
                    raise Unfit
                if isinstance(high, (int, float)) and number > high:
                    raise Unfit
        return value

    def parts(self) -> set[Any]:
        return set(self._names())

    def _names(self) -> Iterator[Any]:
        for cls, tags in _PARTS.items():
            if isinstance(self.element, cls):
                within = self.element.descendants() if cls is ui.tabs else self.element.default_slot.children
                for part in within:
                    if part.tag in tags:
                        yield part.props.get('name')

    def _choice(self, element: ChoiceElement, value: Any) -> Any:
        """Return the options that were chosen: those with the same JSON, as an option may be any object."""
        is_multiple = isinstance(element.value, list) or bool(getattr(element, 'multiple', False))
        if type(value) in _SCALARS and not is_multiple:
            for each in nicegui_private.values_of_options(element):
                if type(each) is type(value) and each == value:
                    return each
        options = {_json(each): each for each in nicegui_private.values_of_options(element)}
        may_type = bool(element.props.get('new-value-mode'))
        if is_multiple:
            chosen = cast(list[Any], value) if isinstance(value, list) else []
            return [
                options.get(_json(each), each) for each in chosen if _json(each) in options or _is_new(each, may_type)
            ]
        if value is None:
            return None
        if _json(value) in options:
            return options[_json(value)]
        if _is_new(value, may_type):
            return value
        raise Unfit


class PropShape:
    """The prop `model-value` of any other element, of Quasar or of the app, which sends `update:model-value`."""

    has_parts = False
    is_looked_at = False

    def __init__(self, element: Element) -> None:
        self.element = element
        self.name = f'{element.tag}.1'

    def parts(self) -> set[Any]:
        return set()

    def listen(self, changed: Callable[[], None]) -> None:
        def receive(event: GenericEventArguments) -> None:
            self.element.props[_PROP] = event.args
            changed()

        self.element.on(f'update:{_PROP}', receive, [None])  # Quasar adds the event of the mouse

    def state(self) -> Any:
        return {'value': self.element.props.get(_PROP)}

    def show(self, state: Any) -> Any:
        self.element.props[_PROP] = None if state is None else state['value']
        return self.state()

    def announce(self) -> None:
        nicegui_private.fire(self.element, 'update:modelValue', self.element.props.get(_PROP))

    def reduced(self, state: Any) -> Any:
        del state


def _but_first(changed: Callable[[], None]) -> Callable[[], None]:
    """Call back but for the first change: the browser says whether it has room for a drawer."""
    is_first = True

    def value_changed() -> None:
        nonlocal is_first
        if is_first:
            is_first = False
        else:
            changed()

    return value_changed


def sends_values(element: Element) -> bool:
    """Whether an element that is no `ValueElement` has, or sends, a value all the same."""
    return _PROP in element.props or nicegui_private.has_listener(element, 'update:modelValue')


def _is_new(value: Any, may_type: bool) -> bool:  # noqa: FBT001 a predicate of two
    return may_type and isinstance(value, str)


def _json(value: Any) -> bytes:
    try:
        return msgspec.json.encode(value, order='deterministic')
    except (TypeError, ValueError):
        return repr(value).encode()
