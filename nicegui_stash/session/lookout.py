"""Follows what other servers put, while rooms or people are shown here: as the store tells of it, or by looking."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import aclosing
from typing import Any, Final, Protocol, cast

from ..errors import StoreError
from ..stores.base import Changed, ETag, Store, Told, Watching

log = logging.getLogger('nicegui_stash')

LOOKERS: Final = 8
"""How many documents are looked at together."""
SHARE: Final = 3
"""After a look at all of them it rests this many times as long as that took, so that looking cannot fill the store."""
LONGEST_REST: Final = 10.0
"""Seconds that it rests at most: where a look took longer, an answer was missing, and the store was not busy."""
PAUSE: Final = 2.0
"""Seconds until it listens again, where that failed."""


class Followed(Protocol):
    """An object that is kept like the store has it."""

    key: str

    @property
    def is_unread(self) -> bool:
        """Whether it is yet to be read for the first time."""
        ...

    @property
    def is_read(self) -> bool: ...

    async def look(self, told: ETag | Told | None) -> bool:
        """Look at the store, where somebody has put this, `None` for anything; return whether it is known now."""
        ...


class Lookout:
    """Looks at the open documents when the store tells of a put. It works while one is in memory."""

    def __init__(
        self,
        store: Store,
        documents: Callable[[], Sequence[Followed]],
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        random: Callable[[], float],
        interval: float = 0.0,
    ) -> None:
        """Do nothing yet. `documents` returns those in memory; nothing here keeps one there while it waits.

        `interval`: seconds between two looks at a store that does not tell; 0 for none.
        """
        self._watch = store.watch if isinstance(store, Watching) else self._every if interval else None
        self._interval = interval
        self._known = 0.0
        self._missed: set[str] = set()  # keys of what could not be read when it had changed: read at the next step
        self._time: Callable[[], float] = float
        self._documents = documents
        self._spawn = spawn
        self._random = random
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Work from now on, unless there is nothing to go by, or this works already."""
        if self._watch is not None and (self._task is None or self._task.done()):
            self._time = asyncio.get_running_loop().time
            self._known = self._time()
            self._task = self._spawn(self._work(self._watch))

    @property
    def follows(self) -> bool:
        """Whether there is anything to go by."""
        return self._watch is not None

    @property
    def known(self) -> float:
        """When it was last known what others had put, by the time of the event loop."""
        return self._known

    @property
    def lag(self) -> float:
        """How long ago it was last known what others had put, in seconds; 0 while nothing is followed."""
        return 0.0 if self._task is None else max(0.0, self._time() - self._known)

    async def _every(self) -> AsyncIterator[Changed | None]:
        """Say once per interval that anything may have changed. Servers do not all look at the same time."""
        while True:
            yield None
            await asyncio.sleep(self._interval * (0.75 + self._random() / 2))

    async def _work(self, watch: Callable[[], AsyncIterator[Changed | None]]) -> None:
        while self._documents():
            try:
                await self._follow(watch())
            except StoreError as error:
                log.debug('other servers are not followed for some seconds: %s', error)
                await asyncio.sleep(PAUSE * (0.5 + self._random()))
        self._task = None  # no await since they were counted: whoever opens one now begins again

    async def _follow(self, watched: AsyncIterator[Changed | None]) -> None:
        """Look at what may have changed, until none is open."""
        async with aclosing(cast(Any, watched)) as steps:
            async for changed in steps:
                if not self._documents():
                    return
                await self._look(changed)

    async def _look(self, changed: Changed | None) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        documents = self._documents()
        if changed is not None:
            documents = [each for each in documents if each.key in changed or each.key in self._missed]
            changed = {key: etag for key, etag in changed.items() if key not in self._missed}
        known = {each.key: None if changed is None else changed.get(each.key) for each in documents}
        self._missed = {each.key for each in documents if each.is_unread}  # what is being read may be older
        looking = iter([each for each in documents if each.is_read])
        del documents

        async def look() -> None:
            for document in looking:
                if not await document.look(known[document.key]):
                    self._missed.add(document.key)

        if changed is None:
            await asyncio.gather(*(look() for _ in range(LOOKERS)))
        else:
            await look()
        if not self._missed:
            self._known = began
        if changed is None:
            await asyncio.sleep(min(SHARE * (loop.time() - began), LONGEST_REST))
