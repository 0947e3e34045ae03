"""A notebook that the visitor's own browser keeps: the note encrypted, the mood signed, nothing on the server."""

from __future__ import annotations

import asyncio

from nicegui import ui

from nicegui_stash import stored

from .frame import Page, frame
from .state import stash

LEAD = (
    'Your own browser keeps this page, and the server does not store it. '
    'Redeploy, open a second tab, or tamper with the note.'
)
MOODS = {'calm': 'Calm', 'busy': 'Busy', 'merry': 'Merry'}

# the browser's items for this page, by field, as its developer tools show them
LOOK = """Object.fromEntries(Object.entries(localStorage)
    .filter(([key]) => key.startsWith('nicegui_stash::Notebook:'))
    .map(([key, token]) => [key.split(':').at(-1), token]))"""
TAMPER = """for (const [key, token] of Object.entries(localStorage))
    if (key.startsWith('nicegui_stash::Notebook:') && key.endsWith(':words'))
        localStorage.setItem(key, token.slice(0, -9) + (token.at(-9) === 'x' ? 'y' : 'x') + token.slice(-8));
location.reload()"""


@stash.page('/notebook')
class Notebook(Page):
    words: str = stored('', scope='browser', encrypted=True)
    mood: str = stored('calm', scope='browser')

    def build(self) -> None:
        with frame(self, 'Notebook', LEAD), ui.element('section').classes('two-thirds'):
            with ui.column().classes('panel'):
                ui.textarea('Private note').bind_value(self, 'words').props('autogrow')
                ui.label('Mood').classes('muted')
                ui.toggle(MOODS).bind_value(self, 'mood')
                for problem in stash.recovery(self).problems:
                    ui.label(f'{problem.field}: {problem.why}.').classes('text-negative').props('data-testid=problem')
            with ui.column().classes('panel'):
                ui.label('In your browser').classes('font-semibold')
                self.kept = ui.label().classes('snippet whitespace-pre-line break-all').props('data-testid=kept')
                with ui.row().classes('gap-2'):
                    ui.button('Clear', on_click=stash.clear_browser)
                    ui.button('Tamper', on_click=lambda: ui.run_javascript(TAMPER)).props('flat')
        for field in ('words', 'mood'):
            stash.on_change(self, field, self.look)
        ui.timer(0, self.look, once=True)  # once the page is connected

    async def look(self) -> None:
        """Show the browser's items, after the change has reached it."""
        await asyncio.sleep(0.1)
        try:
            kept: dict[str, str] | None = await ui.run_javascript(LOOK)
        except TimeoutError:
            return  # the page went away meanwhile
        lines = [f'{name}: {token[:48]}…' for name, token in sorted((kept or {}).items())]
        self.kept.text = '\n\n'.join(lines) or 'nothing'
