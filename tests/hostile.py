"""A page with a field of each scope, and the messages of a hostile one: floods of one kind, and made-up ones."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from nicegui import ui

from nicegui_stash import Stash, stored

NAMES = ('own', 'draft', 'tab', 'query', 'note')
SIZE = 16 * 1024 * 1024
BROWSER_ROOT = 'nicegui_stash::Everything::2:'
TOKEN = 's.1763700000.ImZvcmdlZCI.' + 'A' * 43


def declare_everything(stash: Stash) -> type[Any]:
    """Declare the page, with an input for each of its fields."""

    @stash.page('/', version=2)
    class Everything:
        own: str = stored('')
        draft: str = stored('', scope='reconnect')
        tab: str = stored('', scope='tab')
        query: str = stored('', scope='url')
        note: str = stored('', scope='browser')

        def build(self) -> None:
            for name in NAMES:
                ui.input(name).bind_value(self, name).mark(name)

    return Everything


def addresses(connection: Any) -> list[str]:
    """Return the addresses of the bound elements, which every page learns."""
    connection.handover._find_new()
    return list(connection.handover._bound)


def storage_of_page(connection: Any) -> int:
    """Return the number by which the page's messages name its keeper of the browser's storage."""
    return connection.browser._number


def again(known: list[str], number: int, text: str, count: int = 500) -> dict[str, Any]:
    values = [{'f': known[n % len(known)], 'v': json.dumps(text), 'known': [], 'n': number + n} for n in range(count)]
    return {'kind': 'again', 'values': values}


def floods(known: list[str], number: int) -> dict[str, Callable[[int], Any]]:
    """Return makers of hostile messages, by name; each is given the number of the message.

    `known`: the addresses of the page's bound elements; `number`: that of its keeper of the browser's storage.
    """
    long = 'x' * 900_000
    tokens = {f'{BROWSER_ROOT}{n}': TOKEN for n in range(7_000)}
    return {
        'values sent again': lambda n: again(known, 1 + n * 1000, 'x' * 1500),
        'long values sent again': lambda n: again(known, 1 + n * 1000, 'x' * 180_000, len(known)),
        'values carried': lambda n: {**again(known, n, 'x' * 1500), 'kind': 'typed', 'seal': 's'},
        'forged tokens': lambda n: {'kind': 'browser', 'browser': number, 'made': 0, 'ask': n + 1, 'items': tokens},
        'changed tokens': lambda n: {'kind': 'browser', 'browser': number, 'made': 9, 'changed': tokens},
        'an address': lambda n: {'kind': 'address', 'made': 99, 'search': '?query=' + str(n) * 1000},
        'a long text': lambda n: {'kind': 'rumour', 'text': long},
        'many keys': lambda n: {'kind': 'report', **{str(each): each for each in range(50_000)}},
        'nothing': lambda n: None,
    }


KINDS = list(floods(['a'], 1))


def flood(make: Callable[[int], Any], client_id: str, most: int = 5_000) -> list[str]:
    """Return messages of together 16 MB, or `most` of them, as they come over the socket."""
    texts: list[str] = []
    while sum(map(len, texts[-1:])) * len(texts) < SIZE and len(texts) < most:
        number = len(texts)
        told = make(number) if number < 20 else json.loads(texts[number % 20])['told']
        texts.append(json.dumps({'client_id': client_id, 'told': told, 'stash': (number + 1) * 1000}))
    return texts


def flood_of(kind: str, connection: Any, client_id: str) -> list[str]:
    """Return the messages of a flood for the page of this connection."""
    return flood(floods(addresses(connection), storage_of_page(connection))[kind], client_id)


# ---- made up


def anything(rng: random.Random, depth: int = 0) -> Any:
    simple: list[Callable[[], Any]] = [
        lambda: None,
        lambda: rng.choice([True, False, 0, -1, 2**53, 2**64, 10**400, 0.5, -1e300]),
        lambda: rng.choice(['', 'x', '\x00\ud800', '😀' * 50, '__class__', '../..', 'v' * 36, 'x' * 5000]),
    ]
    nested: list[Callable[[], Any]] = [
        lambda: [anything(rng, depth + 1) for _ in range(rng.randrange(4))],
        lambda: {rng.choice(KEYS): anything(rng, depth + 1) for _ in range(rng.randrange(4))},
    ]
    return rng.choice(simple if depth > 3 else simple + nested)()


KEYS = ['kind', 'visit', 'reason', 'values', 'seal', 'items', 'browser', 'ask', 'f', 'v', 'known', 'n', '__proto__', '']
FIELDS = {
    'report': ['reason', 'visit', 'old_tab', 'previous'],
    'address': ['search', 'made', 'moved'],
    'browser': ['browser', 'made', 'ask', 'items', 'last', 'error', 'cleared', 'changed', 'failed'],
    'typed': ['seal', 'values'],
    'again': ['values'],
    'unsent': ['addresses'],
    'lost': ['edits'],
}


def message(rng: random.Random, known: list[str], number: int) -> Any:
    """Return a message: one of ours, with parts that are right, wrong or missing; or anything."""
    if rng.random() < 0.1:
        return anything(rng)
    kind = rng.choice(list(FIELDS))
    right: dict[str, Callable[[], Any]] = {
        'reason': lambda: rng.choice(['visit', 'reload', 'rejoin', 'duplicate', 'history']),
        'visit': lambda: 'v' * 36,
        'search': lambda: rng.choice(['', '?query=x', '?query=%ff', '?' + 'query=a&' * 50]),
        'made': lambda: rng.randrange(5),
        'browser': lambda: number,
        'ask': lambda: rng.randrange(3),
        'items': lambda: {BROWSER_ROOT + 'note': TOKEN},
        'changed': lambda: {BROWSER_ROOT + 'note': rng.choice([None, 's.1.ImEi.' + 'A' * 43])},
        'failed': lambda: {BROWSER_ROOT + 'note': 'QuotaExceededError'},
        'values': lambda: [
            {'f': rng.choice(known), 'v': json.dumps(anything(rng)), 'known': [], 'n': rng.randrange(2000)}
            for _ in range(rng.randrange(5))
        ],
        'seal': lambda: rng.choice(['', 's' * 100]),
        'addresses': lambda: rng.sample(known, rng.randrange(len(known))),
        'edits': lambda: rng.choice([1, 1_000_000, 2_000_000]),
    }
    told: dict[str, Any] = {'kind': kind}
    for name in FIELDS[kind]:
        chance = rng.random()
        if chance < 0.7:
            told[name] = right.get(name, lambda: anything(rng))()
        elif chance < 0.85:
            told[name] = anything(rng)
    return told
