"""How long values are stored, and how large they may be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """Times in seconds, sizes in bytes; `max_new_sessions` is a number per minute, 0 for any.

    `live_interval` 0 is for never.
    """

    ttl: float = 30 * 86400.0
    tab_ttl: float = 86400.0
    flush_interval: float = 0.1
    max_value_bytes: int = 256 * 1024
    max_document_bytes: int = 1024 * 1024
    max_session_pending: int = 8 * 1024 * 1024
    max_process_pending: int = 256 * 1024 * 1024
    max_new_sessions: int = 0
    live_interval: float = 0.0
