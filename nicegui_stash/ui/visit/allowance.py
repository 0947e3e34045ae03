"""How much one page may send beside NiceGUI's events. What exceeds it is dropped unread, so a flood costs little."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Final, cast

import msgspec

BURST_MESSAGES: Final = 50
MESSAGES_PER_SECOND: Final = 100
"""Another tab that writes at each animation frame causes 60 messages a second."""
BURST_BYTES: Final = 2 * 1024 * 1024
BYTES_PER_SECOND: Final = 1024 * 1024
LOOKED_AT: Final = 16 * 1024
REPEATS: Final = 4
"""Messages with entered values, of each kind, that one connect may bring: our script sends one."""


class Allowance:
    """What a page may still send: a number of messages and of bytes, both growing with time up to a burst."""

    __slots__ = ('_at', '_bytes', '_closed_until', '_expected', '_messages', '_repeats')

    def __init__(self, now: float) -> None:
        """`now`: in seconds, by the clock of the event loop."""
        self._messages: float = BURST_MESSAGES
        self._bytes: float = BURST_BYTES
        self._expected = 0
        self._repeats: dict[type, int] = {}
        self._at = self._closed_until = now

    def admits(self, told: object, now: float) -> bool:
        """Whether this message may be read; if so, it is charged. One that comes too early is not measured."""
        if now < self._closed_until:
            return False
        passed, self._at = now - self._at, now
        self._messages = min(BURST_MESSAGES, self._messages + passed * MESSAGES_PER_SECOND)
        self._bytes = min(BURST_BYTES, self._bytes + passed * BYTES_PER_SECOND)
        is_answer = isinstance(told, dict) and 'ask' in cast(dict[str, object], told)
        expected = self._expected if is_answer else 0
        room = self._bytes + expected
        if self._messages < 1:
            self._closed_until = now + (1 - self._messages) / MESSAGES_PER_SECOND
            return False
        size = _size(cast(object, told), room)
        if size > room:
            self._bytes = min(self._bytes, 0)  # else each of a flood would be measured up to what is left
            self._expected -= expected
            return False
        self._messages -= 1
        asked = min(size, expected)
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


def _size(told: object, enough: float) -> float:
    """Return the size of a message in bytes of JSON, a small one's only about; any number above `enough` if it is more.

    Encoding is quick where much has to be looked at, looking where little is.
    """
    size = _looked_at(told, min(enough, LOOKED_AT))
    if size <= LOOKED_AT or size > enough:
        return size
    try:
        return len(msgspec.json.encode(told))
    except RecursionError:
        return float('inf')
    except (ValueError, OverflowError):  # half of a surrogate pair, or a very large number
        return len(json.dumps(told))


def _looked_at(told: object, enough: float) -> int:
    """Return about the size of a message; of one that has more than `enough`, a number above it."""
    size, waiting = 0, [told]
    while waiting and size <= enough:
        part = waiting.pop()
        if isinstance(part, str | bytes):
            size += len(part) + 2
        elif isinstance(part, dict | list):
            parts = cast(Collection[object], part)
            size += 2 * len(parts) + 2
            if size <= enough:
                waiting += parts
                if isinstance(part, dict):
                    waiting += cast(dict[str, object], part).values()
        else:
            size += part.bit_length() // 3 + 1 if isinstance(part, int) else 4
    return size
