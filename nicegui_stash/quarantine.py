"""Where bytes that are no document are kept."""

from __future__ import annotations

import hashlib


def quarantine_key(key: str, body: bytes) -> str:
    """Return the key under which a malformed object is copied before it may be replaced: named by its content.

    >>> quarantine_key('ab/abcd.json', b'{')
    'quarantine/ab/abcd.json/021fb596db81e6d0'
    """
    return f'quarantine/{key}/{hashlib.sha256(body).hexdigest()[:16]}'
