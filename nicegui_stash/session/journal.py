"""Keeps what was accepted on the disk of this host, until it is in the store.

What is accepted while one commit is under way goes into the next one, so that a thousand changes flush the disk once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Protocol

import msgspec

from ..errors import StoreError
from ..model.operations import Drop, Forget, Operation, Reset, Set
from ..stores.journal import JournalFile, Row

log = logging.getLogger('nicegui_stash')

RETRY = 5.0
"""Seconds until a journal that cannot be written is tried again."""

LAST_COMMIT = 5.0
"""Seconds for the last commit of a registry that is closed."""

BeforeRead = Callable[[str], Awaitable[StoreError | None]]
"""Replays what a process that ended had accepted for a key; returns why that is not possible now."""


class Entry(msgspec.Struct, omit_defaults=True):
    """One operation in a journal, whose value its field has encoded already.

    `born` is that of the document for which it was accepted, `None` before the first read.
    """

    operation: Set | Drop | Reset | Forget
    born: int | None = None


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Entry)


def row_of(
    key: str, born: int | None, operation: Operation, now: int, seal: Callable[[str, int, bytes], bytes] | None = None
) -> Row | None:
    """Return the row of an operation; `None` for one that no other process can apply or needs to.

    `seal` seals its entry: it takes the key, the sequence and the entry.
    """
    if not isinstance(operation, (Set, Drop, Reset, Forget)):
        return None
    body = _encoder.encode(Entry(operation, born))
    return Row(operation.sequence, key, now, seal(key, operation.sequence, body) if seal else body)


def entry_of(row: Row) -> Entry:
    """Return what a row holds. Raises `msgspec.DecodeError`."""
    return _decoder.decode(row.body)


class Source(Protocol):
    """What has operations to be kept: a document's synchroniser."""

    def take_unnoted(self, now: int) -> tuple[list[Row], int]:
        """Return the rows that the journal has not got yet, and the sequence up to which it then has all."""
        ...

    def kept(self, sequence: int) -> None:
        """All up to here is on the disk."""
        ...

    def note_again(self) -> None:
        """Nothing of it is on the disk any more."""
        ...

    def is_kept_to(self, sequence: int) -> bool:
        """Whether all up to here is on the disk, or in the store."""
        ...


class Journal:
    """The journal of one registry. A task of it runs only while something is to be committed."""

    def __init__(
        self,
        file: JournalFile,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        now: Callable[[], int],
        all_sources: Callable[[], Iterable[Source]],
        on_change: Callable[[StoreError | None], None],
    ) -> None:
        """`all_sources` returns who has something pending.

        `on_change` is called once with the reason when the journal cannot be written, and with `None` when it can.
        """
        self.is_failing = False
        self._file = file
        self._spawn = spawn
        self._now = now
        self._all_sources = all_sources
        self._on_change = on_change
        self._sources: dict[Source, None] = {}
        self._gone: list[int] = []
        self._task: asyncio.Task[None] | None = None
        self._turn: asyncio.Future[None] | None = None
        self._closed = False

    def note(self, source: Source) -> None:
        """Commit what a source has accepted, together with all else that is accepted until then."""
        if not self._closed:
            self._sources[source] = None
            self._wake()

    def drop(self, sequence: int) -> None:
        """Remove an operation that is in the store, or is not wanted any more."""
        if not self._closed:
            self._gone.append(sequence)
            self._wake()

    async def keep(self, source: Source, sequence: int) -> bool:
        """Wait until all up to this sequence is on the disk; return whether it is, or the store has to take it."""
        while not source.is_kept_to(sequence):
            if self.is_failing or self._closed:
                return False
            self.note(source)
            if self._turn is None:
                self._turn = asyncio.get_running_loop().create_future()
            await asyncio.wait({self._turn})
        return True

    async def aclose(self) -> None:
        """Commit what is noted, if that works, and let others have the file."""
        self._closed = True
        task = self._task
        if task is not None:  # when it ends, it is not ours any more
            if not self.is_failing:
                await asyncio.wait({task}, timeout=LAST_COMMIT)
            task.cancel()
        self._end_turn()
        await self._file.aclose()

    def _wake(self) -> None:
        if self._task is None:
            self._task = self._spawn(self._work())

    async def _work(self) -> None:
        try:
            while self._sources or self._gone:
                try:
                    await self._commit()
                except StoreError as error:
                    self._failed(error)
                    await asyncio.sleep(RETRY)
                    self._sources.update(dict.fromkeys(self._all_sources()))
                else:
                    if self.is_failing:
                        self.is_failing = False
                        self._on_change(None)
        finally:
            self._task = None
            self._end_turn()

    async def _commit(self) -> None:
        sources, self._sources = self._sources, {}
        gone, self._gone = self._gone, []
        turn, self._turn = self._turn, None
        rows: list[Row] = []
        kept: list[tuple[Source, int]] = []
        now = self._now()
        for source in sources:
            new, sequence = source.take_unnoted(now)
            rows += new
            kept.append((source, sequence))
        try:
            if rows or gone:
                await self._file.commit(rows, gone)
        except StoreError:
            self._gone = gone + self._gone
            raise
        finally:
            _end(turn)  # who waits looks again when this step is over
        for source, sequence in kept:
            source.kept(sequence)

    def _failed(self, error: StoreError) -> None:
        """Note all again for the next attempt, which may have another file; until then the store is alone."""
        for source in self._all_sources():
            source.note_again()
        was_failing, self.is_failing = self.is_failing, True
        self._end_turn()
        if not was_failing:
            self._on_change(error)

    def _end_turn(self) -> None:
        turn, self._turn = self._turn, None
        _end(turn)


def _end(turn: asyncio.Future[None] | None) -> None:
    if turn is not None and not turn.done():
        turn.set_result(None)
