"""The disk of a simulated host, with its journals: a commit takes time, may fail, and may be cut short."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence

from nicegui_stash.errors import Unavailable
from nicegui_stash.stores.journal import Leftover, Row


class Disk:
    """Journals by writer. What was committed stays, whoever dies."""

    def __init__(self, dice: random.Random, trouble: float = 0.0) -> None:
        self.dice = dice
        self.trouble = trouble
        self.skew = 0.0
        self.files: dict[str, SimulatedFile] = {}
        self.on_commit: Callable[[str, Sequence[Row]], None] = lambda writer, rows: None

    def rows(self, writer: str) -> list[Row]:
        file = self.files.get(writer)
        return list(file.rows.values()) if file else []

    @property
    def left(self) -> list[SimulatedFile]:
        """Journals that nobody has open."""
        return [file for file in self.files.values() if file.rows and not file.is_open]


class SimulatedFile:
    """One journal: its rows by sequence, as they are on the disk."""

    def __init__(self, disk: Disk, writer: str) -> None:
        self.writer = writer
        self.rows: dict[int, Row] = {}
        self.is_open = True
        self._disk = disk

    async def commit(self, rows: Sequence[Row], gone: Sequence[int]) -> None:
        await asyncio.sleep(self._disk.dice.random() * 0.004)
        if not self.is_open:
            raise Unavailable('put', 'journal', 'its server has died')
        if self._disk.dice.random() < self._disk.trouble:
            raise Unavailable('put', 'journal', 'the disk is full')
        for row in rows:
            self.rows[row.sequence] = row
        for sequence in gone:
            self.rows.pop(sequence, None)
        self._disk.on_commit(self.writer, rows)
        await asyncio.sleep(self._disk.dice.random() * 0.001)

    async def aclose(self) -> None:
        self.is_open = False


class Desk:
    """What one server sees of the disk: its own journal, and what it takes over. It lets go of all when it dies."""

    def __init__(self, disk: Disk, name: str) -> None:
        self._disk = disk
        self.name = name
        self._held: list[SimulatedFile] = []

    def own(self, writer: str) -> SimulatedFile:
        del writer  # the server has a name that a seed always gives
        file = self._disk.files[self.name] = SimulatedFile(self._disk, self.name)
        self._held.append(file)
        return file

    def leftovers(self) -> list[Leftover]:
        found = self._disk.left
        for file in found:
            file.is_open = True
        self._held += found
        return [Leftover(file.writer, [file.rows[each] for each in sorted(file.rows)], file) for file in found]

    def let_go(self) -> None:
        for file in self._held:
            file.is_open = False
