"""What several pages share. NiceGUI's user simulation imports it once, since no page function comes from here."""

from datetime import date

from nicegui_stash import Stash, stored

stash = Stash(flush_interval=0)


@stash.state
class Cart:
    """What was put into the cart."""

    items: list[str] = stored([])
    since: date | None = stored(None)
