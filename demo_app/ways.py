"""The two ways in which a page comes back, side by side: in its document, and by a reload."""

from __future__ import annotations

from pathlib import Path
from string import Template

from fastapi import Response
from fastapi.responses import HTMLResponse
from nicegui import app, ui

from nicegui_stash import stored

from .frame import MARK, Page, frame
from .state import stash

HTML = Template(Path(__file__).with_name('ways.html').read_text(encoding='utf-8'))
PAGES = 40


@app.get('/ways')
async def ways() -> Response:
    """Show the page once for each way. It is plain HTML, so that no outage reloads it."""
    return HTMLResponse(HTML.substitute(mark=MARK))


class Way(Page):
    """A page of which its browser knows more than its server."""

    note: str = stored('', scope='reconnect')

    def build(self) -> None:
        with frame(self, 'Two ways back'), ui.column().classes('panel'):
            ui.input('A field of the draft').bind_value(self, 'note')
            ui.input('Bound to nothing')
            with ui.expansion('More').classes('w-full'):
                ui.label('Open, until the page is loaded again.').classes('muted')
            with ui.element().classes('w-full h-40 overflow-auto').props('data-testid=scrolled tabindex=0'):
                for page in range(1, PAGES + 1):
                    ui.label(f'Page {page} of a long book').classes('muted')


@stash.page('/ways/in-place', rejoin='in_place')
class InPlace(Way):
    """Comes back in its document."""


@stash.page('/ways/reload', rejoin='reload')
class ByReload(Way):
    """Comes back by a reload."""
