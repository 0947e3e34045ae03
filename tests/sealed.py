"""Sealing the bytes of a document, as a session does with the document that it has."""

from __future__ import annotations

from nicegui_stash.model.document import from_bytes
from nicegui_stash.model.sealing import Sealing


def seal(by: Sealing, key: str, body: bytes) -> bytes:
    """Return the sealed form of a document in clear, for the object of this key."""
    return by.seal(key, from_bytes(body), body)
