"""A store that fails on demand: for tests of an app, or of this library, with a store in trouble."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from typing import Literal

from ..errors import Conflict, OutcomeUnknown, Refused, Unavailable
from ..stores.base import ETag, Guarantee, Mode, NotModified, ObjectInfo, Store, StoredObject

Operation = Literal['get', 'put', 'delete', 'list']


class Gate:
    """Holds the calls of one operation until `release`."""

    def __init__(self) -> None:
        self.started: asyncio.Event = asyncio.Event()
        """Set when a call has arrived at the gate."""
        self._open = asyncio.Event()

    def release(self) -> None:
        """Let the waiting calls and all later ones pass."""
        self._open.set()

    async def wait(self) -> None:
        """Arrive at the gate and wait for its release."""
        self.started.set()
        await self._open.wait()


class FaultyStore:
    """A store in front of another one: slow, down, refusing, losing answers or corrupting bodies on demand.

    ```python
    store = FaultyStore(MemoryStore())
    gate = store.hold('put')
    ...                                 # something that puts
    await gate.started.wait()           # it is at the store now, and nothing is stored yet
    gate.release()
    store.down = True                   # from now on Unavailable
    store.lose_answers(1)               # the next put is applied and then raises OutcomeUnknown
    assert store.calls['put'] == 1
    ```
    """

    def __init__(self, inner: Store) -> None:
        self.inner = inner
        """The store behind, without faults: its objects are what is really stored."""
        self.guarantee: Guarantee = inner.guarantee
        self.flush_interval: float = inner.flush_interval
        self.calls: Counter[str] = Counter()
        """How often each operation was called, failed calls included."""
        self.keys: defaultdict[str, list[str]] = defaultdict(list)
        """The key of each call by operation (the prefix for `list`), in order."""
        self.down = False
        """Every operation raises `Unavailable`; nothing is applied."""
        self.refusing = False
        """Puts and deletes raise `Refused`; nothing is applied."""
        self.corrupt: Callable[[bytes], bytes] | None = None
        """Changes the body that a read returns, such as `lambda body: body[:10]`."""
        self._before: dict[Operation, Gate] = {}
        self._after: dict[Operation, Gate] = {}
        self._lost: list[type[Conflict | OutcomeUnknown]] = []
        self._failures: dict[Operation, list[Exception]] = {}

    def hold(self, operation: Operation, *, applied: bool = False) -> Gate:
        """Make the calls of an operation wait from now on: before the inner store, or after it with `applied`."""
        gates = self._after if applied else self._before
        if operation in gates:
            gates[operation].release()
        gate = gates[operation] = Gate()
        return gate

    def release(self, operation: Operation | None = None) -> None:
        """Let the calls of one operation pass, of all by default, and hold no further ones."""
        for gates in (self._before, self._after):
            for held in [operation] if operation else list(gates):
                if held in gates:
                    gates.pop(held).release()

    def lose_answers(self, times: int = 1) -> None:
        """Apply the next puts, but raise `OutcomeUnknown`, as when the connection breaks before the answer."""
        self._lost += [OutcomeUnknown] * times

    def conflict_after_apply(self, times: int = 1) -> None:
        """Apply the next puts, but raise `Conflict`, as a store library does that repeats by itself."""
        self._lost += [Conflict] * times

    def fail_next(self, operation: Operation, *errors: Exception) -> None:
        """Raise these errors from the next calls of an operation, one each; apply nothing."""
        self._failures.setdefault(operation, []).extend(errors)

    async def get(self, key: str, *, unless: ETag | None = None) -> StoredObject | NotModified | None:
        """Read from the inner store; apply `corrupt` to the body."""
        await self._arrive('get', key)
        found = await self.inner.get(key, unless=unless)
        await self._leave('get')
        if self.corrupt is not None and isinstance(found, StoredObject):
            return StoredObject(self.corrupt(found.body), found.etag)
        return found

    async def put(self, key: str, body: bytes, *, mode: Mode) -> ETag:
        """Write to the inner store; lose the answer if `lose_answers` says so."""
        await self._arrive('put', key)
        etag = await self.inner.put(key, body, mode=mode)
        await self._leave('put')
        if self._lost:
            raise self._lost.pop(0)('put', key, 'a fault that the test asked for')
        return etag

    async def delete(self, key: str) -> None:
        """Remove from the inner store."""
        await self._arrive('delete', key)
        await self.inner.delete(key)
        await self._leave('delete')

    async def list(self, prefix: str = '') -> AsyncIterator[ObjectInfo]:
        """Iterate over the inner store's objects; faults happen at the first step."""
        await self._arrive('list', prefix)
        async for row in self.inner.list(prefix):
            yield row
        await self._leave('list')

    async def aclose(self) -> None:
        """Release all held calls, and close the inner store."""
        self.release()
        await self.inner.aclose()

    async def _arrive(self, operation: Operation, key: str) -> None:
        self.calls[operation] += 1
        self.keys[operation].append(key)
        if (gate := self._before.get(operation)) is not None:
            await gate.wait()
        if failures := self._failures.get(operation):
            raise failures.pop(0)
        if self.down:
            raise Unavailable(operation, key, 'the test has taken the store down')
        if self.refusing and operation in {'put', 'delete'}:
            raise Refused(operation, key, 'the test lets the store refuse', 'a hint')

    async def _leave(self, operation: Operation) -> None:
        if (gate := self._after.get(operation)) is not None:
            await gate.wait()
