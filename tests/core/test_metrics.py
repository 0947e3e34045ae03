"""The statistics as an operator's OpenTelemetry reads them, and the dashboard that shows them."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
import sys
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, Sum

from nicegui_stash.errors import Unavailable
from nicegui_stash.model.document import SESSION_PART
from nicegui_stash.model.schema import build_schema
from nicegui_stash.session.metrics import HELD, LABELS, Published
from nicegui_stash.session.pending import MOST_CLASSES, OTHERS
from nicegui_stash.session.registry import Statistics
from nicegui_stash.testing import FaultyStore

from .conftest import MakeRegistry
from .scene import COUNTER, put

DASHBOARD = Path(__file__).parents[2] / 'docs' / 'dashboard.json'
FIELDS = [field.name for field in dataclasses.fields(Statistics)]
COUNTS = [name for name in FIELDS if name not in LABELS]


@pytest.fixture
def reader() -> InMemoryMetricReader:
    return InMemoryMetricReader()


@pytest.fixture
def publish(reader: InMemoryMetricReader) -> Any:
    """What publishes registries for the reader of this test alone; the provider of a process can be set only once."""
    meter, published = MeterProvider([reader], shutdown_on_exit=False).get_meter('tests'), Published()
    return lambda registry: published.add(registry, Statistics, meter)


def read(reader: InMemoryMetricReader) -> dict[str, tuple[float, bool]]:
    """Return the metrics by name: the number, and whether it only grows."""
    data = reader.get_metrics_data()
    assert data is not None
    found: dict[str, tuple[float, bool]] = {}
    for metric in (each for one in data.resource_metrics for scope in one.scope_metrics for each in scope.metrics):
        assert isinstance(metric.data, Sum)
        for point in metric.data.data_points:
            parts = ''.join(f' {name}={value}' for name, value in (point.attributes or {}).items())
            found[metric.name.removeprefix('nicegui_stash.') + parts] = point.value, metric.data.is_monotonic
    return found


async def test_each_of_the_statistics_is_a_metric(
    make_registry: MakeRegistry, store: FaultyStore, reader: InMemoryMetricReader, publish: Any
) -> None:
    registries = [make_registry(flush_interval=0) for _ in range(2)]
    for registry in registries:
        publish(registry)
    sessions = [registry.session('an id', exists=False) for registry in registries]
    for session in sessions:
        put(session, 'a', 'x' * 100)
        await session.flush()
    store.down = True
    put(sessions[0], 'a', 'y' * 50)
    found = {name: each for name, each in read(reader).items() if ' class=' not in name}
    assert list(found) == COUNTS
    totals = [dataclasses.asdict(registry.statistics()) for registry in registries]
    assert {name: value for name, (value, _) in found.items()} == {
        name: sum(total[name] for total in totals) for name in COUNTS
    }
    assert found['pending_bytes'] == (52, False)
    assert found['puts'] == (3, True)
    assert found['conflicts'] == (1, True)


async def test_recoveries_are_counted_by_status_and_reason(
    make_registry: MakeRegistry, reader: InMemoryMetricReader, publish: Any
) -> None:
    registries = [make_registry() for _ in range(2)]
    for registry in registries:
        publish(registry)
        registry.count_recovery('fresh', 'visit')
    registries[0].count_recovery('recovered', 'rejoin')
    registries[0].count_recovery('recovered', 'reload')
    registries[0].count_recovery('recovered', 'reload')
    assert registries[0].statistics().recoveries == {
        'fresh': {'visit': 1},
        'recovered': {'rejoin': 1, 'reload': 2},
    }
    assert {name: each for name, each in read(reader).items() if name.startswith('recoveries')} == {
        'recoveries status=fresh reason=visit': (2, True),
        'recoveries status=recovered reason=rejoin': (1, True),
        'recoveries status=recovered reason=reload': (2, True),
    }


async def test_what_became_durable_is_counted_by_class(
    make_registry: MakeRegistry, store: FaultyStore, reader: InMemoryMetricReader, publish: Any
) -> None:
    registries = [make_registry(flush_interval=0) for _ in range(2)]
    for registry in registries:
        publish(registry)
        for name in ('Counter', 'Cart'):
            registry.declare(build_schema(type(name, (), {})))
    for number, registry in enumerate(registries):
        session = registry.session(f'{number}', exists=False)
        put(session, 'count', 'x' * 100)
        await session.update(COUNTER, lambda _: [(SESSION_PART, 'more', msgspec.Raw(b'12345'))])
        put(session, 'items', 'y' * 10, slice_id=COUNTER._replace(name='Cart'))
        put(session, 'text', 'z' * 20, slice_id=COUNTER._replace(name="a visitor's"))
        await session.flush()
        store.down = True
        put(session, 'count', 'x' * 1000)
        with pytest.raises(Unavailable):
            await session.flush()
        store.down = False
    assert registries[0].statistics().values_by_class == {'Counter': 2, 'Cart': 1, OTHERS: 1}
    assert registries[0].statistics().bytes_by_class == {'Counter': 107, 'Cart': 12, OTHERS: 22}
    assert {name: each for name, each in read(reader).items() if ' class=' in name} == {
        'values_by_class class=Counter': (4, True),
        'values_by_class class=Cart': (2, True),
        f'values_by_class class={OTHERS}': (2, True),
        'bytes_by_class class=Counter': (214, True),
        'bytes_by_class class=Cart': (24, True),
        f'bytes_by_class class={OTHERS}': (44, True),
    }


async def test_the_classes_that_are_counted_apart_are_bounded(make_registry: MakeRegistry) -> None:
    registry = make_registry(flush_interval=0)
    session = registry.session('an id', exists=False)
    for number in range(MOST_CLASSES + 50):
        registry.declare(build_schema(type(f'Class{number}', (), {})))
        put(session, 'a', number, slice_id=COUNTER._replace(name=f'Class{number}'))
    await session.flush()
    counted = registry.statistics().values_by_class
    assert (len(counted), counted[OTHERS]) == (MOST_CLASSES + 1, 50)


async def test_they_are_read_in_a_thread_of_the_sdk_while_sessions_come(make_registry: MakeRegistry) -> None:
    registry = make_registry()
    failed: list[BaseException] = []

    def ask() -> None:
        try:
            for _ in range(50):
                registry.statistics()
        except RuntimeError as error:
            failed.append(error)

    open_pages = [registry.session(f'page {number}', exists=False) for number in range(200)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        thread = threading.Thread(target=ask)
        thread.start()
        for number in itertools.count():
            open_pages.append(registry.session(f'visitor {number}', exists=False))
            if not thread.is_alive():
                break
    finally:
        sys.setswitchinterval(interval)
    assert failed == []
    assert registry.statistics().sessions == len(open_pages)


def test_the_dashboard_shows_all_of_them_under_the_names_that_prometheus_gives_them() -> None:
    asked = set(re.findall(r'nicegui_stash_\w+', DASHBOARD.read_text(encoding='utf-8')))
    expected = {f'nicegui_stash_{name}' + ('' if name in HELD else '_total') for name in FIELDS}
    assert asked == expected | {'nicegui_stash_store_duration_seconds_bucket'}
    panels = json.loads(DASHBOARD.read_text(encoding='utf-8'))['panels']
    assert all(panel['title'] and panel['targets'] for panel in panels)
