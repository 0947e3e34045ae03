"""`prepare()` is the gate of a room: who is refused neither reads nor changes it, whatever a browser says."""

from __future__ import annotations

import asyncio
import json
from typing import Any, get_args
from uuid import uuid4

import pytest
from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from nicegui import Client, core, ui
from nicegui.nicegui import _on_handshake

from nicegui_stash import Stash, StashError, Unavailable, stored
from nicegui_stash.testing import FaultyStore
from nicegui_stash.testing.simulation import rejoin, restart
from nicegui_stash.ui.carryover import handover
from nicegui_stash.ui.carryover.digest import digest
from nicegui_stash.ui.visit.messages import MESSAGE, AnyMessage, decode

from .scene import Browser, client_of, close, element, eventually, idle, page_object_of, shown, tell, type_into
from .test_new_session import Sent, renew, sent
from .test_rooms import room_of
from .typed_page import Told, address_of, told

__all__ = ['sent', 'told']

pytestmark = pytest.mark.proves('room')


@pytest.fixture(autouse=True)
def _answer_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that is handed over is answered although its element is not there."""
    monkeypatch.setattr(handover, 'PATIENCE', 0.0)


MEMBER = {'x-member': 'yes'}


class Doors:
    """What refuses, and what it did: the page classes of a test look here."""

    refuses_by: str = 'raising'
    opened = 0
    made: list[Any]

    def __init__(self) -> None:
        self.made = []
        self.ajar = asyncio.Event()


def declare(stash: Stash, doors: Doors) -> type[Any]:
    @stash.page('/board/{board}', room='board', build='request')
    class Board:
        title: str = stored('', scope='room')
        members: list[str] = stored(['yes'], scope='room')
        own: str = stored('')

        async def prepare(self, board: str, request: Request) -> Response | None:
            doors.made.append(self)
            self.input = ui.input('title').bind_value(self, 'title').mark('title')
            ui.button('write', on_click=lambda: setattr(self, 'title', 'by a button')).mark('write')
            if doors.refuses_by == 'waiting' and 'x-member' not in request.headers:
                await ui.context.client.connected()
                await doors.ajar.wait()
            if request.headers.get('x-member') in self.members:
                return None
            if doors.refuses_by == 'redirecting':
                return RedirectResponse('/sign-in')
            raise PermissionError('not a member')

        def build(self, board: str) -> None:
            doors.opened += 1

    return Board


async def connect(client: Client) -> None:
    """Have a browser connect to a client that it was never given."""
    document = str(uuid4())
    assert await _on_handshake(
        f'test-{uuid4()}', {'client_id': client.id, 'tab_id': str(uuid4()), 'document_id': document}
    )
    await idle()


def say(client: Client, message: Any, number: int | None = None) -> None:
    core.sio.handlers['/'][MESSAGE]('the socket', {'client_id': client.id, 'told': message, 'stash': number})


def forge(client: Client, address: str, seal: str) -> None:
    """Say everything that our scripts can say to the server: each member of the family of messages."""
    value = {'f': address, 'v': '"forged"', 'known': [digest(''), digest('Garden')], 'n': 2}
    messages: list[dict[str, Any]] = [
        {'kind': 'report', 'reason': 'rejoin', 'visit': client.id, 'old_tab': str(uuid4())},
        {'kind': 'address', 'search': '?title=forged&board=a', 'made': 0, 'moved': True},
        {'kind': 'browser', 'browser': 0, 'made': 0, 'items': {'title': '"forged"'}, 'changed': {'title': '"forged"'}},
        {'kind': 'typed', 'seal': seal, 'values': [value]},
        {'kind': 'again', 'values': [value]},
        {'kind': 'unsent', 'addresses': [address]},
        {'kind': 'lost', 'edits': 1},
    ]
    assert {message['kind'] for message in messages} == {each.__struct_config__.tag for each in get_args(AnyMessage)}
    for number, message in enumerate(messages, 1):
        assert decode(message) is not None
        say(client, message, number)


def press(page: Any) -> None:
    """Have the server receive what NiceGUI's own script sends from the elements that `prepare` made."""
    for each in page.input.client.elements.values():
        for listener in each._event_listeners.values():
            args = ['"forged"'] if 'update' in listener.type else ['{}']
            page.input.client.handle_event({'id': each.id, 'listener_id': listener.id, 'args': args})


@pytest.mark.parametrize('way', ['raising', 'redirecting'])
async def test_who_is_refused_neither_reads_nor_changes_a_room(
    stash: Stash, store: FaultyStore, told: Told, errors: Any, way: str
) -> None:
    doors = Doors()
    doors.refuses_by = way
    cls = declare(stash, doors)
    tab = await Browser(headers=MEMBER).open('/board/a')
    tell(tab, {'kind': 'report', 'reason': 'visit'})
    await idle()
    member, address = shown(stash, tab, cls), address_of(told)
    member.title = 'Garden'
    await stash.flush(member)
    before = await room_of(store, 'a')

    answer = await Browser().get('/board/a')
    assert answer.status_code == (500 if way == 'raising' else 307)
    assert 'Garden' not in answer.text
    assert doors.opened == 1
    refused = doors.made[-1]
    client = refused.input.client
    assert client is not client_of(tab)
    told.clear()
    await connect(client)
    forge(client, address, page_object_of(refused).visit.seal())
    press(refused)
    await eventually(lambda: None in told.answers)
    member.title = 'Garden and yard'
    await idle()
    assert refused.input.value != 'Garden and yard', 'a change by others is not shown'
    assert not [code for code in told if 'yard' in code]
    refused.title = 'written by code that was left over'
    await idle()
    with pytest.raises(Unavailable, match='left its room'):
        await stash.update(refused, lambda page: setattr(page, 'title', 'updated'))
    assert member.title == 'Garden and yard'
    await stash.flush(member)
    assert await room_of(store, 'a') == {**before, 'title': 'Garden and yard'}
    assert [error for error in errors() if 'not a member' not in error] == []


async def test_what_a_visitor_says_while_prepare_decides_does_not_reach_the_room(
    stash: Stash, store: FaultyStore, told: Told, errors: Any
) -> None:
    doors = Doors()
    doors.refuses_by = 'waiting'
    cls = declare(stash, doors)
    tab = await Browser(headers=MEMBER).open('/board/a')
    tell(tab, {'kind': 'report', 'reason': 'visit'})
    await idle()
    member, address = shown(stash, tab, cls), address_of(told)
    member.title = 'Garden'
    await stash.flush(member)

    request = asyncio.create_task(Browser().get('/board/a'))
    await idle()
    waiting = doors.made[-1]
    await connect(waiting.input.client)
    assert (await request).status_code == 200, 'it was delivered, as prepare waits for the connection'
    forge(waiting.input.client, address, page_object_of(waiting).visit.seal())
    await idle()
    assert member.title == 'Garden'
    doors.ajar.set()
    await idle()
    forge(waiting.input.client, address, page_object_of(waiting).visit.seal())
    press(waiting)
    await eventually(lambda: None in told.answers)
    assert member.title == 'Garden'
    assert page_object_of(waiting).closed
    assert [error for error in errors() if 'not a member' not in error] == []


async def test_what_was_typed_is_not_carried_into_a_room_that_is_closed_by_now(
    stash: Stash, store: FaultyStore, told: Told, errors: Any
) -> None:
    doors = Doors()
    cls = declare(stash, doors)
    bob = Browser(headers=MEMBER)
    tab = await bob.open('/board/a')
    tell(tab, {'kind': 'report', 'reason': 'visit'})
    await idle()
    page, address = shown(stash, tab, cls), address_of(told)
    seal = page_object_of(page).visit.seal()
    bob.http.headers.pop('x-member')
    await close(tab)
    assert (await bob.get('/board/a')).status_code == 500
    refused = doors.made[-1]
    await connect(refused.input.client)
    say(refused.input.client, {'kind': 'report', 'reason': 'rejoin', 'visit': seal.partition('.')[0]}, 1)
    await idle()
    assert page_object_of(refused).visit.is_seal(seal), 'it continues the visit, and its seal is right'
    value = {'f': address, 'v': '"typed"', 'known': [digest('')], 'n': 2}
    say(refused.input.client, {'kind': 'typed', 'seal': seal, 'values': [value]}, 2)
    await eventually(lambda: {address: 'rejected'} in told.answers)
    assert await room_of(store, 'a') == {}
    assert [error for error in errors() if 'not a member' not in error] == []


async def test_what_was_typed_comes_back_into_the_same_room_and_into_no_other(stash: Stash, told: Told) -> None:
    names = ['a']

    @stash.page('/', room=lambda request: names[0], build='request')
    class Board:
        title: str = stored('', scope='room')

        def build(self) -> None:
            ui.input('title').bind_value(self, 'title').mark('title')

    browser = Browser()
    tab = await browser.open()
    tell(tab, {'kind': 'report', 'reason': 'visit'})
    await idle()
    visit = client_of(tab).id
    value = {'f': address_of(told), 'v': '"typed"', 'known': [digest('')]}
    for name, verdict, expected in [('b', 'rejected', ''), ('a', 'merged', 'typed')]:
        names[0] = name
        told.clear()
        await rejoin(tab)
        tell(tab, {'kind': 'report', 'reason': 'rejoin', 'visit': visit}, number=1)
        page = shown(stash, tab, Board)
        tell(tab, {'kind': 'typed', 'seal': page_object_of(page).visit.seal(), 'values': [value]}, number=2)
        await eventually(lambda: None in told.answers)
        assert told.answers[0] == {value['f']: verdict}
        assert page.title == expected


async def test_the_browser_may_forget_what_was_typed_when_the_room_is_durable(
    stash: Stash, store: FaultyStore, told: Told
) -> None:
    doors = Doors()
    cls = declare(stash, doors)
    tab = await Browser(headers=MEMBER).open('/board/a')
    tell(tab, {'kind': 'report', 'reason': 'visit'})
    await idle()
    page = shown(stash, tab, cls)
    await stash.flush(page)
    told.clear()
    store.hold('put')
    listener = next(iter(page.input._event_listeners.values()))
    message = {'id': page.input.id, 'listener_id': listener.id, 'args': [json.dumps('typed')], 'stash': 3}
    page.input.client.handle_event(message)
    page.own = 'put as well'
    await idle()
    assert not [code for code in told if 'durable' in code]
    store.release()
    await stash.flush(page)
    await idle()
    assert [code for code in told if 'durable(3)' in code]


async def test_nothing_is_stored_in_a_room_by_who_is_refused_although_a_default_is_computed(
    stash: Stash, store: FaultyStore, errors: Any
) -> None:
    made: list[Any] = []

    @stash.page('/{board}', room='board')
    class Board:
        token: str = stored(default_factory=lambda: uuid4().hex, scope='room')

        async def prepare(self, board: str) -> None:
            made.append(self)
            await ui.context.client.connected()
            await idle()
            raise PermissionError('not a member')

        def build(self, board: str) -> None: ...

    request = asyncio.create_task(Browser().get('/a'))
    await idle()
    await connect(page_object_of(made[0]).visit.client)
    await request
    client = page_object_of(made[0]).visit.client
    say(client, {'kind': 'report', 'reason': 'visit'}, 1)
    await idle()
    assert await room_of(store, 'a') == {}
    assert store.calls['put'] == 0
    assert [error for error in errors() if 'not a member' not in error] == []


async def test_pages_of_the_identity_before_leave_the_room(stash: Stash, store: FaultyStore, sent: Sent) -> None:
    doors = Doors()
    cls = declare(stash, doors)
    ann, other = Browser(headers=MEMBER), await Browser(headers=MEMBER).open('/board/a')
    left, right = await ann.open('/board/a'), await ann.open('/board/a')
    stolen = shown(stash, right, cls)
    type_into(left, 'title', 'Garden')
    await idle()
    assert stolen.title == 'Garden'
    await renew(stash, left, keep=True)
    stolen.title = 'written by somebody with the old cookie'
    type_into(other, 'title', 'Yard')
    await idle()
    assert element(right, 'title').value == 'Garden'
    assert shown(stash, left, cls).title == 'Yard', 'who has signed in stays'
    await stash.flush(shown(stash, other, cls))
    assert (await room_of(store, 'a'))['title'] == 'Yard'


async def test_a_page_that_was_let_in_asks_again_when_it_comes_back(stash: Stash, errors: Any) -> None:
    doors = Doors()
    cls = declare(stash, doors)
    ann = Browser(headers=MEMBER)
    tab = await ann.open('/board/a')
    shown(stash, tab, cls).members = ['somebody else']
    await stash.flush(shown(stash, tab, cls))
    with pytest.raises(AssertionError, match='got 500'):
        await restart(tab)
    assert (len(doors.made), doors.opened) == (2, 1)
    assert ['not a member' in error for error in errors()] == [True]


async def test_a_room_cannot_be_recovered_again_after_it_was_left(stash: Stash, errors: Any) -> None:
    refused: list[str] = []

    @stash.state
    class Topic:
        name: str = stored('', scope='room')

    @stash.page('/{board}', room='board')
    class Board:
        topic: Topic = stash.use(Topic)

        async def prepare(self, board: str) -> None:
            client = ui.context.client

            async def later() -> None:
                with client:
                    try:
                        await stash.recover(Topic)
                    except StashError as error:
                        refused.append(str(error))

            left.append(later)
            raise PermissionError('not a member')

        def build(self, board: str) -> None: ...

    left: list[Any] = []
    assert (await Browser().get('/a')).status_code == 500
    await left[0]()
    assert ['this page has no room' in why for why in refused] == [True]
    assert [error for error in errors() if 'not a member' not in error] == []
