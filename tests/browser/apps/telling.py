"""Pages that say whether what was typed is saved, on a store that a test can put into any trouble."""

from __future__ import annotations

import os

from fastapi import HTTPException
from nicegui import app, ui

import probe
from nicegui_stash import Refused, Stash, Trouble, stored
from nicegui_stash.hosting import opening
from nicegui_stash.stores import FileStore
from nicegui_stash.testing import FaultyStore

store = FaultyStore(FileStore(os.environ['STORE']))
opening.open_store = lambda *_, **__: store
stash = Stash(os.environ['STORE'], max_value_bytes=2000)

FULL = Refused('put', 'key', 'No space left on device')
GERMAN = {'saving': 'Speichert…', 'saved': 'Gespeichert', 'offline': 'Getrennt', 'refused': 'Nicht gespeichert'}


@app.get('/store')
async def calls() -> dict[str, int]:
    """Tell how often each operation was asked of the store."""
    return dict(store.calls)


@app.post('/store/{trouble}')
async def trouble(trouble: str) -> None:
    """Put the store into trouble, or out of all."""
    match trouble:
        case 'slow':
            store.hold('put')
        case 'away':
            store.down = True
        case 'full':
            store.fail_next('put', *[FULL] * 1000)
        case 'well':
            store.down = False
            store._failures.clear()
            store.release()
            stash._app_state.runtime().registry.hurry()
        case _:
            raise HTTPException(404)


class Fields:
    note: str = stored('')
    age: int = stored(18)

    def build(self) -> None:
        self.entries()
        stash.indicator(self).props('data-testid=indicator')
        ui.button('after')

    def entries(self) -> None:
        ui.input('Note').bind_value(self, 'note')
        ui.label().bind_text_from(self, 'note', lambda note: note[:20]).props('data-testid=note')
        ui.number('Your age').bind_value(self, 'age')


@stash.page('/')
class English(Fields):
    pass


@stash.page('/dark', dark=True)
class Dark(Fields):
    pass


@stash.page('/german')
class German(Fields):
    def build(self) -> None:
        self.entries()
        stash.indicator(self, texts=GERMAN, reason=self.why).props('data-testid=indicator')

    def why(self, trouble: Trouble) -> str:
        return f'Das geht nicht: {trouble.field or trouble.kind}'


@stash.view
class First(Fields):
    def build(self) -> None:
        self.entries()


@stash.view
class Second(First):
    pass


@ui.page('/views')
@ui.page('/views/second')
def views() -> None:
    with ui.header():
        ui.link('second', '/views/second')
        stash.indicator().props('data-testid=indicator')
    ui.sub_pages({'/': First, '/second': Second}, root_path='/views')


probe.serve()
