"""Metrics and spans of what is asked of the store, through OpenTelemetry's API where it is installed.

FastAPI brings the API; without an SDK in the app it does nothing. No attribute ever holds a value that an app stored.
"""

from __future__ import annotations

from collections.abc import Awaitable
from time import perf_counter
from typing import TypeVar

T = TypeVar('T')

try:
    from opentelemetry import metrics, trace
except ImportError:  # an older FastAPI does not bring it

    def observed(operation: str, key: str, work: Awaitable[T]) -> Awaitable[T]:
        """Return an operation of the store, to be awaited."""
        del operation, key
        return work

else:
    _tracer = trace.get_tracer('nicegui_stash')
    _meter = metrics.get_meter('nicegui_stash')
    _duration = _meter.create_histogram(
        'nicegui_stash.store.duration', unit='s', description='Time until the store answered, by operation and outcome'
    )

    def _somebody_looks() -> bool:
        """Whether an SDK was set up, for spans or for metrics: without one the API would cost as much as a read."""
        return (
            not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
            or type(metrics.get_meter_provider()).__name__ != '_ProxyMeterProvider'
        )

    def observed(operation: str, key: str, work: Awaitable[T]) -> Awaitable[T]:  # pyright: ignore[reportRedeclaration]
        """Return an operation of the store, to be awaited: within a span and measured where somebody looks."""
        return _within_span(operation, key, work) if _somebody_looks() else work

    async def _within_span(operation: str, key: str, work: Awaitable[T]) -> T:
        """Await an operation of the store, and record how long it took and what came of it."""
        with _tracer.start_as_current_span(f'nicegui_stash.{operation}', attributes={'nicegui_stash.key': key}) as span:
            started = perf_counter()
            outcome = await work
            attributes = {'operation': operation, 'outcome': type(outcome).__name__.lower()}
            _duration.record(perf_counter() - started, attributes)
            span.set_attributes(attributes)
            return outcome
