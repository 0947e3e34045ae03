"""Both engines on one SeaweedFS: what a put and a get of 2 KB cost, and how long they hold the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, process_time
from typing import Any

from botocore.handlers import add_expect_header
from s3fs import S3FileSystem

from nicegui_stash.stores.base import ETag, Replace, Store
from nicegui_stash.stores.objects.s3 import _CONFIG
from nicegui_stash.stores.opening import open_store
from tests.servers.s3 import S3Server, seaweedfs

from .measure import Row, Samples, Target, without_garbage_collection

BODY = b'x' * 2048
ALONE = 200
IN_FLIGHT = 64
TOGETHER = 2000
TICK = 0.001

Calls = tuple[Callable[[str, str | None], Awaitable[str]], Callable[[str], Awaitable[Any]]]
"""A conditional put of `BODY` that returns the etag, and a get."""


async def measure(folder: Path, rounds: int) -> list[Row]:
    """Measure in turns; the server is a process of its own, which takes its part of the machine."""
    (folder / 'server').mkdir(parents=True)
    running = seaweedfs(folder / 'server')
    server = await asyncio.to_thread(running.__enter__)
    try:
        return await measure_on(server, rounds)
    finally:
        await asyncio.to_thread(running.__exit__, None, None, None)


async def measure_on(server: S3Server, rounds: int) -> list[Row]:
    url = server.url()
    stores = {engine: open_store(url, server.options, engine=engine) for engine in ('fsspec', 'obstore')}
    client = await bare_client(server)
    ways: dict[str, Calls] = {engine: calls_of(store) for engine, store in stores.items()}
    ways['bare'] = bare_calls(client, server.bucket)
    samples = Samples()
    for number in range(rounds + 1):
        for name, calls in ways.items():
            with without_garbage_collection():
                await measure_alone(name, calls, f'{name}/{number}', samples)
                if name != 'bare':
                    await measure_together(name, calls, f'{name}/{number}', samples)
    await client.close()
    for store in stores.values():
        await store.aclose()
    return rows_of(samples.without_first())


def rows_of(found: Samples) -> list[Row]:
    best = Target('ratio', 1.15)
    rows: list[Row] = []
    for what in ('put', 'get'):
        cpu, bare = found[f'fsspec {what} cpu'], found[f'bare {what} cpu']
        rows += [
            Row(f'{what} 2 KB, CPU, fsspec', 'µs', cpu, bare, "the bare call of s3fs's client", best),
            Row(f'{what} 2 KB, CPU, obstore', 'µs', found[f'obstore {what} cpu'], cpu, 'fsspec'),
            Row(
                f'{what} 2 KB, time, obstore',
                'µs',
                found[f'obstore {what} time'],
                found[f'fsspec {what} time'],
                'fsspec',
            ),
            Row(
                f'{what}s per second, {IN_FLIGHT} in flight, obstore',
                '',
                found[f'obstore {what} rate'],
                found[f'fsspec {what} rate'],
                'fsspec',
            ),
            Row(
                f'event loop held, {IN_FLIGHT} {what}s in flight, p99, obstore',
                'ms',
                found[f'obstore {what} held'],
                found[f'fsspec {what} held'],
                'fsspec',
                Target('value', 3),
            ),
        ]
    return rows


def calls_of(store: Store) -> Calls:
    async def put(key: str, etag: str | None) -> str:
        return await store.put(key, BODY, mode=Replace(ETag(etag)) if etag else 'create')

    return put, store.get


async def bare_client(server: S3Server) -> Any:
    """Return the client that s3fs makes, with the same settings as ours."""
    filesystem: Any = S3FileSystem(
        **server.options, asynchronous=True, skip_instance_cache=True, config_kwargs=dict(_CONFIG)
    )
    client = await filesystem.set_session()
    client.meta.events.unregister('before-call.s3', add_expect_header)
    return client


def bare_calls(client: Any, bucket: str) -> Calls:
    async def put(key: str, etag: str | None) -> str:
        condition = {'IfMatch': etag} if etag else {'IfNoneMatch': '*'}
        answer = await client.put_object(Bucket=bucket, Key=f'bare/{key}', Body=BODY, **condition)
        return str(answer['ETag'])

    async def get(key: str) -> bytes:
        answer = await client.get_object(Bucket=bucket, Key=f'bare/{key}')
        async with answer['Body'] as stream:
            return await stream.read()

    return put, get


async def measure_alone(name: str, calls: Calls, key: str, samples: Samples) -> None:
    """One after the other: the time of one, and the CPU of the process, threads of the library included."""
    put, get = calls
    etag: str | None = None
    times: list[float] = []
    before = process_time()
    for _ in range(ALONE):
        start = perf_counter()
        etag = await put(key, etag)
        times.append(perf_counter() - start)
    samples.add(f'{name} put cpu', (process_time() - before) / ALONE * 1e6)
    samples.add(f'{name} put time', median(times) * 1e6)
    times.clear()
    before = process_time()
    for _ in range(ALONE):
        start = perf_counter()
        await get(key)
        times.append(perf_counter() - start)
    samples.add(f'{name} get cpu', (process_time() - before) / ALONE * 1e6)
    samples.add(f'{name} get time', median(times) * 1e6)


async def measure_together(name: str, calls: Calls, key: str, samples: Samples) -> None:
    """Many sessions at once, each with its object: how many in a second, and how late a timer of 1 ms is meanwhile."""
    put, get = calls
    each = TOGETHER // IN_FLIGHT

    async def puts(number: int) -> None:
        etag: str | None = None
        for _ in range(each):
            etag = await put(f'{key}-{number}', etag)

    async def gets(number: int) -> None:
        for _ in range(each):
            await get(f'{key}-{number}')

    for what, work in (('put', puts), ('get', gets)):
        start = perf_counter()
        held = await lateness(asyncio.gather(*(work(number) for number in range(IN_FLIGHT))))
        samples.add(f'{name} {what} rate', each * IN_FLIGHT / (perf_counter() - start))
        samples.add(f'{name} {what} held', held)


async def lateness(work: Awaitable[Any]) -> float:
    """Return in ms the 99th percentile of how late a timer fires while some work goes on."""
    late: list[float] = []

    async def tick() -> None:
        while True:
            start = perf_counter()
            await asyncio.sleep(TICK)
            late.append(perf_counter() - start - TICK)

    ticker = asyncio.create_task(tick())
    await work
    ticker.cancel()
    return quantiles(late, n=100)[-1] * 1000
