"""A store that tells who has put, over a network: a notice comes late, twice, before an earlier one, or never."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator

from nicegui_stash.errors import Unavailable
from nicegui_stash.stores.base import Changed, ETag

from .weather import Weather

LONGEST = 5.0
"""Seconds between two steps of whoever listens, at most."""


class Telling(Weather):
    """Weather with notices. `loses` is how likely each of them is lost, `delay` how late it is at most, in seconds."""

    def __init__(self, dice: random.Random, trouble: float, *, loses: float, delay: float) -> None:
        super().__init__(dice, trouble)
        self.loses = loses
        self.delay = delay
        self.has_lost_notices = False
        self._inboxes: list[_Inbox] = []

    async def watch(self) -> AsyncIterator[Changed | None]:
        inbox = _Inbox()
        self._inboxes.append(inbox)
        try:
            await self._travel()
            yield None
            while True:
                changed = await inbox.take()
                if self.dice.random() < self.trouble / 20:
                    raise Unavailable('watch', '', 'the connection is lost')
                yield changed
        finally:
            self._inboxes.remove(inbox)

    def _tell(self, key: str, etag: ETag) -> None:
        loop = asyncio.get_running_loop()
        for inbox in self._inboxes:
            if self.dice.random() < self.loses:
                self.has_lost_notices = True
                self.note('a notice is lost', etag)
                continue
            for _ in range(2 if self.dice.random() < 0.1 else 1):
                loop.call_later(self.dice.random() * self.delay, inbox.tell, key, etag)


class _Inbox:
    """What one server is told and has not looked at yet."""

    def __init__(self) -> None:
        self._told: deque[tuple[str, ETag]] = deque()
        self._waiter: asyncio.Future[None] | None = None

    def tell(self, key: str, etag: ETag) -> None:
        self._told.append((key, etag))
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def take(self) -> Changed:
        if not self._told:
            loop = asyncio.get_running_loop()
            self._waiter = loop.create_future()
            timer = loop.call_later(LONGEST, self._wake)
            try:
                await self._waiter
            finally:
                timer.cancel()
        changed: dict[str, ETag] = {}
        while self._told and self._told[0][0] not in changed:  # an earlier etag may have come after a later one
            key, etag = self._told.popleft()
            changed[key] = etag
        return changed
