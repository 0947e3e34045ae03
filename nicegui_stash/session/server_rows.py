"""One object with a row for each server: each writes its own row, and reads those of the others."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from ..errors import CannotOpen
from ..stores.base import ETag, StoredObject, Told, etag_of, replacing
from .shared import Shared
from .store_io import Away, Denied, MustRead, Read, Stored, read, write

log = logging.getLogger('nicegui_stash')

Row = Mapping[str, str]
PACE: Final = 1.0
"""Seconds between two puts of one object."""
LONGEST_BACKOFF: Final = 10.0

_decoder = msgspec.json.Decoder(dict[str, dict[str, str]])
_encoder = msgspec.json.Encoder()


class ServerRows:
    """Rows by server, as the store has them. The row of this server is put when it is to be another one.

    Nothing in it is durable: what is lost is put again. Rows of servers that are gone are left out of the next put.
    """

    def __init__(
        self,
        key: str,
        shared: Shared,
        mine: Callable[[], Row],
        changed: Callable[[], None],
        *,
        is_gone: Callable[[str], bool],
        may_write: Callable[[], bool],
    ) -> None:
        """Read nothing yet. `mine` returns the row of this server, an empty one for none; `is_gone` tells of another.

        `changed` is called when rows have changed; `may_write` says whether it is time to put anything.
        """
        self.key = key
        self.rows: Mapping[str, Row] = {}
        self.is_read = False
        self._shared = shared
        self._mine = mine
        self._changed = changed
        self._is_gone = is_gone
        self._may_write = may_write
        self._etag: ETag | None = None
        self._reads = 0
        self._is_due = False
        self._task: asyncio.Task[None] | None = None

    @property
    def is_unread(self) -> bool:
        return not self.is_read

    def wake(self, *, again: bool = False) -> None:
        """Read the object if it is not known, and put the row if that has changed; `again`: in any case."""
        self._is_due = self._is_due or again
        if self._task is None:
            self._task = self._shared.spawn(self._work())

    def begin_again(self) -> None:
        """Read it as if for the first time: nobody has followed it meanwhile."""
        self.rows, self._etag, self.is_read = {}, None, False
        self._reads += 1
        self.wake()

    async def look(self, told: ETag | Told | None) -> bool:
        """Look at the store, where somebody has put this, `None` for anything; return whether it is known now."""
        if told is not None and etag_of(told) == self._etag:
            return True
        if isinstance(told, Told) and self.is_read and told.before == self._etag:
            self._reads += 1
            self._take(self._opened(told.found.body), told.etag)
            return True
        self._shared.counts['gets'] += 1
        outcome = await read(self._shared.store, self.key, self._etag if self.is_read else None)
        if not isinstance(outcome, Read):
            return False
        self._reads += 1
        if isinstance(outcome.found, StoredObject):
            self._take(self._opened(outcome.found.body), outcome.found.etag)
        elif outcome.found is None:
            self._take({}, None)
        return True

    def _take(self, rows: Mapping[str, Row], etag: ETag | None) -> None:
        self._etag, self.is_read = etag, True
        before, self.rows = self.rows, rows
        if before != rows:
            self._changed()
        if not self._is_as_wanted:  # the store has lost it, or another server took this one for gone
            self.wake()

    def _opened(self, body: bytes) -> Mapping[str, Row]:
        try:
            return _decoder.decode(self._shared.sealing.open_entry(self.key, 0, body))
        except (CannotOpen, msgspec.DecodeError, UnicodeDecodeError) as error:
            log.debug('who is present on other servers cannot be read, and is put again: %s', error)
            return {}

    @property
    def _is_as_wanted(self) -> bool:
        return self.rows.get(self._shared.writer, {}) == self._mine()

    async def _work(self) -> None:
        """Read what is not known, and put until this server's row is the one that is wanted."""
        failures = 0
        try:
            while not self._shared.closed:
                if self.is_read and (not self._may_write() or (self._is_as_wanted and not self._is_due)):
                    return
                answered = await (self._put() if self.is_read else self.look(None))
                if answered is None:
                    return
                failures = 0 if answered else failures + 1
                if failures:
                    await asyncio.sleep(self._shared.backoff(failures, LONGEST_BACKOFF))
        finally:  # no await since it was looked at
            self._task = None

    async def _put(self) -> bool | None:
        """Put the rows; tell whether somebody answered, `None` for a refusal."""
        shared, mine, reads = self._shared, self._mine(), self._reads
        self._is_due = False
        rows = {
            server: row for server, row in self.rows.items() if server != shared.writer and not self._is_gone(server)
        }
        if mine:
            rows[shared.writer] = mine
        body = _encoder.encode(rows)
        if shared.sealing.encrypts:
            body = shared.sealing.seal_entry(self.key, 0, body)
        shared.counts['puts'] += 1
        match await write(shared.store, self.key, body, replacing(self._etag)):
            case Stored(etag) if reads == self._reads:
                self._take(rows, etag)
                await asyncio.sleep(PACE)
                return True
            case Stored() | MustRead():  # also where it was read meanwhile: that may have been before or after the put
                self.is_read = False
                return reads != self._reads
            case Away():
                return False
            case Denied(error):
                shared.say_once('present', 'who is present cannot be written for other servers: %s', error)
                return None
