"""Beside every page: how its class is written, and what the store has of this session, live."""

from __future__ import annotations

import inspect
import json

from nicegui import app, ui

from nicegui_stash import StoreError
from nicegui_stash.identity import object_key
from nicegui_stash.stores import ETag, NotModified

from .environment import SECRET
from .state import stash, store

EVERY = 0.5
"""Seconds between two looks at the store."""
WIDTH = 44
"""Characters of a line of the document."""
NOTHING = 'Nothing is stored for this browser yet.'


def beside(*classes: type) -> None:
    """Show the source of these classes, and the document of this browser session."""
    with ui.expansion('Source and stored state', icon='data_object').classes('beside') as panel:
        with ui.column().classes('panel source').props('role=region aria-label="Source" tabindex=0'):
            for cls in classes:
                ui.markdown(f'```python\n{inspect.getsource(cls)}```')
        with ui.column().classes('panel document').props('role=region aria-label="Stored" tabindex=0'):
            _document(str(app.storage.browser['id']), [cls.__name__ for cls in classes])
    stash.remember(panel)


def _document(session_id: str, first: list[str]) -> None:
    key = object_key(SECRET, session_id)
    seen: ETag | None = None
    with ui.row().classes('items-baseline gap-2'):
        ui.label('In the store').classes('font-semibold')
        size = ui.label().classes('muted')
    shown = ui.label(NOTHING).classes('json').props('data-testid=document')

    async def look() -> None:
        nonlocal seen
        try:
            found = await store.peek(key, unless=seen)
        except StoreError:
            return  # it may answer the next time
        if isinstance(found, NotModified):
            return
        seen = found and found.etag
        shown.text = _pretty(found.body, first) if found else NOTHING
        size.text = f'{len(found.body):,} bytes' if found else ''

    ui.timer(EVERY, look)


def _pretty(body: bytes, first: list[str]) -> str:
    """Return a document to be read, with what these classes have stored before that of the others."""
    document = json.loads(body)
    slices = document.pop('slices', {})
    ordered = {name: slices[name] for name in sorted(slices, key=lambda name: name not in first)}
    return _in_lines({'slices': ordered, **document})


def _in_lines(value: object, indent: str = '') -> str:
    """Return JSON of which each part that fits has one line."""
    text = json.dumps(value, ensure_ascii=False)
    if len(indent + text) <= WIDTH or not value or not isinstance(value, dict | list):
        return text
    deeper = indent + '  '
    if isinstance(value, dict):
        parts = [f'{json.dumps(name, ensure_ascii=False)}: {_in_lines(each, deeper)}' for name, each in value.items()]
    else:
        parts = [_in_lines(each, deeper) for each in value]
    lines = ''.join(f'{deeper}{part},\n' for part in parts).removesuffix(',\n')
    return f'{text[0]}\n{lines}\n{indent}{text[-1]}'
