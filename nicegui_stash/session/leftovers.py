"""Replays what a process of this host had accepted and not put when it ended.

Its sessions are revived under its name as a writer: so what it has put already is not applied again, and what was
erased or reset since does not come back, by the same rules as for a process that lives.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import msgspec

from ..errors import CannotOpen, Refused, StoreError
from ..model.operations import Operation
from ..stores.journal import JournalFile, Leftover, Row
from .journal import entry_of
from .session import Session
from .shared import Shared

log = logging.getLogger('nicegui_stash')

AT_ONCE = 16
"""How many documents are replayed at once."""
LONGEST_PAUSE = 5.0
"""Seconds between two attempts on a store that is away."""


class Leftovers:
    """What is left of processes that ended. A document of theirs is read by nobody here before it has its changes."""

    def __init__(self, shared: Shared, found: Sequence[Leftover]) -> None:
        self._shared = shared
        self._waiting: dict[str, list[_Revived]] = {}
        self._files = {leftover.file: len(leftover.rows) for leftover in found}
        for leftover in found:
            self._sort(leftover)

    def _sort(self, leftover: Leftover) -> None:
        """Prepare the rows of each document."""
        shared = self._shared.of_writer(leftover.writer, leftover.rows[-1].sequence)
        rows: dict[str, list[Row]] = {}
        for row in leftover.rows:
            rows.setdefault(row.key, []).append(row)
        for key, its_rows in rows.items():
            self._waiting.setdefault(key, []).append(_Revived(shared, key, leftover.file, its_rows))
        log.info('a journal of %s holds changes of %d sessions; they are put now', leftover.writer, len(rows))

    async def before_read(self, key: str) -> StoreError | None:
        """Replay a document; return why it cannot be read yet. A store that refuses the put may still be read."""
        error = await self._replay(key)
        return None if isinstance(error, Refused) else error

    async def run(self) -> None:
        """Replay everything, for as long as that takes."""
        failures = 0
        while self._waiting:
            keys = list(self._waiting)[:AT_ONCE]
            failed = [
                key
                for key, error in zip(keys, await asyncio.gather(*map(self._replay, keys)), strict=True)
                if error is not None
            ]
            for key in failed:  # its turn comes again after all others
                if (revived := self._waiting.pop(key, None)) is not None:
                    self._waiting[key] = revived
            failures = failures + 1 if failed else 0
            if failed:
                await asyncio.sleep(self._shared.backoff(failures, LONGEST_PAUSE))

    async def aclose(self) -> None:
        """Let others have what is not replayed yet."""
        files, self._files = list(self._files), {}
        for file in files:
            await file.aclose()

    async def _replay(self, key: str) -> StoreError | None:
        for revived in list(self._waiting.get(key, ())):
            try:
                await revived.put()
            except StoreError as error:
                return error
            await self._remove(revived.file, revived.take_sequences())
        self._waiting.pop(key, None)
        return None

    async def _remove(self, file: JournalFile, sequences: list[int]) -> None:
        """Remove rows that were replayed. If that fails they are replayed again at the next start, without effect."""
        if not sequences or file not in self._files:
            return
        try:
            await file.commit((), sequences)
        except StoreError as error:
            log.warning('what was replayed cannot be removed from the journal: %s', error)
        self._files[file] -= len(sequences)
        if self._files[file] == 0:
            del self._files[file]
            await file.aclose()


class _Revived:
    """A session of a process that ended, until its changes are put."""

    def __init__(self, shared: Shared, key: str, file: JournalFile, rows: list[Row]) -> None:
        self.file = file
        self._shared = shared
        self._key = key
        self._rows = rows
        self._session: Session | None = None

    async def put(self) -> None:
        """Put the changes. Raises `StoreError` if that does not work now."""
        clock = self._shared.clock
        if clock.is_due and (error := await clock.ask()) is not None:
            raise error
        if self._session is None:
            self._session = self._revive()
        await self._session.put_pending()

    def take_sequences(self) -> list[int]:
        """Return the sequences of the rows, once."""
        rows, self._rows = self._rows, []
        return [row.sequence for row in rows]

    def _revive(self) -> Session:
        """Make the session. What is older than `ttl` has expired, as its document has."""
        session = Session(self._key, (), self._shared)
        operations: list[Operation] = []
        born: int | None = None
        for row in list(self._rows):
            if self._shared.has_expired(row.accepted):
                continue
            try:
                opened = self._shared.sealing.open_entry(row.key, row.sequence, row.body)
                entry = entry_of(row._replace(body=opened))
            except CannotOpen as error:
                log.warning('session %s: a change in a journal stays there: %s (%s)', self._key, error, error.hint)
                self._rows.remove(row)
                continue
            except msgspec.DecodeError:  # its message may quote the value
                log.warning('session %s: a change in a journal cannot be read, and stays there', self._key)
                self._rows.remove(row)
                continue
            operations.append(entry.operation)
            born = entry.born
        session.revive(born, operations)
        return session
