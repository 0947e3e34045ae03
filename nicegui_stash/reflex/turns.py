"""A lock that is granted in the order of asking, and costs next to nothing while it is free."""

from __future__ import annotations

import asyncio
from collections import deque


class Turns:
    """Whose turn it is. `asyncio.Lock` does the same, but can only be taken by a coroutine, at each event."""

    __slots__ = ('_waiting', 'is_taken')

    def __init__(self) -> None:
        self.is_taken = False
        self._waiting: deque[asyncio.Future[None]] | None = None

    def take(self) -> bool:
        """Take the turn if it is free; return whether it was."""
        was_free = not self.is_taken
        self.is_taken = True
        return was_free

    async def wait(self) -> None:
        """Take the turn once all that asked before have given it up; who is cancelled meanwhile never has it."""
        if self.take():
            return
        if self._waiting is None:
            self._waiting = deque()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it was given the turn before the cancellation arrived
                self.give_up()
            raise

    def give_up(self) -> None:
        """Give the turn to the next who waits and was not cancelled."""
        waiting = self._waiting
        while waiting:
            turn = waiting.popleft()
            if not turn.done():
                turn.set_result(None)  # still taken, so that no newcomer can jump the queue
                return
        self.is_taken = False
        self._waiting = None
