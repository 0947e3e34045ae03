"""How much one page may send beside NiceGUI's events. What exceeds it is dropped unread, so a flood costs little."""

from __future__ import annotations

import json
from typing import Final

import msgspec

BURST_MESSAGES: Final = 300
MESSAGES_PER_SECOND: Final = 100
"""Another tab that writes at each animation frame causes 60 messages a second."""
BURST_BYTES: Final = 2 * 1024 * 1024
BYTES_PER_SECOND: Final = 1024 * 1024
REPEATS: Final = 4
"""Messages with entered values, of each kind, that one connect may bring: our script sends one."""


class Allowance:
    """What a page may still send: a number of messages and of bytes, both growing with time up to a burst."""

    __slots__ = ('_at', '_bytes', '_expected', '_messages', '_repeats')

    def __init__(self, now: float) -> None:
        """`now`: in seconds, by the clock of the event loop."""
        self._messages: float = BURST_MESSAGES
        self._bytes: float = BURST_BYTES
        self._expected = 0
        self._repeats: dict[type, int] = {}
        self._at = now

    def admits(self, told: object, now: float) -> bool:
        """Whether this message may be read; if so, it is charged. One that comes too early is not measured."""
        passed, self._at = now - self._at, now
        self._messages = min(BURST_MESSAGES, self._messages + passed * MESSAGES_PER_SECOND)
        self._bytes = min(BURST_BYTES, self._bytes + passed * BYTES_PER_SECOND)
        if self._messages < 1 or self._bytes + self._expected <= 0:
            return False
        size = _size(told)
        if size > self._bytes + self._expected:
            return False
        self._messages -= 1
        asked = min(size, self._expected)
        self._expected -= asked
        self._bytes -= size - asked
        return True

    def expect(self, size: int) -> None:
        """Admit this many bytes more: the server has asked for them."""
        self._expected += size

    def connected(self) -> None:
        """Admit entered values again: the page brings them at each connect."""
        self._repeats.clear()

    def admits_repeat(self, kind: type) -> bool:
        """Whether one more message of a kind that comes once per connect may be read."""
        count = self._repeats[kind] = self._repeats.get(kind, 0) + 1
        return count <= REPEATS


def _size(told: object) -> float:
    """Return the size of a message in bytes of JSON."""
    try:
        return len(msgspec.json.encode(told))
    except RecursionError:
        return float('inf')
    except (ValueError, OverflowError):  # half of a surrogate pair, or a very large number
        return len(json.dumps(told))
