"""What ends with a part of the page."""

# pyright: reportUnknownMemberType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

from collections.abc import Callable

from nicegui import Client, context

from .internals import Ending


def when_cleared(client: Client, on_end: Callable[[], None]) -> None:
    """Call back when the part of the client's page that is being made now is cleared; not for the whole page."""
    stack = context.slot_stack
    if stack and stack[-1].parent.client is client and stack[-1].parent is not client.content:
        Ending(on_end)
