"""What of an element is remembered: its state as JSON, and how that is shown again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Unfit(Exception):
    """A state does not fit an element any more."""


class Shape(Protocol):
    """Reads and shows the state of one element.

    `name` says what the state looks like, with a version: one that is stored under another name is not shown.
    `is_looked_at` says that changes are found by looking after each event of the browser; else `listen` reports them.
    """

    element: Any
    name: str
    is_looked_at: bool

    @property
    def has_parts(self) -> bool:
        """Whether what fits depends on what the page function adds later: tabs, steps, rows, nodes."""
        ...

    def parts(self) -> set[Any]:
        """Return what a state names its parts by, of all that there are now; empty if it has none."""
        ...

    def listen(self, changed: Callable[[], None]) -> None:
        """Call back when a person may have changed the state."""
        ...

    def state(self) -> Any:
        """Return the present state, which JSON can hold; `None` while nothing is known of it."""
        ...

    def show(self, state: Any) -> Any:
        """Show what fits of a state, without calling the app's handlers; return that. Asking again changes nothing.

        `None` shows the element as its browser begins. Raises `Unfit`, or what the element raises, if nothing fits.
        """
        ...

    def announce(self) -> None:
        """Call the app's handlers for what was shown, as if the browser had just sent it."""
        ...

    def reduced(self, state: Any) -> Any:
        """Return a state without its large parts; `None` if nothing remains."""
        ...
