"""Shared by all pages: the store, and the settings of this browser session."""

from __future__ import annotations

from typing import Literal

from nicegui_stash import Stash, stored
from nicegui_stash.stores import open_store, register_store

from .environment import URL
from .troubled import TroubledStore

store = TroubledStore(open_store(URL))
register_store('demo', lambda _url, _options: store)
stash = Stash('demo://')

Theme = Literal['auto', 'light', 'dark']
Accent = Literal['pine', 'ocean', 'plum', 'clay', 'slate']
Density = Literal['airy', 'compact']


@stash.state
class Settings:
    """Fields without a page: every page with `stash.use(Settings)` shows them and follows their changes."""

    name: str = stored('')
    theme: Theme = stored('auto')
    accent: Accent = stored('pine')
    density: Density = stored('airy')
