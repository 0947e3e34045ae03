"""How many sessions a process may store for the first time: visitors without a cookie could fill any store."""

from __future__ import annotations

import logging
from typing import Final

log = logging.getLogger('nicegui_stash')

MINUTE: Final = 60.0
LONGEST: Final = 600.0
"""Seconds that a new session waits for its turn at most; beyond, it is not even kept once its pages are closed."""


ROUNDING: Final = 1e-6
"""Seconds that are no wait: sums of many small steps are not exact, least where the clock passes a power of two."""


class NewSessions:
    """Gives new sessions their turns: as many as are allowed per minute, a minute's worth of them at once.

    A session that has a turn is put then, whether or not its page is still open. Those that get none ask again while a
    page shows them. So a flood fills neither the store nor the memory.
    """

    __slots__ = ('_apart', '_last_held', '_lifted', '_next', 'per_minute')

    def __init__(self, per_minute: int = 0) -> None:
        """Allow `per_minute` sessions, 0 for any number."""
        self.per_minute = per_minute
        self._apart = MINUTE / max(1, per_minute)
        self._next = 0.0
        self._lifted = 0.0
        self._last_held = -LONGEST

    def allows_all(self, now: float) -> bool:
        """Whether any number of sessions may be put now."""
        return not self.per_minute or now < self._lifted

    def turn(self, now: float) -> float | None:
        """Return in how many seconds a new session may be put, and keep that turn for it; `None` if too many wait.

        `now` is the event loop's time.
        """
        turn = max(self._next, now)
        wait = turn - now - (MINUTE - self._apart)
        if wait > LONGEST:
            return None
        self._next = turn + self._apart
        return wait if wait > ROUNDING else 0.0

    def lift(self, until: float) -> None:
        """Give everybody a turn at once until then, as the process ends."""
        self._lifted = until

    def say_held(self, now: float) -> None:
        """Log that sessions are held back: once while that goes on."""
        if now - self._last_held >= LONGEST:
            log.warning(
                'more than max_new_sessions=%d sessions are new within a minute; those beyond stay in memory until '
                'there is room, and statistics() counts them as held_back',
                self.per_minute,
            )
        self._last_held = now
