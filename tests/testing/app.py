"""The app under test: what somebody's `main.py` may look like."""

from nicegui import ui

from nicegui_stash import Stash, stored

stash = Stash('memory://')


@stash.page('/')
class Survey:
    """One field of each scope, and a button."""

    sent: int = stored(0)
    draft: str = stored('', scope='reconnect')
    zoom: int = stored(1, scope='tab')

    def build(self) -> None:
        ui.input('Draft').bind_value(self, 'draft')
        ui.label().bind_text_from(self, 'draft', lambda draft: f'draft: {draft}')
        ui.label().bind_text_from(self, 'sent', lambda sent: f'sent: {sent}')
        ui.label().bind_text_from(self, 'zoom', lambda zoom: f'zoom: {zoom}')
        ui.label(stash.recovery(self).reason)
        ui.button('Send', on_click=self.send)
        ui.button('Zoom', on_click=self.closer)

    def send(self) -> None:
        self.sent += 1

    def closer(self) -> None:
        self.zoom += 1


ui.run(storage_secret='a secret of the tests')
