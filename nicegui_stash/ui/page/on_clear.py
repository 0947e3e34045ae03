"""Call back when a part of the page is cleared."""

# pyright: reportUnknownMemberType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

from collections.abc import Callable

from nicegui import Client, context

from ..nicegui_private import Ending


def when_cleared(client: Client, on_end: Callable[[], None]) -> None:
    """Call back when the part of the page that is being built is cleared; not for the whole page."""
    try:
        parent = context.slot.parent
    except RuntimeError:  # no element can be created here, or its container is gone
        return
    if parent.client is client and parent is not client.content and not parent.is_deleted:
        Ending(on_end)
