"""The home page: what to try."""

from __future__ import annotations

from nicegui import ui

from .frame import ELSEWHERE, PLACES, Page, frame
from .state import stash

TO_TRY = {
    'Counter': 'The same counter twice: one is stored, the other is an ordinary attribute.',
    'Form': 'A long draft that belongs to this visit, and your bookings, which stay.',
    'Wizard': 'Steps and choices that belong to this tab.',
    'Board': 'Lists within lists, changed in place, in all your tabs at once, and a filter in the address.',
    'Together': 'A board that everybody shares who opens its address.',
    'Notebook': 'A private note that your own browser keeps, encrypted; the server does not store it.',
    'Job': 'Work that goes on while its page is away.',
    'Settings': 'One name and one look, shared by every page.',
}
EXAMPLE = """
@stash.page('/')
class Counter:
    count: int = stored(0)
    note: str = stored('', scope='reconnect')

    def build(self) -> None:
        ui.label().bind_text_from(self, 'count')
        ui.button('+1', on_click=self.increment)
        ui.textarea('Note').bind_value(self, 'note')

    def increment(self) -> None:
        self.count += 1
"""


@stash.page('/')
class Home(Page):
    def build(self) -> None:
        with frame(self, 'Home', fields=self.settings):
            with ui.element('section').classes('hero'):
                with ui.column().classes('gap-5'):
                    ui.label('Pages that survive.').classes('display').props('role=heading aria-level=1')
                    ui.markdown(
                        'Open a page below and change something. '
                        'Then press **Redeploy** or **Drop my connection** in the bar at the bottom. '
                        'Your page comes back by itself, with everything you had typed.'
                    ).classes('lead')
                    with ui.row().classes('gap-3'):
                        ui.button('Start with the counter', on_click=lambda: ui.navigate.to('/counter'))
                        ui.button('See both ways back', on_click=lambda: ui.navigate.to('/ways')).props('flat')
                ui.code(EXAMPLE).classes('code max-sm:hidden')
            with ui.element('section').classes('tiles'):
                for name, text in TO_TRY.items():
                    path, icon = (PLACES | ELSEWHERE)[name]
                    with ui.link(target=path).classes('panel tile'):
                        ui.icon(icon)
                        with ui.column().classes('gap-1'):
                            ui.label(name).classes('text-lg font-semibold')
                            ui.label(text).classes('muted')
