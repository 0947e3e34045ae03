"""Documents of a chosen size, as text fields of a page."""

from __future__ import annotations

from nicegui_stash import stored

PARTS = 4


class Filled:
    """A mixin whose fields fill a document: the limit of one value is 256 KiB, so there are several."""

    text_0: str = stored('')
    text_1: str = stored('')
    text_2: str = stored('')
    text_3: str = stored('')

    def fill(self, size: int) -> None:
        """Make the slice about `size` bytes large."""
        for part in range(PARTS):
            setattr(self, f'text_{part}', 'x' * (size // PARTS))
