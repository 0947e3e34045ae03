"""Two tabs in one window: the library treats each frame as a tab, with its own drafts and its own order."""

from __future__ import annotations

from html import escape
from pathlib import Path
from string import Template

from fastapi import Response
from fastapi.responses import HTMLResponse
from nicegui import app

from .frame import MARK, PLACES

HTML = Template(Path(__file__).with_name('two.html').read_text(encoding='utf-8'))


@app.get('/two')
async def two(page: str = '/counter') -> Response:
    """Show a page of the demo twice. It is plain HTML, so that no outage reloads it and its frames."""
    paths = {path: name for name, (path, _) in PLACES.items()}
    path = page if page in paths else '/counter'
    links = ''.join(
        f'<a href="/two?page={other}"{" aria-current=page" if other == path else ""}>{escape(name)}</a>'
        for other, name in paths.items()
    )
    return HTMLResponse(HTML.substitute(mark=MARK, links=links, path=path, name=escape(paths[path])))
