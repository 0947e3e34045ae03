"""A record of puts by field, and of the store's answers, kept while somebody may inspect the process.

It has a fixed size: a row for each declared field, and one for each interval of time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from ..model.operations import Operation, Set, Update
from ..model.schema import Schema

INTERVAL: Final = 5.0
"""Seconds of answers that are one point of the record."""
INTERVALS: Final = 120
"""How many intervals are kept: ten minutes."""

Asked = Literal['get', 'put']
FieldName = tuple[str, int, str]
"""Stored name, version and field; the field is empty for what no class declares here."""


@dataclass(slots=True)
class Puts:
    """How often a field's value was put, and the bytes of all these values."""

    count: int = 0
    size: int = 0


@dataclass(slots=True)
class Answers:
    """The answers within one interval, which began at `since` (in s of the event loop): their times in seconds."""

    since: float
    count: int = 0
    total: float = 0.0
    longest: float = 0.0

    @property
    def mean(self) -> float:
        return self.total / self.count if self.count else 0.0


def _rows() -> deque[Answers]:
    return deque(maxlen=INTERVALS)


@dataclass(slots=True)
class Record:
    """What the sessions of one registry put, and how long the store took. `time` is that of the event loop."""

    time: Callable[[], float]
    schemas: Mapping[str, Schema]
    puts: dict[FieldName, Puts] = field(default_factory=dict[FieldName, Puts])
    answers: dict[Asked, deque[Answers]] = field(default_factory=lambda: {'get': _rows(), 'put': _rows()})

    def put(self, operations: Iterable[Operation]) -> None:
        """Count the values that a put brings to the store, whatever comes of it."""
        for operation in operations:
            if isinstance(operation, Set):
                self._count(operation.slice.name, operation.slice.version, operation.field, len(operation.raw))
            elif isinstance(operation, Update):
                for _, name, raw in operation.written:
                    self._count(operation.slice.name, operation.slice.version, name, len(raw))

    def _count(self, name: str, version: int, field_name: str, size: int) -> None:
        schema = self.schemas.get(name)
        if schema is None or field_name not in schema.fields:  # names that a visitor may have made
            field_name = ''
        row = self.puts.setdefault((name, version, field_name), Puts())
        row.count += 1
        row.size += size

    def answered(self, asked: Asked, began: float) -> None:
        """Note an answer of the store to what was asked at `began`, by the time of the event loop."""
        now = self.time()
        rows = self.answers[asked]
        if not rows or now - rows[-1].since >= INTERVAL:
            rows.append(Answers(now - now % INTERVAL))
        row, took = rows[-1], now - began
        row.count += 1
        row.total += took
        row.longest = max(row.longest, took)
