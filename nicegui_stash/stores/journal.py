"""What a journal asks of the disk: rows in the order of acceptance, committed together, removed when they are put."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Row(NamedTuple):
    """One accepted operation. `sequence` is unique in its file; only a session reads the body.

    `accepted` is a time in ms, negative by the clock of this host, if the store had not told its time yet.
    """

    sequence: int
    key: str
    accepted: int
    body: bytes


class JournalFile(Protocol):
    """The journal of one process; while that lives, no other process opens it."""

    async def commit(self, rows: Sequence[Row], gone: Sequence[int]) -> None:
        """Write rows, over those of the same sequence, and remove others; all of it is on the disk afterwards, or none.

        Raises `StoreError`.
        """
        ...

    async def aclose(self) -> None:
        """Let others have the file, and remove it if it is empty. The next commit opens it again."""
        ...


class Leftover(NamedTuple):
    """The journal of a process that ended: its name as a writer, and its rows in the order of their sequence."""

    writer: str
    rows: Sequence[Row]
    file: JournalFile


class Journals(Protocol):
    """The journals of one host for one store."""

    def own(self, writer: str) -> JournalFile:
        """Open the journal of this process. Blocks; a disk that does not take it is noticed at the first commit."""
        ...

    def leftovers(self) -> Sequence[Leftover]:
        """Take over the journals of processes that ended; whoever asks first has them. Blocks."""
        ...
