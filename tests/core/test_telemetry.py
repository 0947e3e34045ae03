"""What an operator's OpenTelemetry sees of the store."""

from __future__ import annotations

import asyncio

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from nicegui_stash.session.store_io import read, write
from nicegui_stash.stores import MemoryStore
from nicegui_stash.stores.base import ETag, Replace
from nicegui_stash.testing import FaultyStore

EXPORTER = InMemorySpanExporter()


@pytest.fixture
async def spans() -> InMemorySpanExporter:
    """The spans that are recorded while the test runs. OpenTelemetry's provider can be set only once in a process.

    Operations that nobody looked at may have come before: the first span is the sign that it was noticed.
    """
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(EXPORTER))
        trace.set_tracer_provider(provider)
    async with asyncio.timeout(60):
        while not EXPORTER.get_finished_spans():
            await read(MemoryStore('telemetry'), 'ab/cd.json')
    EXPORTER.clear()
    return EXPORTER


@pytest.mark.proves('quiet-log')
async def test_each_operation_is_a_span_with_its_outcome_and_never_a_value(spans: InMemorySpanExporter):
    store = FaultyStore(MemoryStore('telemetry'))
    await write(store, 'ab/cd.json', b'{"secret": 1}', 'create')
    await write(store, 'ab/cd.json', b'{"secret": 2}', Replace(ETag('stale')))
    store.down = True
    await read(store, 'ab/cd.json')
    recorded = [(span.name, span.attributes['outcome']) for span in spans.get_finished_spans()]
    assert recorded == [
        ('nicegui_stash.put', 'stored'),
        ('nicegui_stash.put', 'mustread'),
        ('nicegui_stash.get', 'away'),
    ]
    assert 'secret' not in str([span.to_json() for span in spans.get_finished_spans()])
