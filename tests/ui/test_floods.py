"""A page that sends anything, and any amount of it: most of it is dropped unread, and nothing of it stays."""

from __future__ import annotations

import gc
import json
import logging
import random
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from nicegui import core, ui
from nicegui.testing import User

from nicegui_stash import Stash, stored
from nicegui_stash.ui.page.page_object import PageObject
from nicegui_stash.ui.scopes.browser_items import MAX_OLDER
from nicegui_stash.ui.visit.allowance import BURST_MESSAGES, MESSAGES_PER_SECOND, Allowance
from nicegui_stash.ui.visit.messages import MESSAGE

from .scene import Browser, client_of, idle, page_object_of, shown, tell, type_into

SIZE = 16 * 1024 * 1024
BROWSER_ROOT = 'nicegui_stash::Everything::2:'


@pytest.fixture
def everything(stash: Stash) -> type[Any]:
    """A page with a field of each scope, and an input for each."""

    @stash.page('/', version=2)
    class Everything:
        own: str = stored('')
        draft: str = stored('', scope='reconnect')
        tab: str = stored('', scope='tab')
        query: str = stored('', scope='url')
        note: str = stored('', scope='browser')

        def build(self) -> None:
            for name in ('own', 'draft', 'tab', 'query', 'note'):
                ui.input(name).bind_value(self, name).mark(name)

    return Everything


def addresses(page_object: PageObject) -> list[str]:
    """Return the addresses of the bound elements, which every page learns."""
    connection: Any = page_object.open_page
    connection.handover._find_new()
    return list(connection.handover._bound)


def storage_of_page(page_object: PageObject) -> int:
    """Return the number by which the page's messages name its keeper of the browser's storage."""
    connection: Any = page_object.open_page
    return connection.browser._number


def again(known: list[str], number: int, text: str, count: int = 500) -> dict[str, Any]:
    values = [{'f': known[n % len(known)], 'v': json.dumps(text), 'known': [], 'n': number + n} for n in range(count)]
    return {'kind': 'again', 'values': values}


def floods(known: list[str], number: int) -> dict[str, Callable[[int], Any]]:
    """Return makers of hostile messages, by name; each is given the number of the message."""
    long = 'x' * 900_000
    tokens = {f'{BROWSER_ROOT}{n}': 's.1763700000.ImZvcmdlZCI.' + 'A' * 43 for n in range(7_000)}
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


def prepare(make: Callable[[int], Any], tab: User) -> list[str]:
    """Return messages of together 16 MB, or 5,000 of them, as they come over the socket."""
    texts: list[str] = []
    while sum(map(len, texts[-1:])) * len(texts) < SIZE and len(texts) < 5_000:
        number = len(texts)
        told = make(number) if number < 20 else json.loads(texts[number % 20])['told']
        texts.append(json.dumps({'client_id': client_of(tab).id, 'told': told, 'stash': (number + 1) * 1000}))
    return texts


def receive(texts: list[str]) -> None:
    handler = core.sio.handlers['/'][MESSAGE]
    for text in texts:
        handler('the socket', json.loads(text))


KINDS = list(floods(['a'], 1))


@pytest.mark.parametrize('kind', KINDS)
async def test_of_sixteen_megabytes_of_hostile_messages_most_are_dropped_unread(
    stash: Stash, everything: type[Any], caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    caplog.set_level(logging.ERROR)
    tab = await Browser().open()
    page_object = page_object_of(shown(stash, tab, everything))
    texts = prepare(floods(addresses(page_object), storage_of_page(page_object))[kind], tab)
    receive(texts)
    numbers = stash.statistics()
    assert numbers.dropped_messages + numbers.malformed_messages > len(texts) / 2
    assert numbers.errors == 0


@pytest.mark.parametrize('kind', ['long values sent again', 'forged tokens'])
async def test_sixteen_megabytes_leave_no_more_than_two(
    stash: Stash, everything: type[Any], caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    caplog.set_level(logging.ERROR)
    tab = await Browser().open()
    page_object = page_object_of(shown(stash, tab, everything))
    texts = prepare(floods(addresses(page_object), storage_of_page(page_object))[kind], tab)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        receive(texts)
        await idle()
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 2 * 1024 * 1024


async def test_rejected_values_are_bounded(stash: Stash, everything: type[Any]) -> None:
    tab = await Browser().open()
    page_object = page_object_of(shown(stash, tab, everything))
    known = addresses(page_object)
    connection: Any = page_object.open_page
    for number in range(10):
        connection.allows.connected()
        tell(tab, again(known, 1 + number * 1000, 'x' * 50_000, len(known)), number=(number + 1) * 1000)
    rejected = stash.recovery(page_object.page).rejected
    assert 0 < len(rejected) <= 100
    assert sum(len(each.value) for each in rejected) <= 1024 * 1024


async def test_a_flood_is_dropped_counted_and_said_once(
    stash: Stash, everything: type[Any], caplog: pytest.LogCaptureFixture
) -> None:
    tab = await Browser().open()
    for _ in range(BURST_MESSAGES + 700):
        tell(tab, {'kind': 'rumour'})
    numbers = stash.statistics()
    assert numbers.malformed_messages + numbers.dropped_messages == BURST_MESSAGES + 700
    assert numbers.dropped_messages >= 600
    (line,) = [record.message for record in caplog.records if 'excess' in record.message]
    assert page_object_of(shown(stash, tab, everything)).session.key in line
    type_into(tab, 'own', 'still works')
    assert shown(stash, tab, everything).own == 'still works'


def test_an_allowance_grows_again_with_time() -> None:
    allowance = Allowance(0.0)
    assert sum(allowance.admits({}, 0.0) for _ in range(1000)) == BURST_MESSAGES
    assert sum(allowance.admits({}, 1.0) for _ in range(1000)) == MESSAGES_PER_SECOND


def test_an_answer_that_was_asked_for_is_admitted_beyond_the_burst() -> None:
    allowance = Allowance(0.0)
    part = {'items': {'a': 'x' * 200_000}}
    assert sum(allowance.admits(part, 0.0) for _ in range(40)) == 10
    allowance.expect(4 * 1024 * 1024)
    assert sum(allowance.admits(part, 0.0) for _ in range(40)) == 20 + 1


async def test_tokens_of_fields_that_a_class_does_not_have_are_not_opened(
    stash: Stash, everything: type[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    page_object = page_object_of(shown(stash, await Browser().open(), everything))
    connection: Any = page_object.open_page
    (kept,) = connection.browser._following
    token = 's.1763700000.ImZvcmdlZCI.' + 'A' * 43
    root = BROWSER_ROOT.removesuffix('2:')
    items = {f'{root}{version}:{n}': token for version in (1, 2, 3) for n in range(16_000)}
    found, opened = connection.browser._items, list[str]()
    open_token = found._tokens.open

    def watched(place: Any, *arguments: Any, **options: Any) -> Any:
        opened.append(place)
        return open_token(place, *arguments, **options)

    monkeypatch.setattr(found._tokens, 'open', watched)
    returned = found.find(kept, found.of_class(kept, {**items, f'{root}2:note': token}))
    assert len(opened) <= MAX_OLDER + 1
    assert list(returned.raws) == ['note'], 'the own field was judged'


# ---- anything


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
        'items': lambda: {BROWSER_ROOT + 'note': 's.1763700000.ImZvcmdlZCI.' + 'A' * 43},
        'changed': lambda: {BROWSER_ROOT + 'note': rng.choice([None, 's.1.ImEi.' + 'A' * 43])},
        'failed': lambda: {BROWSER_ROOT + 'note': 'QuotaExceededError'},
        'values': lambda: [
            {'f': rng.choice(known), 'v': json.dumps(anything(rng)), 'known': [], 'n': rng.randrange(2000)}
            for _ in range(rng.randrange(5))
        ],
        'seal': lambda: rng.choice(['', 's' * 100]),
    }
    told: dict[str, Any] = {'kind': kind}
    for name in FIELDS[kind]:
        chance = rng.random()
        if chance < 0.7:
            told[name] = right.get(name, lambda: anything(rng))()
        elif chance < 0.85:
            told[name] = anything(rng)
    return told


async def test_five_thousand_made_up_messages_change_nothing(
    stash: Stash, everything: type[Any], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('nicegui_stash.ui.app.connection.Allowance', Unlimited)
    rng = random.Random(16)
    ann, ben = Browser(), Browser()
    other = await ben.open()
    type_into(other, 'own', 'a word of ben')
    tab = await ann.open()
    page_object = page_object_of(shown(stash, tab, everything))
    known, number = addresses(page_object), storage_of_page(page_object)
    for count in range(5_000):
        tell(tab, message(rng, known, number), number=anything(rng))
        if count % 100 == 0:
            await idle()
    await idle()
    assert shown(stash, other, everything).own == 'a word of ben'
    assert 'a word of ben' not in caplog.text
    assert stash.statistics().errors == 0
    type_into(tab, 'own', 'still works')
    assert shown(stash, tab, everything).own == 'still works'


class Unlimited(Allowance):
    """Admits everything, so that each message is read."""

    def admits(self, told: object, now: float) -> bool:
        return True

    def admits_repeat(self, kind: type) -> bool:
        return True
