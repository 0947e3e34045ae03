"""What looking for changes inside of dataclasses and Structs costs: per UI event, and while nothing happens."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from time import process_time, thread_time
from typing import Any

from nicegui import Client, ui

from nicegui_stash import Stash, stored

from .measure import Row, Samples, Target, without_garbage_collection
from .simulation import new_browser, open_page, serving

PAGES, EVENTS, IDLE_SECONDS = 1000, 200, 1.0


@dataclass
class Address:
    street: str = 'Main Street'
    number: int = 7
    floor: int | None = None


class Ten:
    """Ten fields that may change without anybody being told."""

    a: Address = stored(Address())
    b: Address = stored(Address())
    c: Address = stored(Address())
    d: Address = stored(Address())
    e: Address = stored(Address())
    f: Address = stored(Address())
    g: Address = stored(Address())
    h: Address = stored(Address())
    i: Address = stored(Address())
    j: Address = stored(Address())


def declare(folder: Path) -> Stash:
    stash = Stash(str(folder / 'stash'))

    @stash.page('/opaque')
    class Opaque(Ten):
        def build(self) -> None:
            ui.button('nothing', on_click=lambda: None)

    @stash.page('/plain')
    class Plain:
        count: int = stored(0)

        def build(self) -> None:
            ui.button('nothing', on_click=lambda: None)

    return stash


async def measure(folder: Path, rounds: int) -> list[Row]:
    """Click a button that does nothing, on a page with ten such fields and on one without, in turns; then wait."""
    async with serving(lambda: declare(folder)):
        browser, samples = new_browser(), Samples()
        clients = {path: await open_page(browser, path) for path in ('/opaque', '/plain')}
        for _ in range(-1, rounds):
            with without_garbage_collection():
                for path, client in clients.items():
                    samples.add(path, await per_event(client))
        idle = {path: await idle_with(path) for path in ('/plain', '/opaque')}
        samples = samples.without_first()
    return [
        Row(
            'UI event, ten opaque fields',
            'µs',
            samples['/opaque'],
            samples['/plain'],
            'none',
            Target('difference', 100),
        ),
        Row(
            f'idle, {PAGES} pages of ten opaque fields',
            '% of a core',
            idle['/opaque'],
            idle['/plain'],
            'none',
            Target('difference', 1.0),
        ),
    ]


async def per_event(client: Client) -> float:
    """Return the microseconds of CPU time that an event takes, with what is looked at after it."""
    message = click_of(client)
    start = thread_time()
    for _ in range(EVENTS):
        client.handle_event(message)
        await asyncio.sleep(0)  # what was asked to be called soon is called now
    return (thread_time() - start) / EVENTS * 1e6


def click_of(client: Client) -> dict[str, Any]:
    (button,) = (element for element in client.elements.values() if isinstance(element, ui.button))
    (listener,) = (listener for listener in button._event_listeners.values() if listener.type == 'click')
    return {'id': button.id, 'listener_id': listener.id, 'args': []}


async def idle_with(path: str) -> list[float]:
    """Return what a thousand connected pages cost while nobody does anything; most of it is NiceGUI's outboxes."""
    browser = new_browser()
    clients = [await open_page(browser, path) for _ in range(PAGES)]
    await asyncio.sleep(1)
    with without_garbage_collection():
        shares = [await share_of_cpu() for _ in range(5)]
    for client in clients:
        client.delete()
    return shares


async def share_of_cpu() -> float:
    start = process_time()
    await asyncio.sleep(IDLE_SECONDS)
    return (process_time() - start) / IDLE_SECONDS * 100
