"""The inspector: what it shows to those whom the app lets in, and that nobody else learns anything."""

from __future__ import annotations

import asyncio
import re
import sys
from typing import Any

import pytest
from fastapi import HTTPException, Request
from fastapi.responses import RedirectResponse
from nicegui import app, ui
from nicegui.testing import User
from nicegui.testing.general import nicegui_reset_globals

from nicegui_stash import ConfigurationError, Stash, stored
from nicegui_stash.session.record import Answers
from nicegui_stash.testing import FaultyStore
from nicegui_stash.ui.inspector import overview, page
from nicegui_stash.ui.inspector.plot import plot

from .scene import Browser, client_of, eventually, idle, serving

OPERATOR = 'operator'
LOADED_AGAIN = 'Expected status code 200, got 404'
"""What the simulated browser logs when it loads a page again that is no longer there."""
METHODS = ('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'ANYTHING')


@pytest.fixture(autouse=True)
def look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pages look so often that a test waits for nothing."""
    monkeypatch.setattr(page, 'EVERY', 0.02)
    monkeypatch.setattr(overview, 'FRESH', 0.0)


def test_a_test_of_nicegui_does_not_unload_the_library_with_its_page() -> None:
    library = sys.modules['nicegui_stash']
    with nicegui_reset_globals():
        Stash('memory://').inspector('/_stash', allow=by_header)
    assert sys.modules.get('nicegui_stash') is library


def by_header(request: Request) -> bool:
    return request.headers.get('x-role') == OPERATOR


def operator() -> Browser:
    return Browser(headers={'x-role': OPERATOR})


def declare(stash: Stash) -> None:
    @stash.page('/note')
    class Note:
        text: str = stored('')
        mark: str = stored('', scope='reconnect')

        def build(self) -> None:
            ui.input('text').bind_value(self, 'text')
            ui.input('mark').bind_value(self, 'mark')


def write(tab: User, text: str) -> None:
    tab.find('text').clear().type(text)


def plain(tab: User) -> str:
    """Return everything that a page holds, as it is sent to its browser."""
    return repr([element._to_dict() for element in client_of(tab).elements.values()])


def rows(tab: User, title: str) -> list[dict[str, Any]]:
    """Return the rows of the table below a heading."""
    elements = list(client_of(tab).elements.values())
    start = next(n for n, each in enumerate(elements) if isinstance(each, ui.html) and each.content == title)
    return next(each for each in elements[start:] if isinstance(each, ui.table)).rows


def without_ids(text: str, path: str) -> str:
    """Return a page without what differs from request to request, and without its own address."""
    return re.sub(r'[0-9a-f]{8}-[0-9a-f-]{27}|\d+\.\d+', '', text).replace(path, '/…')


# ---- who may see it


async def test_to_anybody_else_its_address_does_not_exist(stash: Stash) -> None:
    stash.inspector('/_stash', allow=by_header)
    for method in METHODS:
        nowhere = await Browser().http.request(method, '/nowhere')
        for path in ('/_stash', '/_stash/'):
            answer = await Browser().http.request(method, path)
            assert answer.status_code == nowhere.status_code == 404, method
            assert without_ids(answer.text, path) == without_ids(nowhere.text, '/nowhere'), method
            assert answer.headers.keys() == nowhere.headers.keys(), method
            assert 'stash inspector' not in answer.text.lower()


async def refuse(_: Request) -> bool:
    return False


async def admit(_: Request) -> bool:
    return True


def raise_error(_: Request) -> bool:
    raise KeyError('role')


def raise_forbidden(_: Request) -> bool:
    raise HTTPException(403, 'not you')


@pytest.mark.parametrize(
    ('allow', 'status'),
    [
        (lambda _: True, 200),
        (admit, 200),
        (lambda _: False, 404),
        (refuse, 404),
        (lambda _: None, 404),
        (lambda _: 'somebody', 404),
        (lambda _: 1, 404),
        (lambda _: RedirectResponse('/login'), 404),
        (raise_forbidden, 404),
    ],
)
async def test_only_true_lets_anybody_in(stash: Stash, allow: Any, status: int) -> None:
    stash.inspector('/_stash', allow=allow)
    assert (await Browser().get('/_stash')).status_code == status


async def test_a_check_that_fails_lets_nobody_in_and_is_told_to_the_app(stash: Stash, errors: Any) -> None:
    told: list[Exception] = []
    app.on_exception(told.append)
    stash.inspector('/_stash', allow=raise_error)
    answer = await Browser().get('/_stash')
    assert answer.status_code == 404
    assert 'role' not in answer.text
    assert [type(error) for error in told] == [KeyError]
    errors()


@pytest.mark.parametrize('allow', [None, True, 'operator'])
async def test_without_a_function_it_is_not_served(stash: Stash, allow: Any) -> None:
    with pytest.raises(ConfigurationError, match=r'^allow: it is of type \w+\. Pass a function of the request'):
        stash.inspector('/_stash', allow=allow)
    assert (await Browser().get('/_stash')).status_code == 404


async def test_the_check_may_look_at_what_the_app_knows_of_its_users(stash: Stash, errors: Any) -> None:
    stash.inspector('/_stash', allow=lambda _: app.storage.user.get('role') == OPERATOR)

    @ui.page('/login')
    def login() -> None:
        app.storage.user['role'] = OPERATOR

    @ui.page('/logout')
    def logout() -> None:
        del app.storage.user['role']

    browser = Browser()
    assert (await browser.get('/_stash')).status_code == 404
    await browser.get('/login')
    tab = await browser.open('/_stash')
    await tab.should_see('Latency of the store')
    await browser.get('/logout')
    await eventually(lambda: 'Latency' not in plain(tab))
    assert await eventually(errors) == [LOADED_AGAIN]


async def test_where_each_address_is_that_of_one_page_it_is_as_well(url: str) -> None:
    async with serving(lambda: Stash(url), root=lambda: ui.label('the only page')) as stash:
        stash.inspector('/_stash', allow=by_header)
        answers = [await Browser().get(path) for path in ('/_stash', '/_stash/', '/nowhere')]
        assert [('the only page' in answer.text, answer.status_code) for answer in answers] == [(True, 200)] * 3
        assert 'the only page' not in (await operator().get('/_stash')).text


async def test_who_may_no_longer_see_it_gets_nothing_more(stash: Stash, errors: Any) -> None:
    allowed = True
    stash.inspector('/_stash', allow=lambda _: allowed)
    tab = await Browser().open('/_stash')
    await tab.should_see('Latency of the store')
    elements = list(client_of(tab).elements.values())
    (measure,) = [each for each in elements if isinstance(each, ui.button) and each.text == 'Measure the store']
    allowed = False
    tab.find('Measure the store').click()
    await idle()
    assert measure.is_deleted
    assert 'Latency' not in plain(tab)
    assert errors() == [LOADED_AGAIN]


# ---- what is shown


async def test_it_shows_what_is_pending_and_since_when_and_no_value(stash: Stash, store: FaultyStore) -> None:
    declare(stash)
    stash.inspector('/_stash', allow=by_header)
    visitor, tab = await Browser().open('/note'), await operator().open('/_stash')
    write(visitor, 'first')
    await eventually(lambda: stash.statistics().pending == 0)
    store.down = True
    write(visitor, 'a private text')
    await eventually(lambda: stash.statistics().failures > 0)
    row = (await seen(tab, 'Not in the store yet'))[0]
    assert row['changes'] == 1
    assert row['activity'] == 'offline'
    assert row['problem']
    assert re.fullmatch(r'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d', row['since'])
    fields = rows(tab, 'Classes and fields')
    assert [(each['class'], each['field']) for each in fields] == [('Note', 'text')]
    assert fields[0]['puts'] >= 1
    assert 'the store is away' in str(rows(tab, 'Last warnings and errors'))
    assert 'private' not in plain(tab)
    store.down = False
    await eventually(lambda: stash.statistics().pending == 0)
    await eventually(lambda: not rows(tab, 'Not in the store yet'))


async def seen(tab: User, title: str) -> list[dict[str, Any]]:
    """Return the rows of a table as soon as it has some."""
    await eventually(lambda: rows(tab, title))
    return rows(tab, title)


async def find(tab: User, key: str) -> None:
    tab.find('Key, or how it begins').clear().type(key)
    tab.find('Find').click()
    await idle()


async def test_a_document_is_shown_before_and_after_a_change_without_what_would_open_it(
    stash: Stash, store: FaultyStore
) -> None:
    declare(stash)
    stash.inspector('/_stash', allow=by_header)
    visitor, tab = await Browser().open('/note'), await operator().open('/_stash')
    write(visitor, 'a private text')
    visitor.find('mark').type('a mark')
    await stash._app_state.connection_of(client_of(visitor)).flush()
    (key,) = [row.key async for row in store.inner.list()]
    await find(tab, key[:7])
    lines = rows(tab, 'One session')
    assert {(line['class'], line['part'], line['field'], line['value']) for line in lines} == {
        ('Note, version 1', 'session', 'text', 'text, 16 B'),
        ('Note, version 1', 'visit 1', 'mark', 'text, 8 B'),
    }
    write(visitor, 'a longer private text')
    change = await eventually(lambda: changes(tab))
    assert [(each['field'], each['before'], each['after']) for each in change] == [('text', 'text, 16 B', 'text, 23 B')]
    visit = client_of(visitor)
    sent = plain(tab)
    assert key in sent
    for secret in ('private', 'a mark', visit.id, str(visit.tab_id), str(visit.request.session['id'])):
        assert secret not in sent


async def test_it_counts_conflicts_and_the_bytes_that_were_put_of_each_field(stash: Stash, store: FaultyStore) -> None:
    declare(stash)
    stash.inspector('/_stash', allow=by_header)
    visitor, tab = await Browser().open('/note'), await operator().open('/_stash')
    connection = stash._app_state.connection_of(client_of(visitor))
    write(visitor, 'ten bytes')
    await connection.flush()
    store.conflict_after_apply(1)
    write(visitor, 'ten again')
    await connection.flush()
    await eventually(lambda: count(tab, 'conflicts') == '1')
    (row,) = rows(tab, 'Classes and fields')
    assert (row['class'], row['field']) == ('Note', 'text')
    assert row['bytes put'] == f'{row["puts"] * len("..ten bytes")} B'


def count(tab: User, name: str) -> str:
    """Return the number above a name among the counts."""
    (label,) = [each for each in client_of(tab).elements.values() if isinstance(each, ui.label) and each.text == name]
    assert label.parent_slot is not None
    number = label.parent_slot.children[0]
    assert isinstance(number, ui.label)
    return number.text


def test_the_plot_has_a_point_for_the_mean_of_an_interval_and_a_line_up_to_the_longest() -> None:
    svg = plot([('get', [Answers(0.0, count=4, total=0.04, longest=0.1)]), ('put', [])], now=8.0)
    marks = dict(re.findall(r'y1="([\d.]+)" .*?>([\d ms]+)<', svg))
    heights = {text: height for height, text in marks.items()}
    (point,) = re.findall(r'd="M(\d+) ([\d.]+)h0" class="get dot"', svg)
    assert point[1] == heights['10 ms']
    assert f'd="M{point[0]} {point[1]}V{heights["100 ms"]}" class="get band"' in svg
    assert '<path d="" class="put dot"/>' in svg
    later = plot([('get', [Answers(0.0, count=4, total=0.04, longest=0.1)])], now=300.0)
    assert int(point[0]) > int(re.findall(r'd="M(\d+) [\d.]+h0"', later)[0]), 'it moves to the left'


def changes(tab: User) -> list[dict[str, Any]]:
    tables = [each for each in client_of(tab).elements.values() if isinstance(each, ui.table)]
    (found,) = [each for each in tables if any(column['name'] == 'before' for column in each.columns)]
    return found.rows


async def test_values_are_shown_where_the_app_allows_it_and_somebody_asks(stash: Stash, store: FaultyStore) -> None:
    declare(stash)
    stash.inspector('/_stash', allow=by_header, values=True)
    visitor, tab = await Browser().open('/note'), await operator().open('/_stash')
    write(visitor, 'a private text')
    await stash._app_state.connection_of(client_of(visitor)).flush()
    (key,) = [row.key async for row in store.inner.list()]
    await find(tab, key)
    assert 'private' not in plain(tab)
    tab.find('Show values').click()
    await eventually(lambda: 'a private text' in plain(tab))


async def test_a_session_that_no_page_shows_is_read_from_the_store(url: str, store: FaultyStore) -> None:
    async with serving(lambda: Stash(url, flush_interval=0)) as stash:
        declare(stash)
        visitor = await Browser().open('/note')
        write(visitor, 'text')
    (key,) = [row.key async for row in store.inner.list()]
    async with serving(lambda: Stash(url, flush_interval=0)) as stash:
        stash.inspector('/_stash', allow=by_header)
        tab = await operator().open('/_stash')
        await find(tab, key[3:9])
        await tab.should_see('not in the memory of this process')
        assert [line['field'] for line in rows(tab, 'One session')] == ['text']
        tab.find('Measure the store').click()
        await tab.should_see('1 documents with')
        (measured,) = rows(tab, 'Classes and fields')
        assert (measured['values'], measured['together'], measured['puts']) == (1, '6 B', 0)


async def test_a_damaged_document_is_shown_as_far_as_it_can_be_read(stash: Stash, store: FaultyStore) -> None:
    stash.inspector('/_stash', allow=by_header, values=True)
    times = b'"epoch":0,"seen":9007199254740992,"born":9007199254740992,"applied":{}'
    body = b'{"format":1,%s,"slices":{"Cart":{"1":{"":{"data":{"note":"a \xff text"}}}}}}' % times
    await store.inner.put('ab/abcdef.json', body, mode='create')
    tab = await operator().open('/_stash')
    await find(tab, 'abcdef')
    await tab.should_see('last put ')
    tab.find('Show values').click()
    await eventually(lambda: 'a \ufffd text' in plain(tab))


async def test_a_store_that_does_not_answer_is_no_error_of_the_page(stash: Stash, store: FaultyStore) -> None:
    stash.inspector('/_stash', allow=by_header)
    tab = await operator().open('/_stash')
    store.down = True
    tab.find('Measure the store').click()
    await tab.should_see('The store did not answer')
    await find(tab, 'abcd')
    await find(tab, '..')
    await tab.should_see('Enter the first 4 characters')


async def test_many_sessions_are_walked_in_small_steps_once_for_all_who_look(
    stash: Stash, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, 'FRESH', 60.0)
    registry = stash._app_state.runtime().registry
    sessions = [registry.session(f'visitor {number}', exists=False) for number in range(5 * overview.STEP)]
    steps = 0

    async def count() -> None:
        nonlocal steps
        while True:
            steps += 1
            await asyncio.sleep(0)

    overviews = overview.Overviews(registry)
    counting = asyncio.ensure_future(count())
    first, second = await asyncio.gather(overviews.look(60), overviews.look(60))
    counting.cancel()
    assert first is second is await overviews.look(0)
    assert first is not None
    assert (first.statistics.sessions, len(first.largest)) == (len(sessions), overview.MOST)
    assert steps >= 5
