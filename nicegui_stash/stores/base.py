"""What the library asks of a store: whole objects by key, with a put that can be made conditional."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NewType, Protocol, final, runtime_checkable

ETag = NewType('ETag', str)
"""An object's revision token: opaque, compared for equality only. As a content hash it may come back with the bytes."""

Guarantee = Literal['shared', 'host', 'process', 'none']
"""Among whom a conditional put decides: every server, the processes of one host, one process, or nobody."""


@final
@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as it was read: `etag` is the revision of exactly these bytes."""

    body: bytes
    etag: ETag


@final
class NotModified:
    """The object still has the etag that was passed as `unless`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return 'NOT_MODIFIED'


NOT_MODIFIED: Final = NotModified()


@final
@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One row of a listing: size in bytes, time of the last put in seconds since the epoch (None: not known)."""

    key: str
    size: int
    modified: float | None = None


@final
@dataclass(frozen=True, slots=True)
class Replace:
    """The mode of a put over an object that still has this etag."""

    etag: ETag


Mode = Literal['create'] | Replace
"""What a put is to find: no object yet, or the one with this etag. There is no put over whatever is there."""


def replacing(etag: ETag | None) -> Mode:
    """Return the mode of a put over what was read: create where there was nothing."""
    return 'create' if etag is None else Replace(etag)


class Store(Protocol):
    """Whole objects by key. A put is atomic: a reader sees the old body or the new one, never a part.

    Keys are relative, `/`-separated, of letters, digits and `-_.`; no segment is empty, `.` or `..`.
    Order between keys is not promised, nor that `list` sees a put that is under way.
    Every method may raise `Unavailable` (not applied) and `Refused` (not applied, and useless to repeat).
    A store is bound to the event loop that first used it.
    """

    guarantee: Guarantee
    """What a conditional put is worth here."""

    flush_interval: float
    """Seconds between two puts of one session that this store asks for: 0.1, or 1.0 where each put is billed.

    Documents of some KB wait longer where it is less than 0.1: 50 KB a tenth of a second.
    """

    async def get(self, key: str, *, unless: ETag | None = None) -> StoredObject | NotModified | None:
        """Read an object, `None` if there is none, `NOT_MODIFIED` if its etag is still `unless`."""
        ...

    async def put(self, key: str, body: bytes, *, mode: Mode) -> ETag:
        """Write an object: `'create'` one that must not exist yet, or `Replace(etag)` one that is unchanged.

        Raises `Conflict` where the condition did not hold, `OutcomeUnknown` where the answer was lost. On a store
        with guarantee `none` the condition is not checked.
        """
        ...

    async def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error. Unconditional: for what nobody can want any more."""
        ...

    def list(self, prefix: str = '') -> AsyncIterator[ObjectInfo]:
        """Iterate over the objects whose key starts with `prefix`, in no particular order."""
        ...

    async def aclose(self) -> None:
        """Release connections, threads and handles; the store is not used afterwards."""
        ...


@runtime_checkable
class Expiring(Protocol):
    """What a store may have besides: objects that it removes by itself, so that nobody has to sweep them."""

    def expire_after(self, seconds: float) -> None:
        """Let each object that is put from now on expire so long after its last put; called before the first."""
        ...


@runtime_checkable
class Timekeeping(Protocol):
    """What a store may have besides: a clock of its own, by which servers with wrong clocks agree."""

    async def now(self, prefix: str = '') -> float:
        """Return the store's time in seconds since the epoch; an object may be made below a prefix, and removed."""
        ...


@final
@dataclass(frozen=True, slots=True)
class Told:
    """An object as it was put, and the etag of what the put has replaced, `None` for nothing.

    Who knows that one knows now what the store has, and need not read. Others have to: something was put between.
    """

    found: StoredObject
    before: ETag | None

    @property
    def etag(self) -> ETag:
        return self.found.etag


def etag_of(told: ETag | Told) -> ETag:
    """Return the etag of what a store has told of: an object, or its etag alone."""
    return told.etag if isinstance(told, Told) else told


Changed = Mapping[str, ETag | Told]
"""Objects that were put, by key, each with its new etag, or the object itself."""


@runtime_checkable
class Watching(Protocol):
    """What a store may have besides: it tells what others put, so that they are followed at once."""

    def watch(self) -> AsyncIterator[Changed | None]:
        """Iterate over what was put since the step before, `None` where that may be anything; begin with `None`.

        Empty steps come every few seconds at least, so that whoever looks can stop. What was put here may be told too,
        a deletion need not be. Raises `StoreError`; what was put until the next call is not told.
        """
        ...


@runtime_checkable
class Checking(Protocol):
    """What a store may have besides: a look at its server before the app is served."""

    def check(self, prefix: str = '') -> None:
        """Try the store below a prefix of keys; it blocks, and leaves nothing behind.

        Raises `ConfigurationError` for a definite refusal. A store that does not answer is no reason not to start.
        """
        ...
