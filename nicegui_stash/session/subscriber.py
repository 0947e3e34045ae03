"""What a session tells the pages that show it, and who listens."""

from __future__ import annotations

from asyncio import get_running_loop
from collections import deque
from collections.abc import Callable
from typing import Final, Literal, Protocol

from ..model.document import Part, SliceId
from ..model.operations import Set

Activity = Literal['saved', 'pending', 'saving', 'offline', 'refused']
TURN: Final = 50
"""How many pages show a change in one turn of the event loop, so that a crowded room does not hold it."""


class Subscriber(Protocol):
    """Shows a session's values. Called while a change is accepted: never raise or wait."""

    def changed(self, slice_id: SliceId, part: Part, name: str) -> None:
        """Somebody else changed one value."""

    def replaced(self) -> None:
        """The document may have changed anywhere: it was read, merged, reset or forgotten."""

    def rejected(self, operation: Set) -> None:
        """A change made before the first read was overruled by a stored value."""


class ActivityWatcher(Protocol):
    """Shows what a session is doing. Called while a change is accepted: never raise or wait."""

    def activity_changed(self, *, settled: bool) -> None:
        """`Session.activity` or `Session.problem` has changed; `settled`: changes were put, or nothing is pending."""


class Audience:
    """The subscribers and watchers of one session. Either may leave while the others are being told."""

    __slots__ = ('_steps', 'subscribers', 'watchers')

    def __init__(self) -> None:
        self.subscribers: tuple[Subscriber, ...] = ()
        self.watchers: tuple[ActivityWatcher, ...] = ()
        self._steps: deque[Callable[[], None]] | None = None

    def attach(self, subscriber: Subscriber) -> None:
        self.subscribers = (*self.subscribers, subscriber)

    def detach(self, subscriber: Subscriber) -> None:
        """Remove a subscriber; one that is not attached is no error."""
        remaining = list(self.subscribers)
        if subscriber in remaining:
            remaining.remove(subscriber)
            self.subscribers = tuple(remaining)

    def watch(self, watcher: ActivityWatcher) -> None:
        self.watchers = (*self.watchers, watcher)

    def unwatch(self, watcher: ActivityWatcher) -> None:
        """Remove a watcher; one that does not watch is no error."""
        remaining = list(self.watchers)
        if watcher in remaining:
            remaining.remove(watcher)
            self.watchers = tuple(remaining)

    def soon(self, step: Callable[[], None]) -> None:
        """Call a subscriber's step in the next turn of the loop, or in a later one where many wait."""
        if self._steps is None:
            self._steps = deque()
            get_running_loop().call_soon(self._take_turn)
        self._steps.append(step)

    def _take_turn(self) -> None:
        steps = self._steps or deque()
        try:
            for _ in range(min(TURN, len(steps))):
                steps.popleft()()
        finally:  # a step that raises ends this turn, and not the others
            if steps:
                get_running_loop().call_soon(self._take_turn)
            else:
                self._steps = None

    def tell_changed(self, slice_id: SliceId, part: Part, name: str) -> None:
        for subscriber in self.subscribers:
            subscriber.changed(slice_id, part, name)

    def tell_replaced(self) -> None:
        for subscriber in self.subscribers:
            subscriber.replaced()

    def tell_rejected(self, operation: Set) -> None:
        for subscriber in self.subscribers:
            subscriber.rejected(operation)
