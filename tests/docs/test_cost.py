"""The numbers of the cost page: puts and gets are counted, money is computed from them."""

from __future__ import annotations

import asyncio
import random
import re
import uuid

from nicegui_stash.model.document import SESSION_PART, Raw, SliceId
from nicegui_stash.model.limits import Policy
from nicegui_stash.session.keys import Keys
from nicegui_stash.session.registry import Registry
from nicegui_stash.stores import MemoryStore
from nicegui_stash.stores.generic import FsspecStore
from nicegui_stash.testing import FaultyStore
from nicegui_stash.ui.app.connection import ARRIVAL_LOOKS
from tests.core.disk import Desk, Disk
from tests.core.virtual import run

from .examples import DOCS

PAGE = (DOCS / 'cost.md').read_text(encoding='utf-8')
FORM = SliceId('Form', 1)
FIELDS, KEYS, KEY_SECONDS, PAUSE = 20, 15, 0.25, 26.0
PUT_PRICE, GET_PRICE = 0.005 / 1000, 0.0004 / 1000
VISITS, USERS = 22, 1000


async def fill_in_a_form(flush_interval: float, *, journal: bool) -> tuple[int, int]:
    """Type 20 fields of 15 keys each, in about ten minutes; return how many puts and gets that were."""
    store = FaultyStore(MemoryStore(f'cost-{uuid.uuid4().hex}'))
    desk = Desk(Disk(random.Random(1)), 'server') if journal else None
    registry = Registry(store, Keys(['a secret']), Policy(flush_interval=flush_interval), journals=desk)
    session = registry.session('somebody')
    assert await session.load(1.0)
    for number in range(FIELDS):
        for key in range(1, KEYS + 1):
            session.set(FORM, SESSION_PART, f'field_{number}', Raw(f'"{"x" * key}"'.encode()))
            await asyncio.sleep(KEY_SECONDS)
        await asyncio.sleep(PAUSE)
    await session.put_pending()
    await registry.aclose()
    return store.calls['put'], store.calls['get'] + len(ARRIVAL_LOOKS)


def rows() -> dict[tuple[float, bool], tuple[int, int, float]]:
    """The table of the page: puts, gets and dollars a month, by interval and whether there is a journal."""
    found = re.findall(r'^\| ([\d.]+) s([^|]*)\| (\d+) \| (\d+) \| \$([\d.]+) \|', PAGE, re.MULTILINE)
    return {
        (float(interval), 'journal' in more): (int(puts), int(gets), float(dollars))
        for interval, more, puts, gets, dollars in found
    }


def test_the_table_has_what_is_counted_and_what_that_costs() -> None:
    assert list(rows()) == [(0.1, False), (1.0, False), (5.0, False), (10.0, True), (60.0, True)]
    for (interval, journal), (puts, gets, dollars) in rows().items():
        assert run(fill_in_a_form(interval, journal=journal)) == (puts, gets)
        assert round(USERS * VISITS * (puts * PUT_PRICE + gets * GET_PRICE), 2) == dollars


def test_a_store_that_may_bill_each_put_asks_for_a_second_between_two() -> None:
    assert FsspecStore.flush_interval == 1.0
    assert MemoryStore.flush_interval == 0.1
