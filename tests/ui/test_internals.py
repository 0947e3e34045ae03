from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import nicegui
import pytest
from nicegui import Client, ui
from nicegui.testing import User

from nicegui_stash import Stash, stored
from nicegui_stash.model.scopes import SCOPES
from nicegui_stash.ui import nicegui_private
from nicegui_stash.ui.app import connection
from nicegui_stash.ui.visit.messages import ACKNOWLEDGE, Report, decode

from .scene import Browser, client_of, eventually, idle, shown, tell, text, type_into


def declare(stash: Stash) -> type:
    @stash.page('/')
    class Form:
        name: str = stored('')
        draft: str = stored('', scope='reconnect')

        def build(self) -> None:
            ui.input().mark('draft').bind_value(self, 'draft')
            ui.label(f'built with {self.draft!r}').mark('built')

    return Form


# ---- versions


@pytest.fixture
def untold(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing was said yet about the version of NiceGUI."""
    nicegui_private.warn_if_untried.cache_clear()
    yield
    nicegui_private.warn_if_untried.cache_clear()


@pytest.mark.parametrize('version', ['3.99.0', '4.0.0', '10.1'])
def test_a_newer_nicegui_than_was_tried_is_said_once(
    url: str, untold: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, version: str
) -> None:
    monkeypatch.setattr(nicegui, '__version__', version)
    Stash(url)
    Stash(url)
    newest = '.'.join(map(str, nicegui_private.NEWEST))
    assert caplog.messages == [f'NiceGUI {version} is newer than {newest}, the newest one tested']


@pytest.mark.parametrize('version', ['3.14.0', '.'.join(map(str, nicegui_private.NEWEST)), '3.18.99', 'unknown', '3'])
def test_a_tested_or_unreadable_version_causes_no_warning(
    url: str, untold: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, version: str
) -> None:
    monkeypatch.setattr(nicegui, '__version__', version)
    Stash(url)
    assert caplog.messages == []


# ---- without what NiceGUI does not promise


@pytest.mark.proves('rejoin-script')
async def test_without_knowing_how_a_client_was_connected_the_reason_is_unknown(
    stash: Stash, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = declare(stash)
    ann = Browser()
    tab = await ann.open()
    type_into(tab, 'draft', 'half')
    monkeypatch.setattr(connection, 'REPORT_TIMEOUT', 0.01)
    monkeypatch.setattr(Client, 'environ', property(lambda client: None, lambda client, value: None), raising=False)
    tab = await ann.open()
    await eventually(lambda: any('built' in each._markers for each in client_of(tab).elements.values()))
    page = shown(stash, tab, form)
    assert (page.draft, stash.recovery(page).reason) == ('', 'unknown')


@pytest.mark.proves('rejoin-script')
async def test_without_the_socket_server_no_page_is_heard_and_the_reason_is_unknown(
    stash: Stash, browsers_report: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    form = declare(stash)
    monkeypatch.setattr(nicegui_private, 'core', SimpleNamespace(script_mode=False))
    monkeypatch.setattr(connection, 'REPORT_TIMEOUT', 0.01)
    tab = await Browser().open()
    identified = stash._app_state.connection_of(client_of(tab)).wait_until_identified()
    assert await asyncio.wait_for(identified, 60)
    assert stash.recovery(shown(stash, tab, form)).reason == 'unknown'
    assert browsers_report[ACKNOWLEDGE] == 0


@pytest.mark.proves('rejoin-script')
async def test_without_the_router_of_sub_pages_a_view_counts_as_part_of_the_page(
    stash: Stash, monkeypatch: pytest.MonkeyPatch
) -> None:
    @stash.view
    class View:
        def build(self) -> None: ...

    @ui.page('/')
    def page() -> None:
        del ui.context.client.sub_pages_router.is_initial_request
        with ui.column():
            View()

    tab = await Browser().open()
    assert stash.recovery(shown(stash, tab, View)).reason == 'unknown'


# ---- reports of a browser


@pytest.fixture
def browsers_report(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Clients count as connected by a browser, so that the server waits for its report; count the messages to it."""
    told: Counter[str] = Counter()
    monkeypatch.setattr(nicegui_private, 'is_simulated', lambda client: False)
    monkeypatch.setattr(Client, 'run_javascript', lambda client, code, **_: told.update([code.partition('(')[0]]))
    return told


def report(tab: User, **sent: Any) -> None:
    tell(tab, {'kind': 'report'} | sent)


async def leave_a_draft(stash: Stash, ann: Browser) -> str:
    """Type a draft in a tab that loses its connection for good; return the id of its visit."""
    tab = await ann.open()
    report(tab, reason='visit')
    await idle()
    type_into(tab, 'draft', 'half')
    client = client_of(tab)
    client.delete()
    return client.id


async def test_a_page_is_built_with_its_draft_when_the_browser_has_reported_a_rejoin(
    stash: Stash, browsers_report: Counter[str]
) -> None:
    form = declare(stash)
    ann = Browser()
    visit_id = await leave_a_draft(stash, ann)
    tab = await ann.open()
    assert 'built' not in {mark for each in client_of(tab).elements.values() for mark in each._markers}
    report(tab, reason='rejoin', visit=visit_id)
    await idle()
    page = shown(stash, tab, form)
    assert (text(tab, 'built'), stash.recovery(page).reason) == ("built with 'half'", 'rejoin')
    assert browsers_report[ACKNOWLEDGE] == 2


@pytest.mark.parametrize(
    'told',
    [{'kind': 'address', 'search': '?x=1', 'made': 0, 'moved': True}, {'kind': 'browser', 'browser': 1, 'made': 0}],
)
async def test_a_message_before_the_report_does_not_count_as_one(
    stash: Stash, browsers_report: Counter[str], told: dict[str, Any]
) -> None:
    declare(stash)
    ann = Browser()
    visit_id = await leave_a_draft(stash, ann)
    tab = await ann.open()
    report(tab, **told)
    report(tab, reason='rejoin', visit=visit_id)
    await idle()
    assert text(tab, 'built') == "built with 'half'"


async def test_a_report_that_comes_late_corrects_the_page_through_its_bindings(
    stash: Stash, browsers_report: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    form = declare(stash)
    ann = Browser()
    visit_id = await leave_a_draft(stash, ann)
    monkeypatch.setattr(connection, 'REPORT_TIMEOUT', 0.01)
    tab = await ann.open()
    await eventually(lambda: stash._app_state.connection_of(client_of(tab)).visit.identified)
    await idle()
    page = shown(stash, tab, form)
    assert (text(tab, 'built'), stash.recovery(page).reason) == ("built with ''", 'unknown')
    report(tab, reason='rejoin', visit=visit_id)
    await idle()
    assert (page.draft, stash.recovery(page).reason) == ('half', 'rejoin')


async def test_what_was_typed_before_a_late_report_is_newer_than_what_it_brings(
    stash: Stash, browsers_report: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    form = declare(stash)
    ann = Browser()
    visit_id = await leave_a_draft(stash, ann)
    monkeypatch.setattr(connection, 'REPORT_TIMEOUT', 0.01)
    tab = await ann.open()
    await eventually(lambda: stash._app_state.connection_of(client_of(tab)).visit.identified)
    await idle()
    type_into(tab, 'draft', 'newer')
    report(tab, reason='rejoin', visit=visit_id)
    await idle()
    assert shown(stash, tab, form).draft == 'newer'


async def test_a_report_is_acknowledged_again_and_counts_once(stash: Stash, browsers_report: Counter[str]) -> None:
    form = declare(stash)
    ann = Browser()
    visit_id = await leave_a_draft(stash, ann)
    tab = await ann.open()
    report(tab, reason='visit')
    report(tab, reason='rejoin', visit=visit_id)
    await idle()
    assert shown(stash, tab, form).draft == ''
    before = browsers_report[ACKNOWLEDGE]
    await eventually(lambda: report(tab, reason='visit') or browsers_report[ACKNOWLEDGE] > before)


async def test_a_report_from_another_session_reaches_nothing_of_this_one(
    stash: Stash, browsers_report: Counter[str]
) -> None:
    form = declare(stash)
    visit_id = await leave_a_draft(stash, Browser())
    tab = await Browser().open()
    report(tab, reason='rejoin', visit=visit_id)
    await idle()
    assert shown(stash, tab, form).draft == ''


async def test_f5_drops_the_draft_of_the_visit_that_it_ended(stash: Stash, browsers_report: Counter[str]) -> None:
    form = declare(stash)
    ann = Browser()
    visit_id = await leave_a_draft(stash, ann)
    tab = await ann.open()
    report(tab, reason='reload', previous=visit_id)
    await idle()
    assert shown(stash, tab, form).draft == ''
    other = await ann.open()
    report(other, reason='rejoin', visit=visit_id)
    await idle()
    assert shown(stash, other, form).draft == ''


async def test_after_a_rejoin_a_change_of_the_old_server_is_followed_unless_the_field_was_touched(
    stash: Stash, browsers_report: Counter[str]
) -> None:
    form = declare(stash)
    ann = Browser()
    visit_id = await leave_a_draft(stash, ann)
    tab = await ann.open()
    report(tab, reason='rejoin', visit=visit_id)
    await idle()
    page = shown(stash, tab, form)
    instance = stash._app_state.connection_of(client_of(tab)).page_objects[0]
    page.draft = 'typed since'
    assert instance.values.touched == {'draft'}
    session = instance.session
    part = instance.documents['session'].parts[SCOPES['reconnect']]
    session.document.values(instance.slice_id, part)['draft'] = instance.values.defaults['draft']
    session._state.cells.clear()
    session._state.audience.tell_replaced()  # as when the old server's document was read
    await idle()
    assert page.draft == 'typed since'


@pytest.mark.parametrize(
    'sent',
    [
        None,
        'rejoin',
        [],
        {},
        {'reason': 'rejoin'},
        {'reason': 'rejoin', 'visit': 5},
        {'reason': 'rejoin', 'visit': 'a/b'},
        {'reason': 'rejoin', 'visit': 'x' * 1000},
        {'reason': ['rejoin'], 'visit': 'abcdefgh'},
        {'reason': 'unknown'},
        {'reason': 'subpage'},
        {'reason': 'reload', 'previous': '../..'},
    ],
)
def test_a_report_that_is_malformed_is_dropped(sent: object) -> None:
    assert decode({'kind': 'report'} | sent if isinstance(sent, dict) else sent) is None


@pytest.mark.parametrize('edits', [0, -1, 1.5, '1', None, pytest.param(10**5000, id='5,000 digits')])
def test_a_number_of_lost_edits_that_no_page_has_is_dropped(edits: object) -> None:
    assert decode({'kind': 'lost', 'edits': edits}) is None


@pytest.mark.parametrize(
    ('sent', 'read'),
    [
        ({'reason': 'visit', 'visit': 'abcdefgh', 'old_tab': 'abcdefgh'}, Report('visit')),
        ({'reason': 'rejoin', 'visit': 'abcdefgh', 'previous': 'ijklmnop'}, Report('rejoin', visit='abcdefgh')),
        ({'reason': 'reload', 'previous': 'abcdefgh'}, Report('reload', previous='abcdefgh')),
        ({'reason': 'duplicate', 'old_tab': 'abcdefgh'}, Report('duplicate', old_tab='abcdefgh')),
        ({'reason': 'history', 'previous': 'abcdefgh'}, Report('history')),
    ],
)
def test_a_report_says_no_more_than_belongs_to_its_reason(sent: dict[str, str], read: Report) -> None:
    assert decode({'kind': 'report'} | sent) == read


@pytest.mark.parametrize(
    'sent', [{}, {'kind': 'rumour'}, {'kind': 7}, {'kind': 'again'}, {'kind': 'typed', 'seal': 7}, 'again', None]
)
async def test_an_unknown_message_is_counted_and_dropped(stash: Stash, sent: object) -> None:
    declare(stash)
    tab = await Browser().open()
    tell(tab, sent)
    assert stash.statistics().malformed_messages == 1


async def test_a_report_before_the_connect_is_ignored(
    stash: Stash, browsers_report: Counter[str], errors: Callable[[], list[str]]
) -> None:
    form = declare(stash)
    await Browser().get()
    (client,) = [each for each in Client.instances.values() if each.page.path == '/']
    tab = User(Browser().http)
    tab.client = client
    report(tab, reason='rejoin', visit='abcdefgh')
    await asyncio.sleep(0)
    assert not stash._app_state.connection_of(client).visit.identified
    assert shown(stash, tab, form).draft == ''
    assert errors() == []
