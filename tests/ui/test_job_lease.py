"""A job runs once at a time, outlives its page, and is resumed after the end of its process."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from nicegui import ui

from nicegui_stash import Job, Lease, Stash, StashError, Unavailable, stored
from nicegui_stash.session.session import UPDATE_BYTES
from nicegui_stash.testing import FaultyStore
from nicegui_stash.testing.simulation import hop, restart
from nicegui_stash.ui.page import job as job_module

from .scene import Browser, close, data_of, eventually, idle, replace, serving, shown, text, with_values

TTL = 0.3


class Steps:
    """What the jobs of a test did; each goes on at a gate."""

    def __init__(self) -> None:
        self.begun = 0
        self.cancelled = 0
        self.gate = asyncio.Event()
        self.error: Exception | None = None


@pytest.fixture
def steps() -> Steps:
    return Steps()


Declare = Callable[..., type[Any]]


@pytest.fixture
def declare(stash: Stash, steps: Steps) -> Declare:
    def declare(**options: Any) -> type[Any]:
        @stash.page('/')
        class Report:
            done: int = stored(0)
            lease: Lease = stored(Lease())
            job: Job

            def build(self) -> None:
                self.job = stash.job(self, 'lease', self.write, **{'ttl': TTL, **options})
                ui.label().mark('state').bind_text_from(self.job, 'state')
                ui.label().mark('done').bind_text_from(self, 'done')

            async def write(self) -> None:
                steps.begun += 1
                try:
                    await steps.gate.wait()
                except asyncio.CancelledError:
                    steps.cancelled += 1
                    raise
                if steps.error:
                    raise steps.error
                self.done += 1

        return Report

    return declare


@pytest.fixture
def report(declare: Declare) -> type[Any]:
    return declare()


async def two_tabs(stash: Stash, report: type[Any]) -> tuple[Any, Any, Any, Any]:
    ann = Browser()
    here, there = await ann.open(), await ann.open()
    return here, there, shown(stash, here, report), shown(stash, there, report)


async def shows(tab: Any, state: str) -> None:
    await eventually(lambda: text(tab, 'state') == state)


async def test_a_job_runs_in_one_of_two_tabs_and_both_show_it(stash: Stash, report: type[Any], steps: Steps) -> None:
    here, there, first, second = await two_tabs(stash, report)
    assert sorted(await asyncio.gather(first.job.start(), second.job.start())) == [False, True]
    await shows(here, 'running')
    await shows(there, 'running')
    assert [await first.job.start(), await second.job.start(), steps.begun] == [False, False, 1]
    steps.gate.set()
    await shows(here, 'idle')
    await shows(there, 'idle')
    assert text(there, 'done') == '1'
    assert await second.job.start()
    await eventually(lambda: text(here, 'done') == '2')


async def test_a_job_goes_on_without_its_page_and_is_renewed(
    stash: Stash, report: type[Any], steps: Steps, store: FaultyStore
) -> None:
    ann = Browser()
    tab = await ann.open()
    assert await shown(stash, tab, report).job.start()
    await close(tab)
    before = (await data_of(store, 'Report'))['lease']
    renewed: dict[str, Any] = {}
    while renewed.get('renewed', before['renewed']) == before['renewed']:
        await asyncio.sleep(TTL / 10)
        renewed = (await data_of(store, 'Report'))['lease']
    assert before['run'] == renewed['run']
    again = await ann.open()
    assert text(again, 'state') == 'running'
    steps.gate.set()
    await shows(again, 'idle')
    assert text(again, 'done') == '1'


async def test_a_job_is_cancelled_from_another_tab(stash: Stash, report: type[Any], steps: Steps) -> None:
    here, there, first, second = await two_tabs(stash, report)
    await first.job.start()
    await second.job.cancel()
    await shows(here, 'idle')
    await shows(there, 'idle')
    assert (steps.begun, steps.cancelled) == (1, 1)
    await first.job.cancel()  # nothing runs: nothing happens


async def test_a_job_that_raises_has_failed_and_may_start_again(
    stash: Stash, report: type[Any], steps: Steps, errors: Callable[[], list[str]]
) -> None:
    here, _, first, second = await two_tabs(stash, report)
    steps.error = ValueError('no paper')
    steps.gate.set()
    await first.job.start()
    await shows(here, 'failed')
    assert errors() == ['no paper']
    steps.error = None
    assert await second.job.start()
    await shows(here, 'idle')


@pytest.mark.parametrize('resume', [False, True])
async def test_after_kill_the_next_process_shows_it_interrupted_and_resumes(
    stash: Stash, declare: Declare, steps: Steps, monkeypatch: pytest.MonkeyPatch, resume: bool
) -> None:
    report = declare(resume=resume)
    tab = await Browser().open()
    await shown(stash, tab, report).job.start()
    await restart(tab, kill=True)
    await idle()
    if not resume:
        assert text(tab, 'state') == 'interrupted'
        assert await shown(stash, tab, report).job.start()
    await eventually(lambda: steps.begun == 2)
    assert text(tab, 'state') == 'running'
    steps.gate.set()
    await shows(tab, 'idle')


async def test_what_was_interrupted_can_be_given_up(stash: Stash, report: type[Any]) -> None:
    tab = await Browser().open()
    await shown(stash, tab, report).job.start()
    await restart(tab, kill=True)
    await idle()
    await shown(stash, tab, report).job.cancel()
    await shows(tab, 'idle')


@pytest.mark.proves('sigterm')
async def test_a_server_that_ends_releases_the_lease_of_its_job(url: str, store: FaultyStore, steps: Steps) -> None:
    async with serving(lambda: Stash(url)) as stash:

        @stash.page('/')
        class Report:
            lease: Lease = stored(Lease())

            def build(self) -> None:
                self.job = stash.job(self, 'lease', self.write)

            async def write(self) -> None:
                steps.begun += 1
                await steps.gate.wait()

        page = shown(stash, await Browser().open(), Report)
        assert await page.job.start()
        assert (await data_of(store, 'Report'))['lease']['state'] == 'running'
        stash._app_state.runtime()._hurry()
        await idle()
        assert (await data_of(store, 'Report'))['lease'] == {
            'state': 'interrupted', 'run': '', 'process': '', 'renewed': 0, 'ttl': 0.0, 'cancelled': False,
        }  # fmt: skip
        assert not await page.job.start()  # this process is about to end


async def test_a_second_server_does_not_take_a_lease_that_is_renewed_and_may_cancel_the_job(
    stash: Stash, report: type[Any], steps: Steps
) -> None:
    ann = Browser()
    here, there = await ann.open(), await ann.open()
    first = shown(stash, here, report)
    await first.job.start()
    await hop(there)
    second = shown(stash, there, report)
    assert text(there, 'state') == 'running'
    await asyncio.sleep(2 * TTL)
    assert not await second.job.start()
    assert text(there, 'state') == 'running'
    await second.job.cancel()
    await shows(here, 'idle')
    await shows(there, 'idle')
    assert (steps.begun, steps.cancelled) == (1, 1)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have leases name a process of another host, of which nothing is known here."""
    monkeypatch.setattr(job_module, 'this_process', lambda: 'elsewhere:1:1')


async def dies(tab: Any) -> None:
    """Let the tab come back in another process, after the one that ran its job was killed."""
    await restart(tab, kill=True)
    await idle()


async def test_a_lease_of_another_host_expires_after_its_ttl(
    stash: Stash, report: type[Any], steps: Steps, elsewhere: None
) -> None:
    tab = await Browser().open()
    await shown(stash, tab, report).job.start()
    await dies(tab)
    assert text(tab, 'state') == 'running'
    assert not await shown(stash, tab, report).job.start()
    await shows(tab, 'interrupted')
    assert await shown(stash, tab, report).job.start()
    steps.gate.set()
    await shows(tab, 'idle')


async def test_a_holder_that_was_only_slow_is_shown_as_running_again(
    stash: Stash, report: type[Any], store: FaultyStore
) -> None:
    ann = Browser()
    page = shown(stash, await ann.open(), report)
    page.done = 1
    await stash.flush(page)
    held = {'state': 'running', 'run': 'another', 'process': 'elsewhere:1:1', 'renewed': time.time_ns() // 10**6}
    await replace(store, with_values(lease={**held, 'ttl': TTL}))
    tab = await ann.open()
    await shows(tab, 'interrupted')
    seen = store.calls['get']
    await eventually(lambda: store.calls['get'] > seen + 8)  # beyond the looks of a page that has just come
    await replace(store, with_values(lease={**held, 'ttl': 9, 'renewed': held['renewed'] + 1}))
    await shows(tab, 'running')


async def test_a_store_that_is_away_makes_nobody_look_dead(
    stash: Stash, report: type[Any], store: FaultyStore, elsewhere: None
) -> None:
    tab = await Browser().open()
    await shown(stash, tab, report).job.start()
    await dies(tab)
    store.down = True
    await asyncio.sleep(3 * TTL)
    assert text(tab, 'state') == 'running'
    store.down = False
    await shows(tab, 'interrupted')


@pytest.mark.proves('job')
async def test_of_two_servers_that_resume_at_once_one_wins(
    stash: Stash, report: type[Any], steps: Steps, store: FaultyStore
) -> None:
    ann = Browser()
    here, there = await ann.open(), await ann.open()
    await shown(stash, here, report).job.start()
    await shown(stash, here, report).job.cancel()
    await hop(there)
    first, second = shown(stash, here, report), shown(stash, there, report)
    assert sorted(await asyncio.gather(first.job.start(), second.job.start())) == [False, True]
    await shows(here, 'running')
    await shows(there, 'running')
    assert steps.begun == 2


@pytest.mark.parametrize('page', ['first', 'second'])
async def test_a_job_is_cancelled_while_two_servers_still_find_out_who_resumes_it(
    stash: Stash, report: type[Any], steps: Steps, store: FaultyStore, page: str
) -> None:
    ann = Browser()
    page_before = shown(stash, await ann.open(), report)
    page_before.done = 1
    await stash.flush(page_before)
    await replace(store, with_values(lease={'state': 'interrupted'}))
    here, there = await ann.open(), await ann.open()
    await shows(here, 'interrupted')
    await hop(there)
    await shows(there, 'interrupted')
    pages = {'first': shown(stash, here, report), 'second': shown(stash, there, report)}
    store.hold('put')
    before = store.calls['put']
    starting = []
    for number, each in enumerate(pages.values(), 1):
        starting.append(asyncio.ensure_future(each.job.start()))
        await eventually(lambda number=number: store.calls['put'] == before + number)
    await shows(here, 'running')
    await shows(there, 'running')
    cancelling = asyncio.ensure_future(pages[page].job.cancel())
    await idle()
    store.release()
    assert sorted(await asyncio.gather(*starting)) == [False, True]
    await cancelling
    await shows(here, 'idle')
    await shows(there, 'idle')
    assert (await data_of(store, 'Report'))['lease']['state'] == 'idle'


async def test_a_holder_that_lost_its_lease_is_cancelled_at_its_next_renewal(
    stash: Stash, report: type[Any], steps: Steps, store: FaultyStore
) -> None:
    tab = await Browser().open()
    await shown(stash, tab, report).job.start()
    taken = json.loads('{"state":"running","run":"another","process":"elsewhere:1:1","renewed":0,"ttl":9}')
    await replace(store, with_values(lease=taken))
    await eventually(lambda: steps.cancelled == 1)
    await idle()
    assert (await data_of(store, 'Report'))['lease']['run'] == 'another'


async def test_no_job_starts_while_the_store_cannot_say_who_is_first(
    stash: Stash, report: type[Any], steps: Steps, store: FaultyStore
) -> None:
    tab = await Browser().open()
    page = shown(stash, tab, report)
    store.down = True
    with pytest.raises(Unavailable):
        await page.job.start()
    store.down = False
    await stash.flush(page)
    assert (text(tab, 'state'), steps.begun) == ('idle', 0)
    assert (await data_of(store, 'Report')).get('lease', {}).get('run', '') == ''


async def test_a_job_goes_on_while_the_store_is_away_and_is_renewed_afterwards(
    stash: Stash, report: type[Any], steps: Steps, store: FaultyStore
) -> None:
    tab = await Browser().open()
    page = shown(stash, tab, report)
    await page.job.start()
    store.down = True
    await eventually(lambda: stash.statistics().pending_bytes)
    await asyncio.sleep(2 * TTL)
    assert stash.statistics().pending_bytes < 2 * UPDATE_BYTES  # one renewal pends, not one for each beat
    store.down = False
    await stash.flush(page)
    before = (await data_of(store, 'Report'))['lease']
    while (await data_of(store, 'Report'))['lease']['renewed'] == before['renewed']:
        await asyncio.sleep(TTL / 10)
    assert (text(tab, 'state'), steps.cancelled) == ('running', 0)


async def test_a_field_that_holds_no_lease_is_named_with_the_line_to_write(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        running: bool = stored(False)
        draft: Lease = stored(Lease(), scope='reconnect')

        def build(self) -> None: ...

        async def work(self) -> None: ...

    page = shown(stash, await Browser().open(), Page)
    for field in ('running', 'draft', 'no_field'):
        with pytest.raises(StashError, match=rf'Page\.{field} holds no lease; write {field}: Lease = stored\(Lease\('):
            stash.job(page, field, page.work)
    with pytest.raises(StashError, match='ttl=0 must be a number of seconds above 0'):
        stash.job(page, 'running', page.work, ttl=0)
