"""The frame of every page: the look from the settings, the links to the other pages, and the bar."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Protocol

from nicegui import ui

from nicegui_stash import Change

from .bar import bar
from .beside import beside
from .state import Settings, stash

PLACES = {
    'Home': ('/', 'home'),
    'Counter': ('/counter', 'exposure_plus_1'),
    'Form': ('/form', 'edit_note'),
    'Wizard': ('/wizard', 'local_pizza'),
    'Board': ('/board', 'view_kanban'),
    'Notebook': ('/notebook', 'menu_book'),
    'Job': ('/job', 'hourglass_top'),
    'Settings': ('/settings', 'tune'),
}
ELSEWHERE = {'Together': ('/together/garden', 'groups')}
"""What is only on the home page: the head has no room for it."""
MARK = Path(__file__).with_name('mark.svg').read_text()
"""An acorn: what is stashed."""
LOOK = ('theme', 'accent', 'density')
DARK = {'auto': None, 'light': False, 'dark': True}

ui.add_css(Path(__file__).with_name('look.css'), shared=True)
ui.button.default_props('unelevated no-caps')
ui.toggle.default_props('unelevated no-caps')
for field in (ui.input, ui.number, ui.select, ui.textarea, ui.date_input, ui.time_input):
    field.default_props('outlined')
    field.default_classes('w-full')


class HasSettings(Protocol):
    settings: Settings


class Page:
    """The base of every page of this demo: the settings, and a look that follows them."""

    settings: Settings = stash.use(Settings)

    def prepare(self) -> None:
        """Put the look into the first HTML: this runs within the request, even if the page is built later."""
        put_look(self.settings)


def put_look(settings: Settings) -> None:
    ui.add_head_html(f'<script>{_look(settings)}</script>')


@contextmanager
def frame(page: HasSettings, title: str, lead: str = '', *, fields: object = None) -> Iterator[None]:
    """Build the frame of a page; the `with` block builds its content.

    The bar shows the state of the page's own fields, or of those of `fields`.
    """
    _follow(page.settings)
    ui.page_title('nicegui_stash' if title == 'Home' else f'{title} · nicegui_stash')
    with ui.header().classes('head'), ui.row().classes('head-row'):
        with ui.link(target='/').classes('brand'):
            ui.html(MARK, sanitize=False).classes('flex').props('aria-hidden=true')
            ui.label('nicegui_stash')
        _links(title)
        path = PLACES[title][0] if title in PLACES else '/'
        with ui.link(target=f'/two?page={path}').classes('twice').props('aria-label="Two tabs"'):
            ui.icon('vertical_split').classes('text-xl')
            ui.tooltip('Two tabs of this page in one window').classes('hint')
        with ui.link(target='/settings').classes('greeting').props('aria-label=Settings'):
            name = ui.label().classes('truncate max-sm:hidden').props('data-testid=name')
            name.bind_text_from(page.settings, 'name', lambda name: name or 'Add your name')
            ui.label().classes('avatar').bind_text_from(page.settings, 'name', lambda name: name[:1].upper() or '?')
        _menu(title)
    with ui.element().classes('content wide' if title == 'Home' else 'content'):
        with ui.element().classes('shown').props('data-testid=shown'):
            if lead:
                with ui.column().classes('gap-1'):
                    ui.label(title).classes('title').props('role=heading aria-level=1')
                    ui.label(lead).classes('muted max-w-2xl')
            yield
        if title in PLACES:
            beside(*dict.fromkeys([type(fields or page), type(page)]))
    bar(fields or page)


def _links(here: str) -> None:
    with ui.row().classes('ways max-lg:hidden').props('role=navigation'):
        for name, (path, _) in PLACES.items():
            ui.link(name, path).classes('here' if name == here else '')


def _menu(here: str) -> None:
    with ui.button(icon='menu', color=None).classes('lg:hidden').props('flat round aria-label=Menu'), ui.menu():
        for name, (path, icon) in PLACES.items():
            item = ui.menu_item(on_click=partial(ui.navigate.to, path)).classes('items-center gap-3')
            with item.props(f':active={json.dumps(name == here)}'):
                ui.icon(icon).classes('text-xl')
                ui.label(name)


def _look(settings: Settings) -> str:
    """Return the JavaScript that sets the attributes on which `look.css` depends."""
    chosen = {name: getattr(settings, name) for name in LOOK}
    return f'Object.assign(document.documentElement.dataset, {json.dumps(chosen)})'


def _follow(settings: Settings) -> None:
    """Change the look whenever the settings change, in any tab."""

    def follow(_: Change) -> None:
        ui.run_javascript(_look(settings))

    ui.dark_mode().bind_value_from(settings, 'theme', DARK.get)
    for name in LOOK:
        stash.on_change(settings, name, follow)
