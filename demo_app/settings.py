"""The settings: one state class, used by every page, live in every tab."""

from __future__ import annotations

from nicegui import ui

from .frame import Page, frame
from .state import Accent, stash

ACCENTS: tuple[Accent, ...] = ('pine', 'ocean', 'plum', 'clay', 'slate')
THEMES = {'auto': 'System', 'light': 'Light', 'dark': 'Dark'}
LEAD = 'Open a second tab beside this one: it follows at once, whichever page it shows.'
DENSITIES = {'airy': 'Airy', 'compact': 'Compact'}


@stash.page('/settings')
class SettingsPage(Page):
    def build(self) -> None:
        with frame(self, 'Settings', LEAD, fields=self.settings), ui.element('section').classes('two-thirds'):
            with ui.column().classes('panel'):
                ui.input('Name').bind_value(self.settings, 'name').props('maxlength=40')
                ui.label('Accent colour').classes('muted')
                with ui.row().classes('gap-3'):
                    for accent in ACCENTS:
                        self._swatch(accent)
                ui.label('Light or dark').classes('muted')
                ui.toggle(THEMES).bind_value(self.settings, 'theme')
                ui.label('Density').classes('muted')
                ui.toggle(DENSITIES).bind_value(self.settings, 'density')
            with ui.column().classes('panel'):
                greeting = ui.label().classes('text-xl font-semibold')
                greeting.bind_text_from(self.settings, 'name', lambda name: f'Hello, {name or "whoever you are"}!')
                ui.label('These settings are stored once for this browser, not once per page.').classes('muted')
                ui.button('Back to the defaults', on_click=self.reset)

    def _swatch(self, accent: Accent) -> None:
        def choose() -> None:
            self.settings.accent = accent

        ui.button(color=None, on_click=choose).classes(f'swatch {accent}').props(f'round aria-label={accent}')

    def reset(self) -> None:
        stash.reset(self.settings)
