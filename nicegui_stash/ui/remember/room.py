"""How much a session keeps of what elements show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Raw

MOST_PAGES: Final = 100
"""How many paths a session remembers; those seen least recently go first."""
MOST_ELEMENTS: Final = 300
"""How many elements of one path."""
MOST_BYTES: Final = 16 * 1024
"""How long the JSON of one element may be."""
MOST_OF_PAGE: Final = 64 * 1024
"""How long that of all elements of one path may be together."""


def has_room(values: Mapping[str, Raw], name: str, raw: Raw) -> bool:
    """Whether an element's state fits beside the others of its path."""
    others = [len(key) + len(held) for key, held in values.items() if key != name]
    return len(others) < MOST_ELEMENTS and sum(others) + len(name) + len(raw) <= MOST_OF_PAGE
