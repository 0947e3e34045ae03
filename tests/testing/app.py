"""The app under test: what somebody's `main.py` may look like."""

from nicegui import ui

from nicegui_stash import Stash, stored

stash = Stash('memory://')


@stash.page('/')
class Survey:
    """Fields of each scope, and buttons."""

    sent: int = stored(0)
    name: str = stored('')
    draft: str = stored('', scope='reconnect')
    zoom: int = stored(1, scope='tab')

    def build(self) -> None:
        ui.input('Draft').bind_value(self, 'draft')
        ui.label().bind_text_from(self, 'draft', lambda draft: f'draft: {draft}')
        ui.label().bind_text_from(self, 'sent', lambda sent: f'sent: {sent}')
        ui.label().bind_text_from(self, 'zoom', lambda zoom: f'zoom: {zoom}')
        ui.input('Name').bind_value(self, 'name')
        ui.label().bind_text_from(self, 'name', lambda name: f'name: {name}')
        ui.label(stash.recovery(self).reason)
        ui.button('Send', on_click=self.send)
        ui.button('Count', on_click=self.count)
        ui.button('Zoom', on_click=self.closer)

    def send(self) -> None:
        self.sent += 1

    async def count(self) -> None:
        def one_more(found: Survey) -> None:
            found.sent += 1

        await stash.update(self, one_more)

    def closer(self) -> None:
        self.zoom += 1


aside = Stash('memory://', prefix='aside')


@stash.state
class Notes:
    note: str = stored('', scope='reconnect')


@aside.state
class Asides:
    note: str = stored('', scope='reconnect')


@ui.page('/notes')
def notes() -> None:
    for name, kept in (('Note', stash.keep(Notes())), ('Aside', aside.keep(Asides()))):
        ui.input(name).bind_value(kept, 'note')
        ui.label().bind_text_from(kept, 'note', lambda note, name=name: f'{name.lower()} is {note}')


@ui.page('/later')
def later() -> None:
    async def show() -> None:
        kept = await stash.recover(Notes)
        ui.input('Note').bind_value(kept, 'note')
        ui.label().bind_text_from(kept, 'note', lambda note: f'note is {note}')

    ui.button('Show', on_click=show)


ui.run(storage_secret='a secret of the tests')
