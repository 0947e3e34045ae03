"""A browser that lies: about its tab, its visit and its report. Nobody else's values come of it, nor a broken page."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from nicegui_stash.ui.visit.messages import MESSAGE

from .server import Server
from .tab import Tab, Visitor
from .told import Visitors, fill

pytestmark = pytest.mark.proves('own-session')


@dataclass(frozen=True)
class Victim:
    """Somebody else's open page: what was typed there, and all that identifies it."""

    typed: dict[str, str]
    tab: Tab
    tab_id: str
    visit: str
    messages: list[dict[str, Any]]

    @property
    def reports(self) -> list[Any]:
        return [message['told'] for message in self.messages]


@pytest_asyncio.fixture(scope='module', loop_scope='session')
async def victim(visitors: Visitors, form: Server) -> AsyncIterator[Victim]:
    async with visitors() as visitor:
        tab = await visitor.tab()
        messages = overhear_reports(tab)
        await tab.goto(form.url)
        typed, _ = await fill(tab)
        tab_id = await tab.storage('__nicegui_tab_id')
        assert tab_id is not None
        yield Victim(typed, tab, tab_id, await tab.page.evaluate('window.__niceguiStash.visit'), messages)
        assert (await tab.look()).fields == typed, 'the victim has noticed nothing'


def overhear_reports(tab: Tab) -> list[dict[str, Any]]:
    """Collect the messages that carry a report from now on, as the tab's socket sends them."""
    messages: list[dict[str, Any]] = []

    def on_frame(frame: str | bytes) -> None:
        if isinstance(frame, str) and frame.startswith(f'42["{MESSAGE}"') and 'old_tab' in frame:
            messages.append(json.loads(frame[2:])[1])

    tab.page.on('websocket', lambda socket: socket.on('framesent', on_frame))
    return messages


async def sends(tab: Tab, *reports: Any, times: int = 1) -> None:
    script = """([reports, times]) => {
        const parsed = JSON.parse(reports);
        while (times--) parsed.forEach((report) => window.__niceguiStash.tell({kind: "report", ...report}));
    }"""
    await tab.page.evaluate(script, [json.dumps(reports), times])


async def emits(tab: Tab, message: Any) -> None:
    await tab.page.evaluate('([name, message]) => window.socket.emit(name, message)', [MESSAGE, message])


async def report_instead(tab: Tab, report: Any) -> None:
    """Have the next documents of this tab send `report` in place of each report of their own."""
    script = """window.addEventListener('DOMContentLoaded', () => {
        const stash = window.__niceguiStash;
        const original = stash.tell;
        stash.tell = () => original({kind: 'report', ...REPORT});
    });"""
    await tab.page.add_init_script(script.replace('REPORT', json.dumps(report)))


async def assert_learned_nothing(tab: Tab, victim: Victim) -> None:
    """Check all that the tab was ever sent, and what it shows."""
    shown = await tab.look()
    heard = await tab.heard()
    assert shown.client in heard, 'the test hears what the page is sent'
    for name, value in victim.typed.items():
        assert value not in heard, name
        assert getattr(shown, name) != value


async def test_the_tab_id_of_another_session_brings_nothing(visitor: Visitor, form: Server, victim: Victim):
    tab = await visitor.tab()
    tab.listen()
    await tab.page.add_init_script(
        f'sessionStorage.__nicegui_tab_id = "{victim.tab_id}"; sessionStorage.__nicegui_tab_closed = "true"'
    )
    await tab.goto(form.url)
    assert await tab.page.evaluate('TAB_ID') == victim.tab_id
    await assert_learned_nothing(tab, victim)
    await fill(tab)


async def test_a_duplicate_of_another_sessions_tab_brings_nothing(visitor: Visitor, form: Server, victim: Victim):
    tab = await visitor.tab()
    tab.listen()
    await tab.page.add_init_script(
        f'sessionStorage.__nicegui_tab_id = "{victim.tab_id}"; sessionStorage.__nicegui_tab_closed = "false"'
    )
    await tab.goto(form.url)
    assert await tab.page.evaluate('OLD_TAB_ID') == victim.tab_id
    await assert_learned_nothing(tab, victim)
    await fill(tab)


async def test_a_mark_with_the_visit_of_another_session_brings_nothing(visitor: Visitor, form: Server, victim: Victim):
    tab = await visitor.open(form.url)
    typed, _ = await fill(tab)
    tab.listen()
    await tab.page.evaluate(
        """visit => sessionStorage.setItem('__nicegui_stash', JSON.stringify(
            {visit, path: location.pathname + location.search, time: Date.now(), reason: 'forged'}))""",
        victim.visit,
    )
    await tab.reload()
    await assert_learned_nothing(tab, victim)
    assert (await tab.look()).fields == typed | {'reconnect': ''}
    await fill(tab)


async def test_a_report_overheard_in_another_session_brings_nothing(visitor: Visitor, form: Server, victim: Victim):
    assert victim.reports, 'the victim has reported'
    tab = await visitor.tab()
    tab.listen()
    await tab.goto(form.url)
    claims = {'visit': victim.visit, 'old_tab': victim.tab_id, 'previous': victim.visit}
    reasons = ('rejoin', 'duplicate', 'reload', 'history', 'visit', 'subpage', 'unknown')
    await sends(tab, *victim.reports, *[{**claims, 'reason': reason} for reason in reasons])
    await assert_learned_nothing(tab, victim)
    await fill(tab)


async def test_the_first_report_may_be_forged_and_brings_nothing(visitor: Visitor, form: Server, victim: Victim):
    tab = await visitor.tab()
    tab.listen()
    await report_instead(tab, {'reason': 'rejoin', 'visit': victim.visit, 'old_tab': victim.tab_id})
    sent = overhear_reports(tab)
    await tab.goto(form.url)
    await assert_learned_nothing(tab, victim)
    assert sent[0]['told']['visit'] == victim.visit, 'the forged report was sent'
    await fill(tab)


async def test_a_later_report_changes_nothing_on_a_page_that_has_reported(visitor: Visitor, form: Server):
    first, second = await visitor.open(form.url), await visitor.open(form.url)
    typed, _ = await fill(first)
    visit = await first.page.evaluate('window.__niceguiStash.visit')
    before = await second.look()
    await sends(second, {'reason': 'rejoin', 'visit': visit, 'old_tab': None, 'previous': None})
    assert await second.look() == before
    assert (await first.look()).fields == typed


def nested(depth: int) -> Any:
    value: Any = {}
    for _ in range(depth):
        value = {'visit': value}
    return value


MALFORMED = {
    'nothing': None,
    'a number': 17,
    'a text': 'rejoin',
    'a list': [['rejoin']],
    'an empty object': {},
    'wrong types': {'reason': ['rejoin'], 'visit': {'a': 1}, 'old_tab': 5, 'previous': [None]},
    'an object as reason': {'reason': {'rejoin': 1}, 'visit': 'v' * 36},
    'an unknown reason': {'reason': '__class__', 'visit': 'v' * 36},
    'a visit of 900 KB': {'reason': 'rejoin', 'visit': 'v' * 900_000},
    'a tab of 900 KB': {'reason': 'duplicate', 'visit': None, 'old_tab': 't' * 900_000},
    'a visit that is a path': {'reason': 'rejoin', 'visit': '../../../../etc/passwd'},
    'a visit of control characters': {'reason': 'rejoin', 'visit': 'abcdefgh\n\x00"\u2028'},
    'deeply nested': nested(200),
}


async def test_a_malformed_report_is_no_report_and_breaks_nothing(visitor: Visitor, form: Server):
    tab = await visitor.open(form.url)
    typed, before = await fill(tab)
    for name, report in MALFORMED.items():
        await sends(tab, report)
        assert await tab.look() == before, name
    await tab.reload()
    assert (await tab.look()).fields == typed | {'reconnect': ''}


@pytest.mark.once  # a page for each; the test above has them in one
async def test_a_page_whose_first_report_is_malformed_is_shown_and_works(visitor: Visitor, form: Server):
    for name, report in MALFORMED.items():
        tab = await visitor.tab()
        await report_instead(tab, report)
        await tab.goto(form.url)
        shown = await tab.look()
        assert (shown.reconnect, shown.tab) == ('', ''), name
        assert shown.reason == 'unknown', name
        await fill(tab)
        await tab.page.close()


async def test_a_message_that_is_none_breaks_nothing(visitor: Visitor, form: Server):
    tab = await visitor.open(form.url)
    typed, before = await fill(tab)
    client = await tab.client()
    for message in (None, 7, 'told', [], {}, {'client_id': None}, {'client_id': {}}, {'client_id': 'c' * 900_000}):
        await emits(tab, message)
    for told in ({}, {'told': None}, {'told': {}, 'stash': 'x'}, {'told': {'search': 7}}, {'told': {'browser': []}}):
        await emits(tab, {'client_id': client, 'stash': -1e300, **told})
    assert await tab.look() == before
    await tab.reload()
    assert (await tab.look()).fields == typed | {'reconnect': ''}


async def test_a_thousand_reports_break_nothing(visitor: Visitor, form: Server, victim: Victim):
    tab = await visitor.tab()
    tab.listen()
    await tab.goto(form.url)
    await fill(tab)
    await sends(tab, {'reason': 'rejoin', 'visit': victim.visit}, nested(50), {'reason': 'x' * 1000}, times=1000)
    await assert_learned_nothing(tab, victim)
    typed, _ = await fill(tab)
    await tab.reload()
    assert (await tab.look()).fields == typed | {'reconnect': ''}


async def test_a_message_sent_to_another_sessions_client_does_not_speak_for_its_page(
    visitor: Visitor, form: Server, victim: Victim
):
    tab = await visitor.open(form.url)
    typed, _ = await fill(tab)
    visit = await tab.page.evaluate('window.__niceguiStash.visit')
    tab_id = await tab.storage('__nicegui_tab_id')
    claims = {'visit': visit, 'old_tab': tab_id, 'previous': victim.visit}
    for reason in ('rejoin', 'duplicate', 'reload'):
        await emits(tab, {**victim.messages[0], 'told': {**claims, 'reason': reason}})
    assert (await tab.look()).fields == typed
    assert (await victim.tab.look()).fields == victim.typed
