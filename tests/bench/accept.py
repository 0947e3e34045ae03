"""What accepting a change costs: the assignment itself, in a tight loop, with puts going on in between."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from nicegui import Client, app, binding, ui
from nicegui.binding import BindableProperty

from nicegui_stash import Stash, stored

from .documents import Filled
from .measure import Row, Samples, Target, per_assignment, per_call, without_garbage_collection
from .simulation import new_browser, open_page, serving, storage_of, written_by_nicegui

BLOCK, APPENDED = 300, 20
SIZES = {'1 KB': 1_000, '500 KB': 500_000}
TEXTS = {1000: 1.0, 10_000: 1.5}
"""How long the list is, and how often as long as the peer an append may take."""
opened: list[Any] = []


class Plain:
    """The floor: what NiceGUI asks for an attribute to be bound without polling it."""

    count = BindableProperty()

    def __init__(self) -> None:
        self.count = 0


def declare(folder: Path) -> Stash:
    stash = Stash(str(folder / 'stash'))

    @stash.page('/unbound')
    class Unbound(Filled):
        count: int = stored(0)

        def build(self) -> None:
            self.plain = Plain()
            opened.append(self)

    @stash.page('/followed')
    class Followed(Filled):
        count: int = stored(0)

        def build(self) -> None:
            self.plain = Plain()
            for source in (self, self.plain):
                binding.bind_to(source, 'count', SimpleNamespace(count=0), 'count')
            opened.append(self)

    @stash.page('/bound')
    class Bound(Filled):
        count: int = stored(0)

        def build(self) -> None:
            self.plain = Plain()
            self.label = ui.label().bind_text_from(self, 'count')
            ui.label().bind_text_from(self.plain, 'count')
            opened.append(self)

    @stash.page('/list')
    class Listed:
        texts: list[str] = stored([])

        def build(self) -> None:
            opened.append(self)

    return stash


async def measure(folder: Path, rounds: int) -> list[Row]:
    """Assign to a page's field, to a plain bindable property and to `app.storage.user`, in turns."""
    async with serving(lambda: declare(folder)) as stash:
        return [
            *scalars('assign', await assigned(stash, '/unbound', rounds)),
            *scalars('assign, attribute bound', await assigned(stash, '/followed', rounds)),
            *scalars('assign, label bound', await assigned(stash, '/bound', rounds)),
            *await appended(stash, rounds),
        ]


def scalars(what: str, samples: Samples) -> list[Row]:
    """Compare with the storage and the floor at both sizes, and the sizes with each other."""
    rows: list[Row] = []
    for size in SIZES:
        ours, name = samples[f'ours {size}'], f'{what}, {size} document'
        if f'label {size}' in samples:  # the label's own work is more than half of it, hence no target
            theirs = [sum(pair) for pair in zip(samples[f'storage {size}'], samples[f'label {size}'], strict=True)]
            rows.append(Row(name, 'µs', ours, theirs, 'app.storage.user + label.set_text'))
        else:
            rows.append(Row(name, 'µs', ours, samples[f'storage {size}'], 'app.storage.user', Target('ratio', 0.5)))
        rows.append(Row(name, 'µs', ours, samples[f'floor {size}'], 'BindableProperty', Target('difference', 4)))
    small, large = (samples[f'ours {size}'] for size in SIZES)
    return [*rows, Row(f'{what}, 500 KB beside 1 KB', 'µs', large, small, 'at 1 KB', Target('ratio', 1.2, 0.8))]


async def assigned(stash: Stash, path: str, rounds: int) -> Samples:
    """Assign numbers to one page per size, each with a session of its own, so that no page follows another."""
    pages: dict[str, tuple[Any, Client]] = {}
    for size, length in SIZES.items():
        client = await open_page(new_browser(), path)
        pages[size] = opened[-1], client
        opened[-1].fill(length)
        with storage_of(client):
            app.storage.user['text'] = 'x' * length
        await stash.flush(opened[-1])
    samples = Samples()
    for number in range(-1, rounds):  # the first round warms up
        block = range(BLOCK * (number + 2), BLOCK * (number + 3))
        with without_garbage_collection():
            for size, (page, client) in pages.items():
                with storage_of(client):
                    samples.add(f'ours {size}', per_assignment(page, block))
                    await stash.flush(page)
                    samples.add(f'floor {size}', per_assignment(page.plain, block))
                    samples.add(f'storage {size}', per_call(_assign, block))
                    await written_by_nicegui()
                    if hasattr(page, 'label'):
                        samples.add(f'label {size}', per_call(page.label.set_text, block))
    return samples.without_first()


async def appended(stash: Stash, rounds: int) -> list[Row]:
    """Append to a list of texts: what is encoded and checked is this field, whatever else there is."""
    client = await open_page(new_browser(), '/list')
    page, samples = opened[-1], Samples()
    with storage_of(client):
        for length in list(TEXTS) * (rounds + 1):
            texts = [f'text number {number}' for number in range(length)]
            page.texts, app.storage.user['texts'] = texts, texts
            with without_garbage_collection():
                samples.add(f'ours {length}', per_call(lambda number: page.texts.append(f'{number}'), range(APPENDED)))
                await stash.flush(page)
                user = app.storage.user
                samples.add(
                    f'theirs {length}',
                    per_call(lambda number, user=user: user['texts'].append(f'{number}'), range(APPENDED)),
                )
                await written_by_nicegui()
    samples = samples.without_first()
    return [
        Row(
            f'append to a list of {length:,} texts',
            'µs',
            samples[f'ours {length}'],
            samples[f'theirs {length}'],
            'app.storage.user',
            Target('ratio', most),
        )
        for length, most in TEXTS.items()
    ]


def _assign(number: int) -> None:
    app.storage.user['count'] = number
