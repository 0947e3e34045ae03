"""A page that sends anything, and any amount of it: most of it is dropped unread, and nothing of it stays."""

from __future__ import annotations

import gc
import json
import logging
import random
import time
import tracemalloc
from typing import Any

import pytest
from nicegui import core
from nicegui.testing import User

from nicegui_stash import Stash
from nicegui_stash.ui.app.connection import Connection
from nicegui_stash.ui.page.page_object import PageObject
from nicegui_stash.ui.scopes.browser_items import MAX_OLDER
from nicegui_stash.ui.visit.allowance import (
    BURST_BYTES,
    BURST_MESSAGES,
    BYTES_PER_SECOND,
    MESSAGES_PER_SECOND,
    REPEATS,
    Allowance,
)
from nicegui_stash.ui.visit.messages import MESSAGE
from tests.hostile import (
    BROWSER_ROOT,
    KINDS,
    addresses,
    again,
    anything,
    declare_everything,
    flood_of,
    message,
    storage_of_page,
)

from .scene import Browser, client_of, idle, page_object_of, shown, tell, type_into


@pytest.fixture
def everything(stash: Stash) -> type[Any]:
    return declare_everything(stash)


def prepare(kind: str, page_object: PageObject, tab: User) -> list[str]:
    """Return the messages of a flood for this page."""
    return flood_of(kind, page_object.open_page, client_of(tab).id)


def receive(texts: list[str]) -> None:
    handler = core.sio.handlers['/'][MESSAGE]
    for text in texts:
        handler('the socket', json.loads(text))


@pytest.mark.parametrize('kind', KINDS)
async def test_of_sixteen_megabytes_of_hostile_messages_most_are_dropped_unread(
    stash: Stash, everything: type[Any], caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    caplog.set_level(logging.ERROR)
    tab = await Browser().open()
    page_object = page_object_of(shown(stash, tab, everything))
    texts = prepare(kind, page_object, tab)
    receive(texts)
    numbers = stash.statistics()
    assert numbers.dropped_messages + numbers.malformed_messages > len(texts) / 2
    assert numbers.errors == 0


@pytest.mark.parametrize('kind', [each for each in KINDS if each != 'many keys'])  # 900,000 objects to be traced
async def test_sixteen_megabytes_leave_no_more_than_two(
    stash: Stash, everything: type[Any], caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    caplog.set_level(logging.ERROR)
    tab = await Browser().open()
    page_object = page_object_of(shown(stash, tab, everything))
    texts = prepare(kind, page_object, tab)
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
    known = addresses(page_object.open_page)
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
    assert sum(allowance.admits({}, 0.25) for _ in range(1000)) == MESSAGES_PER_SECOND / 4


def test_the_bytes_of_a_page_grow_again_with_time_too() -> None:
    allowance, part = Allowance(0.0), 'x' * 100_000
    assert sum(allowance.admits(part, 0.0) for _ in range(45)) == BURST_BYTES // 100_000
    assert sum(allowance.admits(part, 1.0) for _ in range(45)) == BYTES_PER_SECOND // 100_000


async def test_entered_values_are_taken_a_few_times_per_connect(stash: Stash, everything: type[Any]) -> None:
    tab = await Browser().open()
    page_object = page_object_of(shown(stash, tab, everything))
    connection = page_object.open_page
    assert isinstance(connection, Connection)
    known = addresses(connection)
    for told in ({'kind': 'again', 'values': []}, again(known, 1, 'x', 1)):
        connection.allows.connected()
        before = stash.statistics().dropped_messages
        for number in range(REPEATS + 3):
            tell(tab, told, number=number)
        assert stash.statistics().dropped_messages - before == 3


def test_what_is_no_answer_does_not_use_what_an_answer_may_have() -> None:
    allowance = Allowance(0.0)
    allowance.expect(4 * 1024 * 1024)
    assert sum(allowance.admits({'items': {'a': 'x' * 200_000}}, 0.0) for _ in range(40)) == 10


@pytest.mark.parametrize('part', ['x' * 900_000, {'a': ['x' * 900] * 1000}, {str(n): n for n in range(90_000)}])
def test_what_does_not_fit_is_not_looked_at_again_and_again(part: object) -> None:
    allowance = Allowance(0.0)
    while allowance.admits(part, 0.0):
        pass
    assert not allowance.admits('', 0.0), 'nothing is left'
    assert allowance.admits('', 0.001)


def test_an_answer_that_was_asked_for_is_admitted_beyond_the_burst() -> None:
    allowance = Allowance(0.0)
    part = {'ask': 1, 'items': {'a': 'x' * 200_000}}
    assert sum(allowance.admits(part, 0.0) for _ in range(40)) == 10
    allowance.expect(4 * 1024 * 1024)
    assert sum(allowance.admits(part, 0.0) for _ in range(40)) == 20


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


# ---- made up


async def test_five_thousand_made_up_messages_change_nothing_and_none_holds_the_loop(
    stash: Stash,
    everything: type[Any],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.setattr('nicegui_stash.ui.app.connection.Allowance', Unlimited)
    ann, ben = Browser(), Browser()
    other = await ben.open()
    type_into(other, 'own', 'a word of ben')
    tab = await ann.open()
    page_object = page_object_of(shown(stash, tab, everything))
    told = made_up(page_object)
    held: list[float] = []
    gc.disable()  # a collection would be charged to whoever is measured
    request.addfinalizer(gc.enable)
    for count, (each, number) in enumerate(told):
        start = time.thread_time()
        tell(tab, each, number=number)
        held.append(time.thread_time() - start)
        if count % 100 == 0:
            await idle()
            gc.collect()
    await idle()
    assert max(held) < 0.05, 'of CPU, whatever it was'
    assert shown(stash, other, everything).own == 'a word of ben'
    assert 'a word of ben' not in caplog.text
    assert stash.statistics().errors == 0
    type_into(tab, 'own', 'still works')
    assert shown(stash, tab, everything).own == 'still works'


async def test_five_thousand_made_up_messages_give_their_memory_back(
    stash: Stash, everything: type[Any], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('nicegui_stash.ui.app.connection.Allowance', Unlimited)
    caplog.set_level(logging.CRITICAL)
    tab = await Browser().open()
    page_object = page_object_of(shown(stash, tab, everything))
    told = made_up(page_object)
    for each, number in told[:500]:
        tell(tab, each, number=number)
    tracemalloc.start()
    try:
        await idle()
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        for each, number in told[500:]:
            tell(tab, each, number=number)
        await idle()
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 2 * 1024 * 1024


def made_up(page_object: PageObject) -> list[tuple[Any, Any]]:
    """Return five thousand messages, the same in each run, with what they say of their numbers."""
    rng, known, number = random.Random(16), addresses(page_object.open_page), storage_of_page(page_object.open_page)
    return [(message(rng, known, number), anything(rng)) for _ in range(5_000)]


class Unlimited(Allowance):
    """Admits everything, so that each message is read."""

    def admits(self, told: object, now: float) -> bool:
        return True

    def admits_repeat(self, kind: type) -> bool:
        return True
