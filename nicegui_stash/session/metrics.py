"""The counts of `statistics()` as OpenTelemetry metrics, if its API is installed: read when the app's SDK asks.

Nothing is computed unless an SDK asks.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Protocol
from weakref import WeakSet

NAME: Final = 'nicegui_stash'
HELD: Final = frozenset({'sessions', 'rooms', 'people', 'pending', 'pending_bytes', 'lag_ms'})
"""What may also decrease; the rest is counted since the start."""
LABELS: Final[Mapping[str, tuple[str, ...]]] = {
    'recoveries': ('status', 'reason'),
    'values_by_class': ('class',),
    'bytes_by_class': ('class',),
}
"""The attributes of a count by their levels; other counts have none."""
Parts = tuple[tuple[str, str], ...]
Levels = int | Mapping[str, 'Levels']
Read = Callable[[str], dict[Parts, int]]
"""Returns the present counts of one name by their attributes; one without attributes has one count."""


class Counted(Protocol):
    """Something with counts, as a frozen record. It is asked from the SDK's thread."""

    def statistics(self, pending: int | None = None) -> Any: ...


class Published:
    """What is published together: the sum over all that is alive."""

    def __init__(self) -> None:
        self._counted: WeakSet[Counted] = WeakSet()
        self._is_known = False

    def add(self, counted: Counted, record: type[Any], meter: Any = None) -> None:
        """Publish the counts of a record's class, from now on with those of one more. `meter`: for tests."""
        self._counted.add(counted)
        if not self._is_known:
            self._is_known = True
            _create(meter, record, self._read)

    def _read(self, name: str) -> dict[Parts, int]:
        pending = None if name == 'pending' else 0  # only that count looks at each session
        found = Counter[Parts]()
        for counted in list(self._counted):
            for parts, number in _leaves(getattr(counted.statistics(pending), name), LABELS.get(name, ())):
                found[parts] += number
        return found


def _leaves(count: Levels, labels: tuple[str, ...], parts: Parts = ()) -> Iterator[tuple[Parts, int]]:
    if isinstance(count, int):
        yield parts, count
        return
    for key, inner in count.items():
        yield from _leaves(inner, labels[1:], (*parts, (labels[0], key)))


published: Final = Published()

try:
    from opentelemetry.metrics import CallbackOptions, Meter, Observation, get_meter
except ImportError:  # an older FastAPI does not bring it

    def _create(meter: Any, record: type[Any], read: Read) -> None:
        del meter, record, read

else:

    def _create(  # pyright: ignore[reportRedeclaration]
        meter: Meter | None, record: type[Any], read: Read
    ) -> None:
        meter = meter or get_meter(NAME)
        for each in dataclasses.fields(record):
            create = meter.create_observable_up_down_counter if each.name in HELD else meter.create_observable_counter
            # without a unit, of which each exporter makes another ending of the name
            create(f'{NAME}.{each.name}', [_observing(read, each.name)], description=f'{each.name} of statistics()')

    def _observing(read: Read, name: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
        return lambda _: [Observation(count, dict(parts)) for parts, count in read(name).items()]
