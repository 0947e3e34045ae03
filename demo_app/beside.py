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
NOTHING = 'Nothing is stored for this browser yet.'


def beside(*classes: type) -> None:
    """Show the source of these classes, and the document of this browser session."""
    with ui.expansion('Source and stored state', icon='data_object').classes('beside') as panel:
        with ui.column().classes('panel source').props('role=region aria-label="Source" tabindex=0'):
            for cls in classes:
                ui.markdown(f'```python\n{inspect.getsource(cls)}```')
        with ui.column().classes('panel document').props('role=region aria-label="Stored" tabindex=0'):
            _document(str(app.storage.browser['id']))
    stash.remember(panel)


def _document(session_id: str) -> None:
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
        shown.text = json.dumps(json.loads(found.body), indent=2, ensure_ascii=False) if found else NOTHING
        size.text = f'{len(found.body):,} bytes' if found else ''

    ui.timer(EVERY, look)
