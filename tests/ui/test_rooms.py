"""`scope='room'`: what a page is about, shared by all who may open it."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from fastapi import Request
from nicegui import ui

from nicegui_stash import DeclarationError, Recovery, Stash, StashError, stored
from nicegui_stash.session.keys import object_key, room_key
from nicegui_stash.stores import Replace, StoredObject
from nicegui_stash.testing import FaultyStore
from nicegui_stash.testing.simulation import hop, rejoin, restart

from .scene import (
    SECRET,
    Browser,
    click,
    client_of,
    close,
    documents,
    element,
    eventually,
    idle,
    page_object_of,
    serving,
    shown,
    text,
    type_into,
)


def declare(stash: Stash) -> type[Any]:
    @stash.page('/board/{board}', room='board', build='request')
    class Board:
        title: str = stored('untitled', scope='room')
        cards: list[dict[str, Any]] = stored([], scope='room')
        visits: int = stored(0, scope='room')
        sort: str = stored('by date')

        def build(self, board: str) -> None:
            ui.label(board)
            ui.input().mark('title').bind_value(self, 'title')
            ui.label().mark('visits').bind_text_from(self, 'visits')

    return Board


async def room_of(store: FaultyStore, name: str, cls: str = 'Board') -> dict[str, Any]:
    """Return what is really stored of a class in a room."""
    found = (await documents(store)).get(room_key(SECRET, name), {'slices': {}})
    return found['slices'].get(cls, {}).get('1', {}).get('', {'data': {}})['data']


async def test_all_pages_of_a_room_show_it_and_nothing_of_another_room(stash: Stash) -> None:
    cls = declare(stash)
    ann, bob = await Browser().open('/board/a'), await Browser().open('/board/a')
    other = await Browser().open('/board/b')
    type_into(ann, 'title', 'Garden')
    shown(stash, ann, cls).sort = 'by name'
    await idle()
    assert [element(tab, 'title').value for tab in (bob, other)] == ['Garden', 'untitled']
    assert shown(stash, bob, cls).sort == 'by date', 'which is of the session'
    late = await Browser().open('/board/a')
    assert element(late, 'title').value == 'Garden'


async def test_a_room_outlives_its_pages_and_its_server(url: str, store: FaultyStore) -> None:
    for expected in ('untitled', 'Garden'):
        async with serving(lambda: Stash(url)) as stash:
            cls = declare(stash)
            page = shown(stash, await Browser().open('/board/a'), cls)
            assert page.title == expected
            page.title = 'Garden'
            await stash.flush(page)
    assert await room_of(store, 'a') == {'title': 'Garden'}
    assert len(await documents(store)) == 1, 'nothing was changed in a session'


async def test_rows_that_somebody_else_changes_stay_the_same_rows(stash: Stash) -> None:
    cls = declare(stash)
    ann, bob = [shown(stash, await Browser().open('/board/a'), cls) for _ in range(2)]
    ann.cards = [{'id': 1, 'text': 'dig'}, {'id': 2, 'text': 'sow'}]
    await idle()
    sow = bob.cards[1]
    ann.cards.pop(0)
    ann.cards[0]['text'] = 'sow peas'
    await idle()
    assert bob.cards == [{'id': 2, 'text': 'sow peas'}]
    assert bob.cards[0] is sow


async def test_counters_of_several_servers_are_exact(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    tabs = [await Browser().open('/board/a') for _ in range(3)]
    await hop(tabs[1])
    await hop(tabs[2])
    pages = [shown(stash, tab, cls) for tab in tabs]
    assert len({id(page_object_of(page).visit.registry) for page in pages}) == 3

    async def count(page: Any) -> None:
        for _ in range(10):
            await stash.update(page, lambda found: setattr(found, 'visits', found.visits + 1))

    await asyncio.gather(*map(count, pages))
    assert await room_of(store, 'a') == {'visits': 30}


async def test_an_update_changes_the_room_or_the_session_and_never_both(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    page = shown(stash, await Browser().open('/board/a'), cls)
    seen: list[tuple[str, str]] = []

    def rename(found: Any) -> None:
        seen.append((found.title, found.sort))
        found.title += '!'

    page.sort = 'by name'
    await stash.update(page, rename)
    assert (page.title, set(seen)) == ('untitled!', {('untitled', 'by name')})
    await stash.update(page, lambda found: setattr(found, 'sort', found.title))
    assert page.sort == 'untitled!'

    def both(found: Any) -> None:
        found.title, found.sort = 'a', 'b'

    with pytest.raises(StashError, match='fields of several owners'):
        await stash.update(page, both)
    assert (page.title, page.sort) == ('untitled!', 'untitled!')
    assert await room_of(store, 'a') == {'title': 'untitled!'}


async def test_an_update_that_turns_to_another_document_when_it_is_repeated_changes_nothing_more(
    stash: Stash, store: FaultyStore
) -> None:
    cls = declare(stash)
    page = shown(stash, await Browser().open('/board/a'), cls)
    calls: list[int] = []

    def fickle(found: Any) -> None:
        calls.append(1)
        setattr(found, 'title' if len(calls) == 1 else 'sort', 'changed')

    with pytest.raises(StashError, match='fields of several owners'):
        await stash.update(page, fickle)
    assert (page.title, page.sort) == ('untitled', 'by date')
    assert await documents(store) == {}


async def test_a_listener_to_others_hears_the_other_people_of_the_room(stash: Stash) -> None:
    cls = declare(stash)
    ann, bob = [shown(stash, await Browser().open('/board/a'), cls) for _ in range(2)]
    heard: list[str] = []
    stash.on_change(ann, 'title', lambda: heard.append('ann'), others=True)
    stash.on_change(bob, 'title', lambda: heard.append('bob'), others=True)
    ann.title = 'Garden'
    await idle()
    assert heard == ['bob']


async def test_a_default_that_is_another_one_each_time_is_one_for_the_room(stash: Stash) -> None:
    @stash.page('/board/{board}', room='board')
    class Board:
        secret: str = stored(default_factory=lambda: uuid.uuid4().hex, scope='room')

        def build(self, board: str) -> None: ...

    pages = [shown(stash, await Browser().open('/board/a'), Board) for _ in range(2)]
    await idle()
    assert pages[0].secret == pages[1].secret


async def test_a_page_on_another_server_shows_a_change_without_a_new_visit(tmp_path: Path) -> None:
    async with serving(lambda: Stash(f'sqlite:///{tmp_path}/stash.db')) as stash:
        cls = declare(stash)
        ann, bob = await Browser().open('/board/a'), await Browser().open('/board/a')
        await hop(bob)
        registries = {page_object_of(shown(stash, bob, cls)).visit.registry}
        registries.add(page_object_of(shown(stash, ann, cls)).visit.registry)
        assert len(registries) == 2
        type_into(bob, 'title', 'Garden')
        await eventually(lambda: element(ann, 'title').value == 'Garden', timeout=60)
        type_into(ann, 'title', 'Yard')
        await eventually(lambda: element(bob, 'title').value == 'Yard', timeout=60)


async def test_two_pages_that_have_just_come_back_do_not_put_their_own_values_over_each_other(tmp_path: Path) -> None:
    async with serving(lambda: Stash(f'sqlite:///{tmp_path}/stash.db', drain_timeout=600)) as stash:
        cls = declare(stash)
        ann, bob = await Browser().open('/board/a'), await Browser().open('/board/a')
        await hop(bob)
        await hop(ann)
        pages = [shown(stash, tab, cls) for tab in (ann, bob)]
        assert pages[0].title == 'untitled'
        for number in range(4):
            pages[number % 2].title = f'title {number}'
            await eventually(lambda number=number: pages[1 - number % 2].title == f'title {number}', timeout=60)
        await stash.flush(pages[0])
        async with stash.open_room('a') as room:
            assert room.fetch(cls).title == 'title 3'


# ---- which room


async def test_a_function_of_the_request_names_the_room(stash: Stash) -> None:
    @stash.page('/board/{board}', room=lambda request: request.path_params['board'].lower())
    class Board:
        title: str = stored('', scope='room')

        def build(self) -> None: ...

    first, second = [shown(stash, await Browser().open(f'/board/{name}'), Board) for name in ('Garden', 'garden')]
    first.title = 'one room'
    await idle()
    assert second.title == 'one room'


@pytest.mark.parametrize(
    ('name', 'reason'),
    [
        (None, 'not NoneType'),
        (True, 'not bool'),
        (b'a', 'not bytes'),
        ('', 'not 0'),
        ('x' * 501, 'not 501'),
    ],
)
async def test_a_page_that_names_no_room_is_not_shown(
    stash: Stash, store: FaultyStore, errors: Callable[[], list[str]], name: Any, reason: str
) -> None:
    @stash.page('/', room=lambda request: name)
    class Page:
        title: str = stored('', scope='room')

        def build(self) -> None:
            raise AssertionError

    answer = await Browser().get()
    assert answer.status_code == 500
    (said,) = errors()
    assert reason in said
    assert 'room' in said
    assert store.calls['get'] == 0


async def test_names_of_any_writing_are_rooms_of_their_own(stash: Stash, store: FaultyStore) -> None:
    @stash.page('/', room='name')
    class Page:
        title: str = stored('', scope='room')

        def build(self, name: str) -> None: ...

    names = ['a', 'A', ' a', '\u00e4', 'a\u0308', '../a', 'a/b', '%61', '\0', 'x' * 500]
    for name in names:
        tab = await Browser().open(f'/?{urlencode({"name": name})}')
        page = shown(stash, tab, Page)
        assert page.title == ''
        page.title = name
        await stash.flush(page)
    assert {
        key: found['slices']['Page']['1']['']['data']['title'] for key, found in (await documents(store)).items()
    } == {room_key(SECRET, name): name for name in names}


async def test_a_state_is_in_the_room_of_the_page_that_uses_it(stash: Stash) -> None:
    @stash.state
    class Topic:
        name: str = stored('', scope='room')

    @stash.page('/board/{board}', room='board')
    class Board:
        topic: Topic = stash.use(Topic)

        def build(self, board: str) -> None: ...

    @stash.page('/chat/{board}', room='board')
    class Chat:
        def build(self, board: str) -> None:
            topic = stash.keep(Topic())
            ui.label().mark('topic').bind_text_from(topic, 'name')

    board, chat = await Browser().open('/board/a'), await Browser().open('/chat/a')
    shown(stash, board, Board).topic.name = 'Garden'
    await idle()
    assert text(chat, 'topic') == 'Garden'


async def test_a_state_in_a_room_is_refused_where_the_page_has_none(
    stash: Stash, errors: Callable[[], list[str]]
) -> None:
    @stash.state
    class Topic:
        name: str = stored('', scope='room')

    @stash.page('/')
    class Page:
        topic: Topic = stash.use(Topic)

        def build(self) -> None: ...

    assert (await Browser().get()).status_code == 500
    (said,) = errors()
    assert "this page has no room; name it with room=, as in @stash.page('/board/{board}', room='board')" in said


def test_a_field_in_a_room_that_nothing_names_is_refused_where_the_class_is_declared(stash: Stash) -> None:
    class Board:
        title: str = stored('', scope='room')

        def build(self, board: str) -> None: ...

    with pytest.raises(DeclarationError, match=r"title.*scope='room' needs the room's name; write @stash.page"):
        stash.page('/board/{board}')(Board)


async def _find(request: Request) -> str:
    return str(request)


@pytest.mark.parametrize(
    ('room', 'reason'),
    [
        ('borad', r"room='borad' has to be a parameter of build\(\) or prepare\(\)"),
        (7, 'must name a parameter, or be a plain function of the request'),
        (_find, 'must name a parameter, or be a plain function of the request'),
    ],
)
def test_what_cannot_name_a_room_is_refused_where_the_class_is_declared(stash: Stash, room: Any, reason: str) -> None:
    class Board:
        title: str = stored('', scope='room')

        def build(self, board: str) -> None: ...

    with pytest.raises(DeclarationError, match=reason):
        stash.page('/board/{board}', room=room)(Board)


async def test_no_id_of_a_session_leads_to_a_room(url: str, store: FaultyStore) -> None:
    async with serving(lambda: Stash(url, identity=lambda request: request.headers['x-id'])) as stash:
        cls = declare(stash)
        page = shown(stash, await Browser(headers={'x-id': 'ann'}).open('/board/garden'), cls)
        page.title = 'Garden'
        await stash.flush(page)
        for name in ('garden', 'room\0garden', '\0room\0garden'):
            async with stash.open(name) as session:
                assert session.export()['slices'] == {}
    assert room_key(SECRET, 'a') != object_key(SECRET, 'a')


# ---- what people lose and find again


async def test_a_page_comes_back_to_its_room_after_the_server_was_killed(stash: Stash) -> None:
    cls = declare(stash)
    ann = await Browser().open('/board/a')
    shown(stash, ann, cls).title = 'Garden'
    await stash.flush(shown(stash, ann, cls))
    await restart(ann, kill=True)
    assert shown(stash, ann, cls).title == 'Garden'
    assert stash.recovery(shown(stash, ann, cls)).status == 'recovered'


async def test_recovery_speaks_of_both_documents(stash: Stash, store: FaultyStore) -> None:
    @stash.page('/{board}', room='board')
    class Board:
        size: int = stored(1, scope='room', validate=lambda size: size < 10)
        zoom: int = stored(1, validate=lambda zoom: zoom < 10)

        def build(self, board: str) -> None: ...

    ann = await Browser().open('/a')
    page = shown(stash, ann, Board)
    assert stash.recovery(page).status == 'fresh'
    page.size, page.zoom = 11, 12
    await stash.flush(page)
    await rejoin(ann)
    recovery = stash.recovery(shown(stash, ann, Board))
    assert (recovery.status, {problem.field for problem in recovery.problems}) == ('recovered', {'size', 'zoom'})
    await close(ann)
    other = stash.recovery(shown(stash, await Browser().open('/a'), Board))
    assert (other.status, [problem.field for problem in other.problems]) == ('recovered', ['size'])


async def test_a_room_that_cannot_be_read_yet_appears_later_and_is_told_once(url: str, store: FaultyStore) -> None:
    async with serving(lambda: Stash(url)) as stash:
        cls = declare_counting(stash)
        page = shown(stash, await Browser().open('/a'), cls)
        page.title = 'Garden'
        await stash.flush(page)
    async with serving(lambda: Stash(url, recover_timeout=0.02)) as stash:
        cls = declare_counting(stash)
        store.hold('get')
        page = shown(stash, await Browser().open('/a'), cls)
        assert (page.title, stash.recovery(page).status) == ('', 'unavailable')
        page.own = 'mine'
        store.release()
        await eventually(lambda: page.title)
        await idle()
        assert (page.title, page.own, stash.recovery(page).status) == ('Garden', 'mine', 'recovered')
        assert page.notices == 2, 'at first, and when the room was read'
        await stash.flush(page)


async def test_a_room_is_followed_although_the_session_cannot_be_read(url: str, store: FaultyStore) -> None:
    ann = Browser()
    async with serving(lambda: Stash(url)) as stash:
        cls = declare_counting(stash)
        tab = await ann.open('/a')
        page = shown(stash, tab, cls)
        page.own = 'mine'
        await stash.flush(page)
        key = object_key(SECRET, client_of(tab).request.session['id'])
    found = await store.inner.get(key)
    assert isinstance(found, StoredObject)
    await store.inner.put(key, b'{"format": 99, "seen": 1}', mode=Replace(found.etag))
    async with serving(lambda: Stash(url)) as stash:
        cls = declare_counting(stash)
        page, other = shown(stash, await ann.open('/a'), cls), shown(stash, await Browser().open('/a'), cls)
        for title in ('one', 'two', 'three'):
            other.title = title
            await idle()
            assert page.title == title
        assert (stash.recovery(page).status, page.notices) == ('unavailable', 1)


async def test_a_change_that_comes_too_late_is_told_to_its_own_class_alone(url: str, store: FaultyStore) -> None:
    async with serving(lambda: Stash(url, recover_timeout=0.02)) as stash:

        @stash.state
        class Topic:
            name: str = stored('', scope='room')

        @stash.page('/{board}', room='board')
        class Board:
            topic: Topic = stash.use(Topic)
            title: str = stored('', scope='room')

            def build(self, board: str) -> None: ...

        async with stash.open_room('a') as room:
            room.set(Topic, name='stored')
        await eventually(lambda: stash.statistics().rooms == 0)
        store.hold('get')
        page = shown(stash, await Browser().open('/a'), Board)
        page.topic.name = 'too late'
        store.release()
        await eventually(lambda: page.topic.name == 'stored')
        assert [each.value for each in stash.recovery(page.topic).rejected] == ['too late']
        assert stash.recovery(page).rejected == []
        assert stash.statistics().errors == 0


def declare_counting(stash: Stash) -> type[Any]:
    @stash.page('/{board}', room='board')
    class Counting:
        title: str = stored('', scope='room')
        own: str = stored('')
        notices = 0

        def build(self, board: str) -> None: ...

        def on_recovered(self, recovery: Recovery) -> None:
            self.notices += 1

    return Counting


async def test_a_change_is_saved_when_the_room_has_it(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    ann = await Browser().open('/board/a')
    page = shown(stash, ann, cls)
    status = stash.status(page)
    store.hold('put')
    page.title = 'Garden'
    flushed = asyncio.create_task(stash.flush(page))
    await idle()
    assert (status.state, status.pending, flushed.done()) == ('saving', 1, False)
    store.release()
    await flushed
    await idle()
    assert (status.state, status.pending, status.saves) == ('saved', 0, 1)


async def test_a_flush_of_the_client_waits_for_its_room(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    ann = await Browser().open('/board/a')
    store.hold('put')
    shown(stash, ann, cls).title = 'Garden'

    async def flush() -> None:
        with client_of(ann):
            await stash.flush()

    flushed = asyncio.create_task(flush())
    await idle()
    assert not flushed.done()
    store.release()
    await flushed
    assert await room_of(store, 'a') == {'title': 'Garden'}


async def test_a_page_that_is_gone_can_still_wait_for_the_room(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    ann = await Browser().open('/board/a')
    page = shown(stash, ann, cls)
    await close(ann)
    store.hold('put')
    page.title = 'Garden'
    flushed = asyncio.create_task(stash.flush(page))
    await idle()
    assert not flushed.done()
    store.release()
    await flushed
    assert await room_of(store, 'a') == {'title': 'Garden'}


async def test_limits_hold_for_each_room_and_not_for_all_together(url: str) -> None:
    async with serving(lambda: Stash(url, max_document_bytes=1000, flush_interval=0)) as stash:
        cls = declare(stash)
        first, second = [shown(stash, await Browser().open(f'/board/{name}'), cls) for name in 'ab']
        for page in (first, second):
            page.title, page.sort = 'x' * 700, 'y' * 700
        with pytest.raises(StashError, match='max_document_bytes=1000'):
            first.cards = [{'text': 'z' * 400}]
        await stash.flush(first)


async def test_rooms_are_counted_and_leave_the_memory_with_their_last_page(stash: Stash) -> None:
    declare(stash)
    tabs = [await Browser().open(f'/board/{name}') for name in 'aab']
    statistics = stash.statistics()
    assert (statistics.sessions, statistics.rooms) == (3, 2)
    for tab in tabs:
        await close(tab)
    del tabs, tab
    await eventually(lambda: stash.statistics().rooms == 0)


# ---- resetting, erasing, reading


async def test_a_reset_of_a_scope_leaves_the_others(stash: Stash) -> None:
    cls = declare(stash)
    ann, bob = [shown(stash, await Browser().open('/board/a'), cls) for _ in range(2)]
    ann.title, ann.sort = 'Garden', 'by name'
    await idle()
    stash.reset(ann, scope='session')
    await idle()
    assert (ann.title, ann.sort, bob.title) == ('Garden', 'by date', 'Garden')
    ann.sort = 'by name'
    stash.reset(ann, scope='room')
    await idle()
    assert (ann.title, ann.sort, bob.title) == ('untitled', 'by name', 'untitled')
    ann.title = 'Garden'
    stash.reset(ann)
    await idle()
    assert (ann.title, ann.sort, bob.title) == ('untitled', 'by date', 'untitled')


async def test_who_is_forgotten_leaves_the_room_as_it_is(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    ann, bob = [shown(stash, tab := await Browser().open('/board/a'), cls) for _ in range(2)]
    del tab
    ann.title, ann.sort = 'Garden', 'by name'
    with page_object_of(ann).visit.client:
        await stash.forget()
    await idle()
    assert (ann.title, ann.sort, bob.title) == ('Garden', 'by date', 'Garden')
    ann.title += '!'
    await idle()
    assert bob.title == 'Garden!'


async def test_a_room_is_read_changed_and_erased_by_its_name_without_a_page(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    page = shown(stash, await Browser().open('/board/7'), cls)
    page.title, page.sort = 'Garden', 'by name'
    await idle()
    async with stash.open_room(7) as room:
        assert room.fetch(cls).title == 'Garden'
        assert list(room.export()['slices']) == ['Board']
        assert 'by name' not in json.dumps(room.export())
        room.set(cls, title='Yard')
        with pytest.raises(StashError, match="no field 'sort' of scope room"):
            room.set(cls, sort='by size')
        await room.update(cls, lambda board: setattr(board, 'visits', board.visits + 1))
    await idle()
    assert (page.title, page.visits) == ('Yard', 1)
    async with stash.open_room('7') as room:
        room.forget()
    await idle()
    assert (page.title, page.visits, page.sort) == ('untitled', 0, 'by name')
    assert await room_of(store, '7') == {}
    with pytest.raises(StashError, match='1 to 500'):
        stash.open_room('')


async def test_a_button_of_a_page_changes_the_room_for_all(stash: Stash) -> None:
    @stash.page('/{board}', room='board')
    class Board:
        count: int = stored(0, scope='room')

        def build(self, board: str) -> None:
            ui.label().mark('count').bind_text_from(self, 'count')
            ui.button('+1', on_click=lambda: setattr(self, 'count', self.count + 1))

    tabs = [await Browser().open('/a') for _ in range(3)]
    for tab in tabs:
        click(tab, '+1')
        await idle()
    assert [text(tab, 'count') for tab in tabs] == ['3'] * 3
    assert client_of(tabs[0]).id != client_of(tabs[1]).id
