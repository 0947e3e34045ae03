"""Finding out what a server makes of conditions, by asking it to break them: what it says of itself proves nothing."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from ...errors import Conflict, OutcomeUnknown, Refused, StoreError, Unavailable
from ..base import NOT_MODIFIED, ETag, Mode, Replace, Store, StoredObject

log = logging.getLogger('nicegui_stash')

RACERS = 8
ATTEMPTS = 3
"""How often a step is tried whose answer got lost."""


class ConditionsIgnored(Refused):
    """The server does not do what the condition of a put says, so that two servers would lose each other's changes."""


@runtime_checkable
class Quoting(Protocol):
    """A store that can send its etags in two ways."""

    quoted_etags: bool


@runtime_checkable
class Resending(Protocol):
    """A store that notes whether its server sends what has not changed, in spite of the condition of a read."""

    resends: bool


async def probe(store: Store, folder: str = '') -> None:
    """Create, replace and race below `probe/` of a folder, and remove what was made.

    `folder` is empty or ends in `/`. If the server wants etags without quotes, the store is told so. If it ignores the
    condition of a read, which costs a transfer each time, that is logged. Raises `ConditionsIgnored` with the reason,
    `Refused` where the server refuses the operations themselves, and `Unavailable` where it does not answer.
    """
    place = f'{folder}probe/{uuid.uuid4().hex}'
    made: list[str] = []

    def key() -> str:
        made.append(f'{place}-{len(made)}')
        return made[-1]

    try:
        await _conditions(store, key)
        await _races(store, key())
    finally:
        await _remove(store, made)
    if isinstance(store, Resending) and store.resends:
        log.warning('%r sends objects that have not changed, as it ignores the condition of a read', store)


async def _conditions(store: Store, key: Callable[[], str]) -> None:
    """Try each condition alone, where it holds and where it does not."""
    name = key()
    etag = await _must_apply(store, name, b'created', 'create')
    await _must_not_apply(store, name, 'create', 'it overwrites an object that must not exist, as the put says')
    if await _read(store, name) != StoredObject(b'created', etag):
        raise ConditionsIgnored('put', name, 'a read has other bytes than the put, or another etag')
    await store.get(name, unless=etag)
    await _must_apply(store, name, b'replaced', Replace(etag))
    await _must_not_apply(store, name, Replace(etag), 'it overwrites an object whose etag is no longer that of the put')
    if (await _read(store, name)).body != b'replaced':
        raise ConditionsIgnored('put', name, 'it wrote what it said to be in conflict')
    if await store.get(name, unless=etag) is NOT_MODIFIED:
        raise ConditionsIgnored('get', name, 'it says that an object is unchanged which was replaced')
    await _must_not_apply(store, key(), Replace(etag), 'it writes an object that must exist, as the put says')


async def _must_apply(store: Store, key: str, body: bytes, mode: Mode) -> ETag:
    """Put where the condition holds; a current etag in quotes or without, whichever the server takes."""
    outcome = await _put(store, key, body, mode)
    if isinstance(outcome, Conflict) and mode != 'create' and isinstance(store, Quoting):
        store.quoted_etags = not store.quoted_etags
        outcome = await _put(store, key, body, mode)
    if isinstance(outcome, Conflict):
        reason = f'it finds a conflict where there is none: {outcome.reason}'
        raise ConditionsIgnored('put', key, reason) from outcome
    if isinstance(outcome, StoreError):
        raise Unavailable('put', key, outcome.reason) from outcome
    return outcome


async def _must_not_apply(store: Store, key: str, mode: Mode, otherwise: str) -> None:
    """Put where the condition does not hold; some servers answer that with an internal error, which is as good."""
    if not isinstance(await _put(store, key, b'in spite of the condition', mode), StoreError):
        raise ConditionsIgnored('put', key, otherwise)


async def _put(store: Store, key: str, body: bytes, mode: Mode) -> ETag | StoreError:
    """Put, a few times if the answers are lost; what counts is whether the bytes are there, whatever was answered."""
    error: StoreError | None = None
    for _ in range(ATTEMPTS):
        try:
            return await store.put(key, body, mode=mode)
        except (Conflict, OutcomeUnknown) as raised:
            error = raised
        found = await store.get(key)
        if isinstance(found, StoredObject) and found.body == body:
            return found.etag
        if isinstance(error, Conflict):
            return error
    return error or Unavailable('put', key, 'it was never tried')


async def _races(store: Store, key: str) -> None:
    """Let racers create one object, and twice replace it: each time one of them wins, and its body is stored."""
    await _won_by_one(store, key, 'create', 'created')
    for verb in ('replaced', 'replaced again'):
        await _won_by_one(store, key, Replace((await _read(store, key)).etag), verb)


async def _won_by_one(store: Store, key: str, mode: Mode, verb: str) -> None:
    for attempt in range(ATTEMPTS):
        bodies = [f'{verb} by {racer} at {attempt}'.encode() for racer in range(RACERS)]
        outcomes = await asyncio.gather(*(_outcome(store, key, body, mode) for body in bodies))
        won = [body for body, outcome in zip(bodies, outcomes, strict=True) if outcome is None]
        found = await store.get(key)
        stored = found.body if isinstance(found, StoredObject) else None
        if len(won) > 1 or (won and won != [stored]):
            raise ConditionsIgnored('put', key, f'of {RACERS} puts at the same time {len(won)} succeeded')
        if stored in bodies:  # also where the winner was told otherwise
            return
    raise Unavailable('put', key, 'no put was applied')


async def _outcome(store: Store, key: str, body: bytes, mode: Mode) -> StoreError | None:
    try:
        await store.put(key, body, mode=mode)
    except (Conflict, OutcomeUnknown, Unavailable) as error:
        return error
    return None


async def _read(store: Store, key: str) -> StoredObject:
    found = await store.get(key)
    if not isinstance(found, StoredObject):
        raise ConditionsIgnored('get', key, 'what was put is not there')
    return found


async def _remove(store: Store, keys: list[str]) -> None:
    try:
        for key in keys:
            await store.delete(key)
    except StoreError as error:
        level = logging.WARNING if isinstance(error, Refused) else logging.DEBUG  # who is away is told of elsewhere
        log.log(level, 'objects of the probe may be left behind: %s', error)
