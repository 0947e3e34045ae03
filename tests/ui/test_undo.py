"""A person takes back what they did on a page, step by step, and never what somebody else did."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import Request
from nicegui import app, ui

from nicegui_stash import DeclarationError, Lease, Stash, StashError, TooMuchPending, stored
from nicegui_stash.session.keys import user_key
from nicegui_stash.stores import Replace, StoredObject
from nicegui_stash.testing import FaultyStore
from nicegui_stash.testing.simulation import rejoin, reload, restart
from nicegui_stash.ui import nicegui_private
from nicegui_stash.ui.page.steps import MOST_BYTES, PAUSE, PageSteps
from nicegui_stash.ui.visit.messages import Report, simulated

from .scene import (
    SECRET,
    Browser,
    click,
    client_of,
    documents,
    element,
    eventually,
    go,
    idle,
    page_object_of,
    serving,
    shown,
    slice_of,
    text,
    type_into,
)

pytestmark = pytest.mark.proves('undo')


def page_steps(page: object) -> PageSteps:
    steps = page_object_of(page).steps
    assert steps is not None
    return steps


def declare(stash: Stash, **options: Any) -> type[Any]:
    @stash.page('/', **{'undo': 100, **options})
    class Page:
        name: str = stored('')
        count: int = stored(0)
        rows: list[dict[str, Any]] = stored([])
        draft: str = stored('', scope='reconnect')
        step: int = stored(1, scope='tab')
        q: str = stored('', scope='url')

        def build(self) -> None:
            ui.input().mark('name').bind_value(self, 'name')
            ui.input().mark('draft').bind_value(self, 'draft')
            ui.label().mark('rows').bind_text_from(self, 'rows', len)

    return Page


async def do(page: Any, **values: Any) -> None:
    """Do something as a step apart from what was done before."""
    for name, value in values.items():
        setattr(page, name, value)
    await idle()
    page_steps(page).close()


async def steps_of(store: FaultyStore) -> list[dict[str, Any]]:
    """Return the steps that are stored, of all visits."""
    return [
        visit['data']
        for document in (await documents(store)).values()
        for slices in document['slices'].get('stash.undo', {}).values()
        for found in slices.values()
        for visit in found['visits'].values()
    ]


async def test_what_a_person_did_is_taken_back_step_by_step_and_made_again(stash: Stash) -> None:
    @stash.page('/', undo=100)
    class Page:
        name: str = stored('')
        count: int = stored(0)

        def build(self) -> None:
            ui.input().mark('name').bind_value(self, 'name')
            ui.label().mark('count').bind_text_from(self, 'count')
            steps = stash.steps(self)
            ui.button('undo', on_click=lambda: stash.undo(self)).bind_enabled_from(steps, 'can_undo').mark('undo')
            ui.button('redo', on_click=lambda: stash.redo(self)).bind_enabled_from(steps, 'can_redo').mark('redo')

        def enabled(self) -> tuple[bool, bool]:
            return stash.steps(self).can_undo, stash.steps(self).can_redo

    tab = await Browser().open()
    page = shown(stash, tab, Page)
    assert page.enabled() == (False, False)
    type_into(tab, 'name', 'Ann')
    await idle()
    page.count += 1
    await idle()
    assert page.enabled() == (True, False)
    click(tab, 'undo')
    await idle()
    assert (text(tab, 'count'), element(tab, 'name').value, page.enabled()) == ('0', 'Ann', (True, True))
    click(tab, 'undo')
    await idle()
    assert (page.name, element(tab, 'name').value, page.enabled()) == ('', '', (False, True))
    assert not stash.undo(page)
    assert stash.redo(page)
    assert stash.redo(page)
    assert not stash.redo(page)
    await idle()
    assert (text(tab, 'count'), element(tab, 'name').value, page.enabled()) == ('1', 'Ann', (True, False))
    assert not element(tab, 'redo').enabled


async def test_what_is_typed_without_a_pause_is_one_step(stash: Stash) -> None:
    cls = declare(stash)
    tab = await Browser().open()
    page, now = shown(stash, tab, cls), 100.0
    page_steps(page)._clock = lambda: now
    for typed, pause in (('H', 0.0), ('He', PAUSE), ('Hey', PAUSE), ('Hey ', PAUSE + 0.01), ('Hey y', PAUSE)):
        now += pause
        type_into(tab, 'name', typed)
        await idle()
    for expected in ('Hey', ''):
        assert stash.undo(page)
        assert page.name == expected
    assert not stash.undo(page)
    assert stash.redo(page)
    now += PAUSE / 2
    type_into(tab, 'name', 'Hey!')
    await idle()
    assert stash.undo(page)
    assert page.name == 'Hey', 'a step ends where something was taken back or made again'


async def test_what_one_event_changes_is_one_step_and_another_field_is_another(stash: Stash) -> None:
    cls = declare(stash)
    page = shown(stash, await Browser().open(), cls)
    page.name, page.count = 'Ann', 1
    page.rows.append({'id': 1})
    await idle()
    page.draft = 'a text'
    await idle()
    stash.undo(page)
    assert (page.name, page.count, page.rows, page.draft) == ('Ann', 1, [{'id': 1}], '')
    stash.undo(page)
    assert (page.name, page.count, page.rows, page.draft) == ('', 0, [], '')
    stash.redo(page)
    assert (page.name, page.count, page.rows, page.draft) == ('Ann', 1, [{'id': 1}], '')


async def test_what_ends_where_it_began_is_no_step(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    page = shown(stash, await Browser().open(), cls)
    await do(page, count=1)
    page.name = 'A'
    page.name = ''
    await idle()
    assert stash.undo(page)
    assert page.count == 0
    assert not stash.undo(page)


@pytest.mark.parametrize('size', [3, 200], ids=['short', 'long'])
async def test_changes_of_rows_in_place_are_taken_back_in_place(stash: Stash, store: FaultyStore, size: int) -> None:
    cls = declare(stash)
    page = shown(stash, await Browser().open(), cls)
    page.rows = [{'id': number, 'name': f'part {number}'} for number in range(size)]
    await idle()
    before = json.dumps(page.rows)
    page_steps(page).clear()
    rows = page.rows

    def move() -> None:
        page.rows.insert(0, page.rows.pop())

    changes: list[Callable[[], object]] = [
        lambda: page.rows.append({'id': 1000, 'name': 'new'}),
        lambda: page.rows[1].update(name='other'),
        lambda: page.rows.pop(0),
        move,
        lambda: page.rows.extend({'id': number, 'name': ''} for number in range(2000, 2300)),
        page.rows.clear,
    ]
    states = [before]
    for change in changes:
        change()
        await idle()
        page_steps(page).close()
        states.append(json.dumps(page.rows))
    for state in reversed(states[:-1]):
        assert stash.undo(page)
        assert json.dumps(page.rows) == state
        await idle()
    assert not stash.undo(page)
    assert page.rows is rows
    for state in states[1:]:
        assert stash.redo(page)
        assert json.dumps(page.rows) == state
    await stash.flush(page)
    (kept,) = await steps_of(store)
    sizes = [len(json.dumps(step)) for name, step in kept.items() if name != 'log']
    assert max(sizes[:3]) < 300, 'a step has what differs'


async def test_a_row_in_which_a_cell_is_taken_back_stays_the_same_object(stash: Stash) -> None:
    cls = declare(stash)
    page = shown(stash, await Browser().open(), cls)
    await do(page, rows=[{'id': 1, 'name': 'bolt'}, {'id': 2, 'name': 'nut'}])
    rows, row = page.rows, page.rows[1]
    row['name'] = 'screw'
    await idle()
    stash.undo(page)
    assert (page.rows is rows, page.rows[1] is row, row['name']) == (True, True, 'nut')


# ---- never over somebody else's


async def test_what_another_tab_has_written_over_is_passed_over(stash: Stash) -> None:
    cls, ann = declare(stash), Browser()
    page, other = [shown(stash, await ann.open(), cls) for _ in range(2)]
    await do(page, count=1)
    await do(page, name='mine')
    assert stash.steps(page).can_undo
    await do(other, name='theirs')
    assert stash.undo(page)
    assert (page.name, page.count, stash.steps(page).can_undo) == ('theirs', 0, False)
    assert not stash.undo(page)
    assert stash.redo(page)
    assert not stash.redo(page)
    assert (page.name, page.count) == ('theirs', 1)


async def test_a_step_that_only_others_would_feel_cannot_be_taken_back_visibly(stash: Stash) -> None:
    cls, ann = declare(stash), Browser()
    page, other = [shown(stash, await ann.open(), cls) for _ in range(2)]
    await do(page, name='mine')
    await do(other, name='theirs')
    await do(other, name='mine')
    assert not stash.steps(page).can_undo, 'it is the value of the other tab, though it looks the same'
    assert not stash.undo(page)
    assert (page.name, other.name) == ('mine', 'mine')


async def test_a_step_of_two_fields_is_taken_back_as_a_whole_or_not_at_all(stash: Stash) -> None:
    cls, ann = declare(stash), Browser()
    page, other = [shown(stash, await ann.open(), cls) for _ in range(2)]
    await do(page, name='mine', count=5)
    await do(other, count=6)
    assert not stash.undo(page)
    assert (page.name, page.count) == ('mine', 6)


@pytest.mark.parametrize('value', ['theirs', 'mine'])
async def test_what_another_server_has_written_over_is_passed_over(
    stash: Stash, store: FaultyStore, value: str
) -> None:
    cls = declare(stash)
    page = shown(stash, await Browser().open(), cls)
    await do(page, name='mine')
    await stash.flush(page)
    for written in ('theirs', value):
        await another_server_writes(store, written)
        await page_object_of(page).session.revalidate(60)
        await idle()
    assert not stash.steps(page).can_undo
    assert not stash.undo(page)
    assert page.name == value


async def another_server_writes(store: FaultyStore, name: str) -> None:
    (key,) = [row.key async for row in store.inner.list()]
    found = await store.inner.get(key)
    assert isinstance(found, StoredObject)
    document = json.loads(found.body)
    document['slices']['Page']['1']['']['data']['name'] = name
    await store.inner.put(key, json.dumps(document).encode(), mode=Replace(found.etag))


@pytest.mark.parametrize('moves', [['undo'], ['undo', 'redo'], ['undo', 'undo']])
async def test_what_another_server_has_written_over_unheard_is_there_again_after_the_put(
    stash: Stash, store: FaultyStore, moves: list[str]
) -> None:
    cls = declare(stash)
    page = shown(stash, await Browser().open(), cls)
    await do(page, name='first')
    await do(page, name='second')
    await stash.flush(page)
    await another_server_writes(store, 'theirs')
    for move in moves:
        assert (stash.undo if move == 'undo' else stash.redo)(page)
    assert page.name == {'undo': 'first', 'undo redo': 'second', 'undo undo': ''}[' '.join(moves)]
    await stash.flush(page)
    await idle()
    assert (page.name, (await slice_of(store, 'Page'))['data']['name']) == ('theirs', 'theirs')
    assert not stash.steps(page).can_undo


async def test_what_update_counts_is_no_step(stash: Stash) -> None:
    cls = declare(stash)
    page = shown(stash, await Browser().open(), cls)
    await do(page, count=1)

    def one_more(found: Any) -> None:
        found.count += 1

    await stash.update(page, one_more)
    await idle()
    assert not stash.undo(page)
    assert page.count == 2


async def test_what_a_job_does_is_not_what_the_person_does_who_started_it(stash: Stash) -> None:
    acts: list[bool] = []

    @stash.page('/', undo=10)
    class Page:
        lease: Lease = stored(Lease())

        def build(self) -> None:
            self.job = stash.job(self, 'lease', self.work)

        async def work(self) -> None:
            acts.append(nicegui_private._person_acts.get())

    page = shown(stash, await Browser().open(), Page)
    with nicegui_private.acting(person=True):
        assert await page.job.start()
    await eventually(lambda: acts)
    assert acts == [False]


# ---- kept with the visit


async def test_steps_come_back_with_the_visit_and_not_with_another_one(stash: Stash, store: FaultyStore) -> None:
    cls, ann = declare(stash), Browser()
    tab = await ann.open()
    page = shown(stash, tab, cls)
    await do(page, name='Ann')
    await do(page, draft='a text')
    stash.undo(page)
    await stash.flush(page)
    for come_back in (lambda: rejoin(tab), lambda: restart(tab, kill=True)):
        await come_back()
        await idle()
        page = shown(stash, tab, cls)
        assert (stash.steps(page).can_undo, stash.steps(page).can_redo) == (True, True)
    assert stash.redo(page)
    assert page.draft == 'a text'
    assert stash.undo(page)
    assert stash.undo(page)
    assert (page.name, page.draft) == ('', '')
    stash.redo(page)
    other = shown(stash, await ann.open(), cls)
    assert (other.name, stash.undo(other), stash.redo(other)) == ('Ann', False, False)
    await stash.flush(page)
    await reload(tab)
    page = shown(stash, tab, cls)
    assert (page.name, stash.undo(page), stash.redo(page)) == ('Ann', False, False)
    await stash.flush(page)
    assert await steps_of(store) == []


async def test_what_was_done_before_the_visit_was_known_is_behind_what_was_kept(stash: Stash) -> None:
    cls = declare(stash)
    tab = await Browser().open()
    page = shown(stash, tab, cls)
    await do(page, name='first')
    await stash.flush(page)
    await rejoin(tab)
    page = shown(stash, tab, cls)
    steps = page_steps(page)
    stored_steps, steps._kept = steps._kept, None  # as before the report
    assert stored_steps is not None
    steps._begin_again()
    await do(page, name='second')
    steps.locate()
    assert [(stash.undo(page), page.name) for _ in range(3)] == [(True, 'first'), (True, ''), (False, '')]


async def test_steps_that_no_longer_fit_are_dropped_at_a_version_change(url: str, errors: object) -> None:
    async def build(self: Any) -> None: ...

    def declare(stash: Stash, version: int) -> type[Any]:
        annotations = {1: {'price': int, 'name': str, 'size': str, 'old': int, 'rest': int}}
        annotations[2] = {'price': int, 'name': str, 'size': int, 'rest': int}
        fields = {name: stored(kind(), scope='session') for name, kind in annotations[version].items()}
        cls = type('Item', (), {'__annotations__': annotations[version], 'build': build, **fields})
        return stash.page('/', undo=100, version=version, migrations={1: in_cents} if version == 2 else None)(cls)

    def in_cents(values: dict[str, Any]) -> dict[str, Any]:
        if 'price' in values:
            values['price'] *= 100
        values.pop('old', None)
        values.pop('size', None)
        return values

    ann = Browser()
    async with serving(lambda: Stash(url, flush_interval=0)) as stash:
        cls = declare(stash, 1)
        tab = await ann.open()
        page = shown(stash, tab, cls)
        for name, value in (('name', 'bolt'), ('rest', 7), ('price', 5), ('price', 0), ('size', 'big'), ('old', 3)):
            await do(page, **{name: value})
        await stash.flush(page)
        visit = client_of(tab).id
    async with serving(lambda: Stash(url, flush_interval=0)) as stash:
        cls = declare(stash, 2)
        simulated[tab.tab_id] = Report('rejoin', visit=visit)
        await tab.open('/')
        await idle()
        page = shown(stash, tab, cls)
        assert (page.name, page.rest, page.price, page.size) == ('bolt', 7, 0, 0)
        assert stash.undo(page)
        assert (page.name, page.rest, page.price, page.size) == ('bolt', 0, 0, 0), 'a price in euros does not come back'
        assert stash.undo(page)
        assert (page.name, stash.undo(page)) == ('', False)


async def test_steps_of_a_class_without_save_stay_on_the_page(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash, auto=False)
    page = shown(stash, await Browser().open(), cls)
    await do(page, name='Ann')
    await do(page, name='Bob')
    assert stash.undo(page)
    stash.save(page)
    await stash.flush(page)
    assert (page.name, await steps_of(store)) == ('Ann', [])


async def test_the_steps_of_a_view_end_with_it(stash: Stash, store: FaultyStore) -> None:
    @stash.view(undo=10)
    class View:
        name: str = stored('')

        def build(self) -> None: ...

    ui.page('/')(lambda: ui.sub_pages({'/': View, '/other': lambda: ui.label('other')}))
    tab = await Browser().open()
    view = shown(stash, tab, View)
    await do(view, name='Ann')
    await stash.flush(view)
    assert len(await steps_of(store)) == 1
    await go(tab, '/other')
    await go(tab, '/')
    view = shown(stash, tab, View)
    assert (view.name, stash.undo(view)) == ('Ann', False)


# ---- bounded


async def test_steps_are_bounded_in_number(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash, undo=3)
    tab = await Browser().open()
    page = shown(stash, tab, cls)
    for count in range(1, 11):
        await do(page, count=count)
    stash.undo(page)
    await do(page, count=100)
    await stash.flush(page)
    (kept,) = await steps_of(store)
    assert sorted(kept) == ['0', '1', '2', 'log']
    await rejoin(tab)
    page = shown(stash, tab, cls)
    assert [(stash.undo(page), page.count) for _ in range(4)] == [(True, 9), (True, 8), (True, 7), (False, 7)]


async def test_steps_are_bounded_in_bytes(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    page = shown(stash, await Browser().open(), cls)
    for number in range(20):
        await do(page, name=chr(97 + number) * 6000)
    await stash.flush(page)
    (kept,) = await steps_of(store)
    assert sum(len(json.dumps(step)) for step in kept.values()) < MOST_BYTES + 2000
    undone = 0
    while stash.undo(page):
        undone += 1
    assert 3 < undone < 20
    await do(page, name='x' * MOST_BYTES)
    assert not stash.steps(page).can_undo
    assert not stash.undo(page), 'a step that is too long for all of it cannot be taken back'
    await do(page, count=1)
    assert stash.undo(page)


async def test_a_letter_in_a_long_text_costs_a_letter(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    page = shown(stash, await Browser().open(), cls)
    text = 'ä long text, "quoted"\n' * 2000
    await do(page, name=text)
    page_steps(page).clear()
    await do(page, name=text[:20_000] + '!' + text[20_000:])
    await do(page, name=page.name + '?')
    await stash.flush(page)
    (kept,) = await steps_of(store)
    assert sum(len(json.dumps(step)) for step in kept.values()) < 1000
    assert stash.undo(page)
    assert page.name == text[:20_000] + '!' + text[20_000:]
    assert stash.undo(page)
    assert page.name == text


# ---- whose, and what is erased


async def test_a_password_and_what_a_browser_keeps_are_in_no_step(stash: Stash, store: FaultyStore) -> None:
    @stash.page('/', undo=100)
    class Page:
        name: str = stored('')
        word: str = stored('')
        hidden: str = stored('', scope='browser', encrypted=True)
        q: str = stored('', scope='url')

        def build(self) -> None:
            ui.input(password=True).mark('word').bind_value(self, 'word')

    tab = await Browser().open()
    page = shown(stash, tab, Page)
    await do(page, name='Ann')
    type_into(tab, 'word', 'swordfish')
    await idle()
    page.hidden = page.q = 'halibut'
    await idle()
    await stash.flush(page)
    steps = json.dumps(await steps_of(store))
    assert 'swordfish' not in steps
    assert 'halibut' not in steps
    assert stash.undo(page)
    assert (page.name, page.word, page.hidden) == ('', 'swordfish', 'halibut')


async def test_steps_are_erased_with_the_values(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    tab = await Browser().open()
    page = shown(stash, tab, cls)

    async def forget() -> None:
        with client_of(tab):
            await stash.forget()

    async def reset() -> None:
        stash.reset(page)

    for erase in (reset, forget):
        await do(page, name='secret')
        await do(page, name='')
        await erase()
        await idle()
        assert not stash.steps(page).can_undo
        assert not stash.undo(page)
        await stash.flush(page)
        assert 'secret' not in json.dumps(await documents(store))
        await do(page, count=1)
        assert stash.undo(page)


@pytest.mark.parametrize('is_away', [False, True], ids=['on the page', 'away'])
async def test_what_is_erased_in_a_room_does_not_come_back(stash: Stash, store: FaultyStore, is_away: bool) -> None:
    @stash.page('/board/{board}', room='board', undo=100)
    class Board:
        title: str = stored('', scope='room')

        def build(self, board: str) -> None: ...

    tab = await Browser().open('/board/a')
    page = shown(stash, tab, Board)
    await do(page, title='secret')
    await do(page, title='')
    await stash.flush(page)
    if is_away:
        await tab.open('/board/other')
        tab.back_history.pop()
    async with stash.open_room('a') as room:
        room.forget()
    await idle()
    if is_away:
        simulated[tab.tab_id] = Report('rejoin', visit=page_object_of(page).visit.id)
        await tab.open('/board/a')
        await idle()
        page = shown(stash, tab, Board)
    assert not stash.steps(page).can_undo
    assert not stash.undo(page)
    await do(page, title='new')
    await stash.flush(page)
    assert 'secret' not in json.dumps(await steps_of(store))
    assert stash.undo(page)


async def test_steps_are_a_persons_and_are_gone_with_the_person(url: str, store: FaultyStore, errors: object) -> None:
    signed_in: dict[str, str | None] = {}

    def who(request: Request) -> str | None:
        return signed_in.get(request.session['id'])

    async with serving(lambda: Stash(url, flush_interval=0, user=who)) as stash:

        @stash.page('/', undo=100)
        class Notes:
            note: str = stored('', scope='user')
            zoom: int = stored(1)

            def build(self) -> None:
                ui.input(on_change=sign).mark('who')

        def sign(event: Any) -> None:
            signed_in[app.storage.browser['id']] = None if event.value == 'nobody' else event.value

        browser = Browser()
        tab = await browser.open()
        type_into(tab, 'who', 'ann')
        await idle()
        page = shown(stash, tab, Notes)
        await do(page, note='of Ann')
        await do(page, note='')
        await stash.flush(page)
        ann = user_key(SECRET, 'ann')
        assert [key for key, each in (await documents(store)).items() if 'of Ann' in json.dumps(each)] == [ann]
        await rejoin(tab)
        page = shown(stash, tab, Notes)
        assert stash.undo(page)
        assert page.note == 'of Ann'
        type_into(tab, 'who', 'nobody')
        await idle()
        assert (page.note, stash.steps(page).can_undo, stash.steps(page).can_redo) == ('', False, False)
        assert not stash.undo(page)
        assert not stash.redo(page)
        type_into(tab, 'who', 'bob')
        await idle()
        await rejoin(tab)
        page = shown(stash, tab, Notes)
        await do(page, note='of Bob')
        assert [(stash.undo(page), page.note) for _ in range(2)] == [(True, ''), (False, '')]
        await stash.flush(page)
        others = {key: json.dumps(each) for key, each in (await documents(store)).items() if key != ann}
        assert not any('of Ann' in each for each in others.values())


async def test_steps_that_are_made_before_the_store_answers_are_kept_when_it_does(
    stash: Stash, store: FaultyStore
) -> None:
    cls, ann = declare(stash), Browser()
    tab = await ann.open()
    await do(shown(stash, tab, cls), name='Ann')
    await restart(tab)
    store.down = True
    await restart(tab)
    page = shown(stash, tab, cls)
    assert stash.recovery(page).status == 'unavailable'
    await do(page, count=7)
    assert stash.steps(page).can_undo
    store.down = False
    await eventually(lambda: page.name == 'Ann')
    await idle()
    assert (page.name, page.count) == ('Ann', 7)
    assert stash.undo(page)
    assert (page.name, page.count) == ('Ann', 0)
    assert stash.undo(page)
    assert (page.name, page.count) == ('', 0)


async def test_a_step_that_the_store_is_too_long_away_for_is_refused_and_changes_nothing(
    stash: Stash, store: FaultyStore
) -> None:
    cls = declare(stash)
    page = shown(stash, await Browser().open(), cls)
    await do(page, name='Ann', count=1)
    shared = page_object_of(page).session._state.shared
    before, shared.policy = shared.policy, dataclasses.replace(shared.policy, max_session_pending=0)
    try:
        with pytest.raises(TooMuchPending):
            stash.undo(page)
    finally:
        shared.policy = before
    assert (page.name, page.count) == ('Ann', 1)
    assert stash.undo(page)
    assert (page.name, page.count) == ('', 0)


async def test_a_field_that_is_reset_is_a_step(stash: Stash) -> None:
    cls = declare(stash)
    page = shown(stash, await Browser().open(), cls)
    await do(page, name='Ann')
    stash.reset(page, 'name')
    await idle()
    assert stash.undo(page)
    assert page.name == 'Ann'


async def test_steps_are_not_exported(stash: Stash) -> None:
    cls = declare(stash)
    tab = await Browser().open()
    await do(shown(stash, tab, cls), name='Ann')
    with client_of(tab):
        found = await stash.export()
    assert list(found['slices']) == ['Page']


# ---- pages without it, and wrong use


async def test_a_page_without_undo_keeps_no_steps(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash, undo=0)
    page = shown(stash, await Browser().open(), cls)
    page.name = 'Ann'
    await stash.flush(page)
    assert page_object_of(page).values.steps is None
    assert await steps_of(store) == []
    with pytest.raises(StashError, match=r'Page keeps no steps; write undo=100 in the line above its class'):
        stash.undo(page)


@pytest.mark.parametrize('undo', [True, -1, 1001, '100', 2.5])
async def test_undo_is_a_number_of_steps(stash: Stash, undo: Any) -> None:
    with pytest.raises(DeclarationError, match=r'Page: undo=.* must be how many steps can be taken back, from 1 to 10'):
        declare(stash, undo=undo)


async def test_undo_needs_a_field_that_the_store_keeps(stash: Stash) -> None:
    with pytest.raises(DeclarationError, match='Search: undo=5 has nothing to take back'):

        @stash.page('/search', undo=5)
        class Search:
            q: str = stored('', scope='url')

            def build(self) -> None: ...
