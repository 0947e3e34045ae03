"""A `ui.scroll_area`: how far it is scrolled."""

# pyright: reportUnknownMemberType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
from nicegui import ui
from nicegui.events import GenericEventArguments

_SCROLL: Final = """
(() => {
    const until = Date.now() + 3000;
    let left = false;
    const step = () => {
        const area = getElement(%(id)d);
        if (area?.setScrollPosition) {
            if (!area.stashHeard) {
                area.stashHeard = true;
                for (const type of ['wheel', 'touchstart', 'pointerdown', 'keydown'])
                    area.$el.addEventListener(type, () => left = true, {passive: true});
            }
            if (left) return;
            area.setScrollPosition('vertical', %(top)f, 0);
            area.setScrollPosition('horizontal', %(left)f, 0);
            const now = area.getScrollPosition();
            if (Math.abs(now.top - %(top)f) < 2 && Math.abs(now.left - %(left)f) < 2) return;
        }
        if (Date.now() < until) setTimeout(step, 50);
    };
    step();
})()
"""
"""Scrolls as soon as the content is long enough, unless a person scrolls meanwhile."""


class ScrollState(msgspec.Struct):
    """The position in pixels."""

    top: float
    left: float


class ScrollShape:
    """The position of a scroll area. Browsers keep that of the whole page by themselves."""

    has_parts = False
    is_looked_at = False
    name = 'scroll.1'

    def __init__(self, area: ui.scroll_area) -> None:
        self.element = area
        self._state: ScrollState | None = None
        self._was_scrolled = False

    def parts(self) -> set[Any]:
        return set()

    def listen(self, changed: Callable[[], None]) -> None:
        def receive(event: GenericEventArguments) -> None:
            try:
                told = ScrollState(float(event.args['verticalPosition']), float(event.args['horizontalPosition']))
            except (TypeError, ValueError, KeyError):
                return  # the browser may send anything
            if self._was_scrolled or told.top or told.left:  # each area begins at the top, and says so
                self._was_scrolled = True
                self._state = told
                changed()

        told = ['verticalPosition', 'horizontalPosition']
        self.element.on('scroll', receive, told, throttle=0.2, leading_events=False)

    def state(self) -> Any:
        return None if self._state is None else msgspec.to_builtins(self._state)

    def show(self, state: Any) -> Any:
        self._state = None if state is None else msgspec.convert(state, ScrollState)
        return self.state()

    def announce(self) -> None:
        self._was_scrolled = False
        state = self._state or ScrollState(0, 0)
        script = _SCROLL % {'id': self.element.id, 'top': state.top, 'left': state.left}
        self.element.client.run_javascript(script)

    def reduced(self, state: Any) -> Any:
        del state
