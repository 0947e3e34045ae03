"""Adopting: what somebody entered before signing in goes over into the person's document, durably and once.

The values are put together with a note of what they are. Only then the guest's document is erased, unless somebody else
has erased it. So each step can be repeated, after a kill or on another server, and nothing goes over twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from hashlib import blake2b
from typing import Final

import msgspec

from ..errors import StoreError, ValueNotStorable
from ..model.document import Raw, SliceId
from ..model.operations import ADOPTED
from ..model.schema import Schema
from .session import Session
from .store_io import DEADLINE

log = logging.getLogger('nicegui_stash')

ROUNDS: Final = 3
"""How often it begins again, where pages of other servers add to what the guest has entered."""

PATIENCE: Final = 100
"""How often each step is tried: some minutes long."""

Values = list[tuple[SliceId, str, Raw]]


async def adopt(
    person: Session,
    guest: Session,
    schemas: Collection[Schema],
    *,
    replace: bool,
    arrived: Callable[[], None],
    backoff: Callable[[int], float],
) -> None:
    """Bring a guest's values into a person's document, then erase the guest's.

    Raises `TimeoutError` if the store does not take it for long: it can be tried again at any time.

    With `replace` they win over what the person has, else they fill what is missing. `arrived` is called when they are
    accepted, or if there are none. `backoff` returns how many seconds to wait after so many failures.
    """
    for _ in range(ROUNDS):
        await _try(lambda: _read(person, guest), backoff)
        values = _values_of(guest, schemas)
        if not values:
            arrived()
            return
        epoch, state = guest.document.epoch, _state_of(guest, values)
        try:
            person.receive(blake2b(guest.key.encode(), digest_size=8).hexdigest(), state, values, replace=replace)
        except ValueNotStorable as error:
            log.warning(
                'session %s: what was entered before signing in stays there: %s', guest.key, error.without_value
            )
            arrived()
            return
        arrived()
        await _try(lambda: _put(person), backoff)
        await _try(lambda: _look(guest), backoff)
        if not (left := _values_of(guest, schemas)):
            return  # somebody else was faster
        if _state_of(guest, left) == state:
            guest.forget(epoch=epoch)
            await _try(lambda: _put(guest), backoff)
            return


async def _try(step: Callable[[], Awaitable[bool]], backoff: Callable[[int], float]) -> None:
    failures = 0
    while not await step():
        failures += 1
        if failures > PATIENCE:
            raise TimeoutError
        await asyncio.sleep(backoff(failures))


async def _read(person: Session, guest: Session) -> bool:
    """Read the guest's document as it is now, and the person's if it is not known yet; tell if both are known."""
    is_known, is_new = await asyncio.gather(person.load(DEADLINE), _look(guest))
    return is_known and is_new


async def _look(session: Session) -> bool:
    if not session.is_read:
        return await session.load(DEADLINE)
    reads = session.reads
    await session.revalidate(DEADLINE)
    return session.reads > reads


async def _put(session: Session) -> bool:
    try:
        await session.put_pending()
    except StoreError:
        return False
    return True


def _values_of(guest: Session, schemas: Collection[Schema]) -> Values:
    """Return all values of a guest, under the present version of each class, too."""
    for slice_id, _ in list(guest.document.all_slices()):
        for schema in schemas:
            if schema.has_older and slice_id.name in schema.names:
                guest.inherit(schema, slice_id.key)
    return [
        (slice_id, name, raw)
        for slice_id, found in guest.document.all_slices()
        for name, raw in found.data.items()
        if slice_id != ADOPTED
    ]


def _state_of(guest: Session, values: Values) -> str:
    """Return what tells these values of this document from all others."""
    digest = blake2b(msgspec.json.encode(sorted((*slice_id, name, bytes(raw)) for slice_id, name, raw in values)))
    return f'{guest.document.born} {guest.document.epoch} {digest.hexdigest()[:32]}'
