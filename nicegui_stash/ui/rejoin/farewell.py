"""The end of a server, told to its pages: they send what still waits, and come back one after the other."""

# pyright: reportUnknownMemberType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from nicegui import Client

from .. import nicegui_private

MOMENT: Final = 0.25
"""Seconds that a server goes on after it has told its pages: for the message, and for what they send."""
SPREAD_MS: Final = 1000


def turns(pages: int) -> list[int]:
    """Return after how many milliseconds each page is to look for the next server: all within a second."""
    return [number * SPREAD_MS // pages for number in range(pages)]


def connected(clients: Collection[Client]) -> list[Client]:
    """Return the clients that have a browser and a socket."""
    return [each for each in clients if each.has_socket_connection and not nicegui_private.is_simulated(each)]


def say_farewell(clients: Collection[Client]) -> None:
    """Tell these pages that their server ends."""
    pages = connected(clients)
    for client, turn in zip(pages, turns(len(pages)), strict=True):
        client.run_javascript(f'window.__niceguiStash?.inPlace?.leave({turn})')
