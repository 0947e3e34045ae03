"""What keeps values for a page where they are not in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Raw

if TYPE_CHECKING:
    from ..page.elsewhere import Outside


class Keeper(Protocol):
    """Keeps the fields of one scope for all stored classes of one open page."""

    def begin(self, page_object: Outside) -> None:
        """Show what is kept for a page object, and follow it. Raises `StashError` for a name that is taken."""
        ...

    def keep(self, page_object: Outside, name: str, raw: Raw) -> None:
        """Accept a checked change. Raises `ValueTooLarge`."""
        ...

    def reset(self, page_object: Outside) -> None:
        """Keep nothing of a page object any more, whose fields have their defaults."""
        ...

    def end(self, page_object: Outside) -> None:
        """Follow no more; what is kept stays."""
        ...

    def awaits(self, page_object: Outside) -> bool:
        """Whether building should wait, because what is kept of this page object is not known yet."""
        ...
