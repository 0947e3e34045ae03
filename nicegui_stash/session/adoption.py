"""Adopting: what somebody entered before signing in goes over into the person's document, durably and once.

The values are put together with a note of what they are. Only then they are withdrawn from the guest's document, where
what was added meanwhile stays. So each step can be repeated, after a kill or on another server, and nothing goes over
twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterator
from hashlib import blake2b
from typing import Final

from ..errors import StoreError, ValueNotStorable
from ..model.document import Document, Raw, SliceId
from ..model.operations import ADOPTED, Generation, times_given
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
    """Bring a guest's values into a person's document, then withdraw them from the guest's.

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
        generation = _generation(guest)
        try:
            person.receive(blake2b(guest.key.encode(), digest_size=8).hexdigest(), generation, values, replace=replace)
        except ValueNotStorable as error:
            log.warning(
                'session %s: what was entered before signing in stays there: %s', guest.key, error.without_value
            )
            arrived()
            return
        arrived()
        await _try(lambda: _put(person), backoff)
        withdrawn = guest.withdraw(values)
        await _try(lambda: _put(guest), backoff)
        if withdrawn.comes_too_late or not any(values_of(guest.document)):
            return  # if somebody else was faster, what is there now may be the next visitor's


def _generation(guest: Session) -> Generation:
    """Return what tells the values of this document from those of the next visitor."""
    document = guest.document
    return document.born, document.epoch, times_given(document)


async def _try(step: Callable[[], Awaitable[bool]], backoff: Callable[[int], float]) -> None:
    failures = 0
    while not await step():
        failures += 1
        if failures > PATIENCE:
            raise TimeoutError
        await asyncio.sleep(backoff(failures))


async def _read(person: Session, guest: Session) -> bool:
    """Read the guest's document as it is now, and the person's if it is not known yet; tell if both are known.

    What is pending is put first: before that, servers would not mean the same document by its generation.
    """
    is_known, is_new = await asyncio.gather(person.load(DEADLINE), _look(guest))
    return is_known and is_new and (not guest.pending or await _put(guest))


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
    return list(values_of(guest.document))


def values_of(document: Document) -> Iterator[tuple[SliceId, str, Raw]]:
    """Iterate over what somebody has entered into a guest's document."""
    for slice_id, found in document.all_slices():
        if slice_id != ADOPTED:
            yield from ((slice_id, name, raw) for name, raw in found.data.items())
