"""Metrics and spans of store operations, through OpenTelemetry's API if it is installed.

FastAPI brings the API; without an SDK in the app it does nothing. No attribute ever holds a stored value.
"""

from __future__ import annotations

from collections.abc import Awaitable
from time import monotonic, perf_counter
from typing import TypeVar

T = TypeVar('T')

try:
    from opentelemetry import metrics, trace
except ImportError:  # an older FastAPI does not bring it

    class Unwatched:
        """Stands where there is no API: nothing is ever recorded."""

        is_watched = False

    lookout = Unwatched()

    async def within_span(operation: str, key: str, work: Awaitable[T]) -> T:
        """Await an operation of the store."""
        del operation, key
        return await work

else:
    _tracer = trace.get_tracer('nicegui_stash')
    _meter = metrics.get_meter('nicegui_stash')
    _duration = _meter.create_histogram(
        'nicegui_stash.store.duration', unit='s', description='Time until the store answered, by operation and outcome'
    )

    class Lookout:
        """Says whether an SDK was set up, for spans or for metrics: without one the API would cost as much as a read.

        It asks once a second at most, so that an SDK that is set up while the app runs is noticed a second later.
        """

        def __init__(self) -> None:
            self._found = False
            self._next = 0.0

        @property
        def is_watched(self) -> bool:
            """Whether spans or durations reach an SDK."""
            if not self._found and (now := monotonic()) >= self._next:
                self._next = now + 1
                self._found = (
                    not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
                    or type(metrics.get_meter_provider()).__name__ != '_ProxyMeterProvider'
                )
            return self._found

    lookout = Lookout()

    async def within_span(operation: str, key: str, work: Awaitable[T]) -> T:  # pyright: ignore[reportRedeclaration]
        """Await an operation of the store, and record how long it took and what came of it."""
        with _tracer.start_as_current_span(f'nicegui_stash.{operation}', attributes={'nicegui_stash.key': key}) as span:
            started = perf_counter()
            outcome = await work
            attributes = {'operation': operation, 'outcome': type(outcome).__name__.lower()}
            _duration.record(perf_counter() - started, attributes)
            span.set_attributes(attributes)
            return outcome
