"""Reads an object as a document: tries older keys, and quarantines bytes that are not a document."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from dataclasses import dataclass
from typing import Literal

from ..errors import CannotOpen, Conflict, MalformedDocument, Refused, UnknownFormat
from ..model.document import FORMAT, Document, from_bytes, new_document, to_bytes
from ..model.sealing import SEALED, Sealing, damaged
from ..stores.base import ETag, NotModified, Replace, StoredObject
from .shared import Shared
from .store_io import Away, Denied, MustRead, Read, Stored, read, write

log = logging.getLogger('nicegui_stash')

Condition = Literal['unread', 'fresh', 'found', 'expired', 'quarantined', 'unreadable', 'sealed']
"""What is known about a session's document. While it is unread, unreadable or sealed, changes are provisional."""


CLOSING_PATIENCE = 60.0
"""Seconds after which a sweep no longer deletes an object that it marked as closing: it has stopped."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document as it was read; `inherited` names the objects under older secrets that it came from.

    `is_gone`: there is no object under the first key, or one that a sweep has marked and left; `is_erased_there`: but
    a tombstone under an older key.
    """

    document: Document
    etag: ETag | None
    condition: Condition
    size: int = 0
    inherited: tuple[tuple[str, ETag], ...] = ()
    body: bytes | None = None
    """The bytes of exactly this document."""
    is_gone: bool = False
    is_erased_there: bool = False


@dataclass(frozen=True, slots=True)
class Same:
    """The object has not changed."""


SAME = Same()


@dataclass(frozen=True, slots=True)
class Foreign:
    """The object has an unknown format, of another version of this library, or cannot be opened; it is left alone."""

    error: Refused
    condition: Condition = 'unreadable'


class _Closing:
    """The object is about to be deleted, and with it whatever is put over it now."""


def is_closing(document: Document, now: int) -> bool:
    """Whether a sweep may still delete the object, as of `now` in ms: no one else may put or delete it then."""
    return bool(document.closing) and abs(now - document.closing) < CLOSING_PATIENCE * 1000


async def fetch(
    shared: Shared,
    key: str,
    older_keys: tuple[str, ...],
    unless: ETag | None,
    *,
    is_limited: bool = False,
    told: StoredObject | None = None,
) -> Fetched | Same | Foreign | Away | Denied:
    """Read a session's document. Bytes that are not a document are quarantined, and never read in part.

    If a sweep is deleting the object, wait until it is gone or the sweep has stopped. `told`: the store has said that
    it has this object, which is not read then.
    """
    looks = 0
    if told is not None:
        understood = await _understand(shared, key, told.body, told.etag)
        if not isinstance(understood, _Closing):
            return understood
    while True:
        shared.counts['gets'] += 1
        reading = read(shared.store, key, unless, is_limited=is_limited)
        if shared.clock.is_known:
            began = asyncio.get_running_loop().time()
            outcome = await reading
            if shared.record is not None:
                shared.record.answered('get', began)
        else:
            outcome, failure = await asyncio.gather(reading, shared.clock.ask())
            if failure:
                return Away(failure)
        if not isinstance(outcome, Read):
            return outcome
        match outcome.found:
            case NotModified():
                return SAME
            case None:
                return await _fetch_older(shared, older_keys)
            case StoredObject(body, etag):
                understood = await _understand(shared, key, body, etag)
        if not isinstance(understood, _Closing):
            return understood
        looks += 1
        await asyncio.sleep(shared.backoff(looks, 2.0))


async def _understand(
    shared: Shared, key: str, body: bytes, etag: ETag
) -> Fetched | Foreign | Away | Denied | _Closing:
    try:
        document, opened = opened_document(shared.sealing, key, body)
    except (UnknownFormat, CannotOpen) as error:
        return _foreign(shared, key, error)
    except MalformedDocument as error:
        return await _quarantine(shared, key, body, etag, error)
    if failure := await _ask_time(shared, document):
        return failure
    if document.closing:
        if is_closing(document, shared.now()):
            return _Closing()
        return Fetched(new_document(born=shared.now()), etag, 'fresh', is_gone=True)  # its sweep has died
    return Fetched(document, etag, 'found', len(opened), body=opened)


async def _ask_time(shared: Shared, document: Document) -> Away | None:
    """Ask the store for its time, if that decides what becomes of a document that was read."""
    if next(reversed(document.applied), None) != shared.writer:  # what this server's clock says, it knows already
        shared.clock.saw(document.seen / 1000)
    seems_old = document.closing or document.seen < shared.now() - shared.policy.ttl * 1000
    failure = await shared.clock.ask() if seems_old and shared.clock.is_due else None
    return Away(failure) if failure else None


def opened_document(sealing: Sealing, key: str, body: bytes) -> tuple[Document, bytes]:
    """Return the document of an object, and its bytes in clear, whether or not it is sealed.

    Raises `MalformedDocument`, `UnknownFormat`, or `CannotOpen`, also where bytes may be a damaged sealed document.
    """
    opened = sealing.open(key, body) if body.startswith(SEALED) else body
    try:
        return from_bytes(opened), opened
    except MalformedDocument as error:
        if sealing.leaves(body):
            raise damaged() from error
        raise


def _foreign(shared: Shared, key: str, error: UnknownFormat | CannotOpen) -> Foreign:
    is_sealed = isinstance(error, CannotOpen)
    shared.say_once(
        'sealed' if is_sealed else 'format', 'session %s: %s; it is left alone, and changes stay in memory', key, error
    )
    return Foreign(Refused('get', key, str(error), error.hint), 'sealed' if is_sealed else 'unreadable')


async def _fetch_older(shared: Shared, older_keys: tuple[str, ...]) -> Fetched | Foreign | Away | Denied:
    """Read under the keys of older secrets. A document found there moves to the first key at the next put."""
    for key in older_keys:
        outcome = await read(shared.store, key)
        if not isinstance(outcome, Read):
            return outcome
        if isinstance(outcome.found, StoredObject):
            try:
                document, opened = opened_document(shared.sealing, key, outcome.found.body)
            except (UnknownFormat, CannotOpen) as error:
                return _foreign(shared, key, error)
            except MalformedDocument as error:
                log.warning('object %s, stored under an older secret, is left alone: %s', key, error)
                continue
            if failure := await _ask_time(shared, document):
                return failure
            if document.erased:  # it was forgotten, and what an even older secret still holds with it
                return Fetched(new_document(born=shared.now()), None, 'fresh', is_gone=True, is_erased_there=True)
            return Fetched(document, None, 'found', len(opened), ((key, outcome.found.etag),))
    return Fetched(new_document(born=shared.now()), None, 'fresh', is_gone=True)


def quarantine_key(key: str, body: bytes) -> str:
    """Return the key for the copy of a malformed object, named by its content.

    >>> quarantine_key('ab/abcd.json', b'{')
    'quarantine/ab/abcd.json/021fb596db81e6d0'
    """
    return f'quarantine/{key}/{hashlib.sha256(body).hexdigest()[:16]}'


async def _quarantine(
    shared: Shared, key: str, body: bytes, etag: ETag, error: MalformedDocument
) -> Fetched | Away | Denied:
    copy = quarantine_key(key, body)
    match await write(shared.store, copy, body, 'create'):
        case Away() | Denied() as failure:
            return failure
        case MustRead(uncertain) if not isinstance(uncertain, Conflict):
            return Away(uncertain)
        case Stored() | MustRead():  # a conflict: it is there already, and its name holds the hash of the bytes
            shared.counts['quarantined'] += 1
            log.error('session %s: %s; the bytes are kept as %s', key, error, copy)
            return Fetched(new_document(born=shared.now()), etag, 'quarantined')


async def erase(shared: Shared, inherited: tuple[tuple[str, ETag], ...], epoch: int) -> None:
    """Put a tombstone under the keys of older secrets, so that erased values never come back from there."""
    for key, etag in inherited:
        tombstone = Document(FORMAT, epoch, shared.now(), {}, {}, erased=True)
        body = to_bytes(tombstone)
        if shared.sealing.encrypts:
            body = shared.sealing.seal(key, tombstone, body)
        outcome = await write(shared.store, key, body, Replace(etag))
        if not isinstance(outcome, Stored):
            log.warning('object %s, stored under an older secret, could not be erased: %s', key, outcome.error)
