"""Follows what other servers put, while rooms or people are shown here, on a store that tells of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from typing import Any, Final, cast

from ..errors import StoreError
from ..stores.base import Changed, Store, Watching
from .session import Session

log = logging.getLogger('nicegui_stash')

LOOKERS: Final = 8
"""How many documents are looked at together."""
SHARE: Final = 3
"""After a look at all of them it rests this many times as long as that took, so that looking cannot fill the store."""
PAUSE: Final = 2.0
"""Seconds until it listens again, where that failed."""


class Lookout:
    """Looks at the open documents when the store tells of a put. It works while one is in memory."""

    def __init__(
        self,
        store: Store,
        documents: Callable[[], list[Session]],
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        random: Callable[[], float],
    ) -> None:
        """Do nothing yet. `documents` returns those in memory; nothing here keeps one there while it waits."""
        self._store = store
        self._documents = documents
        self._spawn = spawn
        self._random = random
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Work from now on, unless the store cannot tell, or this works already."""
        if isinstance(self._store, Watching) and (self._task is None or self._task.done()):
            self._task = self._spawn(self._work(self._store))

    async def _work(self, store: Watching) -> None:
        while self._documents():
            try:
                await self._follow(store)
            except StoreError as error:
                log.debug('other servers are not followed for some seconds: %s', error)
                await asyncio.sleep(PAUSE * (0.5 + self._random()))
        self._task = None  # no await since they were counted: whoever opens one now begins again

    async def _follow(self, store: Watching) -> None:
        """Look at what the store tells of, until none is open."""
        async with aclosing(cast(Any, store.watch())) as steps:
            async for changed in steps:
                if not self._documents():
                    return
                await self._look(changed)

    async def _look(self, changed: Changed | None) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        looking = iter(
            [each for each in self._documents() if each.is_read and (changed is None or each.key in changed)]
        )

        async def look() -> None:
            for document in looking:
                await document.look(None if changed is None else changed[document.key])

        if changed is None:
            await asyncio.gather(*(look() for _ in range(LOOKERS)))
            await asyncio.sleep(SHARE * (loop.time() - began))
        else:
            await look()
