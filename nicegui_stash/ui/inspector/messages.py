"""The last warnings and errors of this library in this process. Its log names sessions by object key, never a value."""

from __future__ import annotations

import logging
from collections import deque
from typing import Final, NamedTuple

MOST: Final = 50


class Message(NamedTuple):
    """One line of the log: when, in seconds since the epoch, and with which number among all."""

    number: int
    at: float
    level: str
    text: str


class LastMessages(logging.Handler):
    """Keeps the texts, and nothing of the frames that an exception in a record would hold."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: deque[Message] = deque(maxlen=MOST)
        self._count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self._count += 1
        self.messages.append(Message(self._count, record.created, record.levelname.lower(), record.getMessage()))


_last: Final = LastMessages()


def last_messages() -> LastMessages:
    """Return the messages from the first call on; they are those of the process, whichever `Stash` they are about."""
    log = logging.getLogger('nicegui_stash')
    if _last not in log.handlers:
        log.addHandler(_last)
    return _last
