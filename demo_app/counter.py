"""A counter, and beside it the same counter without the stash."""

from __future__ import annotations

from typing import Protocol

from nicegui import ui

from nicegui_stash import stored

from .frame import Page, frame
from .state import stash

LEAD = 'Count both up to the same number, then redeploy or drop your connection.'


class Counted(Protocol):
    count: int


class Plain:
    """The usual state of a page: an object that lives as long as the page."""

    def __init__(self) -> None:
        self.count = 0


@stash.page('/counter')
class Counter(Page):
    count: int = stored(0)

    def build(self) -> None:
        with frame(self, 'Counter', LEAD), ui.element('section').classes('pair'):
            _card('stashed', 'With nicegui_stash', 'count: int = stored(0)', self)
            _card('plain', 'Plain NiceGUI', 'self.count = 0', Plain())


def _card(name: str, title: str, code: str, counter: Counted) -> None:
    def add(step: int) -> None:
        counter.count += step

    with ui.column().classes(f'panel counter {name}'):
        ui.label(title).classes('font-semibold')
        ui.label().classes('number').props(f'data-testid={name}').bind_text_from(counter, 'count')
        with ui.row().classes('gap-3'):
            less = ui.button(icon='remove', color=None, on_click=lambda: add(-1)).classes('quiet')
            less.props(f'round aria-label="{title}: one less"')
            ui.button(icon='add', on_click=lambda: add(1)).props(f'round aria-label="{title}: one more"')
        ui.label(code).classes('snippet')
