"""A page on which something plays, and a map is moved about."""

from __future__ import annotations

import os

from nicegui import ui

import probe
import silence  # noqa: F401 it registers itself
from nicegui_stash import Stash, stored

stash = Stash(os.environ['STORE'])
BEGIN = (50.0, 10.0) if os.environ.get('BUILD') == 'new' else (47.0, 8.0)


@stash.page('/', rejoin='in_place')
class Travelling:
    text: str = stored('')

    def build(self) -> None:
        ui.video('/silence.wav', muted=True).props('data-testid=video')
        self.map = ui.leaflet(BEGIN, zoom=9).classes('at-map')
        self.marker = self.map.marker(latlng=BEGIN)
        shown = ui.label().props('data-testid=place')
        shown.bind_text_from(self.map, 'center', lambda place: f'{place[0]:.1f} {place[1]:.1f}')
        ui.label().bind_text_from(self.map, 'zoom', str).props('data-testid=zoom')
        ui.button('move', on_click=lambda: self.marker.move(1, 2)).props('data-testid=move')
        ui.label().bind_text_from(stash.recovery(self), 'in_place', str).props('data-testid=in-place')


probe.serve()
