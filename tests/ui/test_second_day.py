"""What a developer asks on the second day: lists drawn in a loop, explicit saves, changes inside of values."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import msgspec
import pytest
from nicegui import ui
from nicegui.testing import User

from nicegui_stash import Change, Stash, ValueNotStorable, stored
from nicegui_stash.model.document import SESSION_PART, SliceId
from nicegui_stash.model.limits import Policy
from nicegui_stash.model.scopes import SESSION
from nicegui_stash.session.keys import Keys
from nicegui_stash.session.registry import Registry
from nicegui_stash.testing import FaultyStore, restart
from nicegui_stash.ui.page.detached import updating

from .scene import Browser, click, client_of, data_of, emit, eventually, idle, shown


class Task(msgspec.Struct):
    text: str
    done: bool = False


@dataclass
class Address:
    street: str = ''


def labels(tab: User, marker: str) -> list[str]:
    """Return the texts of the elements with a marker, in the order of the page."""
    found = [each for each in client_of(tab).elements.values() if marker in each._markers]
    return [str(getattr(each, 'text', '')) for each in sorted(found, key=lambda each: each.id)]


# ---- on_change, and lists drawn in a loop


async def test_a_handler_gets_the_change_only_if_it_requires_an_argument(stash: Stash) -> None:
    told: list[object] = []

    @stash.page('/')
    class Page:
        count: int = stored(0)

        def build(self) -> None: ...

    page = shown(stash, await Browser().open(), Page)

    def nothing() -> None:
        told.append('nothing')

    def optional(change: Change | None = None) -> None:
        told.append(('optional', change))

    def anything(*arguments: object) -> None:
        told.append(('anything', arguments))

    async def later() -> None:
        told.append('later')

    for handler in (nothing, optional, anything, told.append, lambda change: told.append(change.cause), later):
        stash.on_change(page, 'count', handler)
    page.count = 1
    await idle()
    assert told == ['nothing', ('optional', None), ('anything', ()), Change('count', 'local'), 'local', 'later']


def declare_list(stash: Stash) -> type:
    @stash.page('/')
    class Page:
        items: list[str] = stored([])

        def build(self) -> None:
            self.draw()
            stash.on_change(self, 'items', self.draw.refresh)
            ui.button('add', on_click=lambda: self.items.append(f'item {len(self.items)}'))

        @ui.refreshable_method
        def draw(self) -> None:
            for item in self.items:
                ui.label(item).mark('item')

    return Page


async def test_a_list_drawn_in_a_loop_follows_in_the_second_tab_and_after_a_reset(stash: Stash) -> None:
    cls = declare_list(stash)
    ann = Browser()
    left, right = await ann.open(), await ann.open()
    click(left, 'add')
    await idle()
    click(right, 'add')
    await idle()
    assert labels(left, 'item') == labels(right, 'item') == ['item 0', 'item 1']
    stash.reset(shown(stash, left, cls))
    await idle()
    assert labels(left, 'item') == labels(right, 'item') == []


async def test_a_list_drawn_in_a_loop_is_there_after_a_restart(stash: Stash) -> None:
    declare_list(stash)
    tab = await Browser().open()
    click(tab, 'add')
    await idle()
    await restart(tab)
    await idle()
    assert labels(tab, 'item') == ['item 0']


async def test_a_list_drawn_in_a_loop_is_right_after_a_late_recovery(stash: Stash, store: FaultyStore) -> None:
    cls = declare_list(stash)
    ann = Browser()
    tab = await ann.open()
    click(tab, 'add')
    await stash.flush(shown(stash, tab, cls))
    store.down = True
    await restart(tab, kill=True)
    await idle()
    page = shown(stash, tab, cls)
    assert (labels(tab, 'item'), stash.recovery(page).status) == ([], 'unavailable')
    store.down = False
    await eventually(lambda: stash.recovery(page).status == 'recovered')
    await idle()
    assert labels(tab, 'item') == ['item 0']


# ---- auto=False, validate=, and changes inside of values


async def test_with_auto_off_a_draft_lives_in_its_own_tab_until_it_is_saved(stash: Stash, store: FaultyStore) -> None:
    @stash.page('/', auto=False)
    class Form:
        name: str = stored('')
        address: Address = stored(Address())

        def build(self) -> None:
            ui.input('name').mark('name').bind_value(self, 'name')
            ui.button('move', on_click=lambda: setattr(self.address, 'street', 'Main Street'))
            ui.button('save', on_click=lambda: stash.save(self))

    ann = Browser()
    left, right = await ann.open(), await ann.open()
    form, other = shown(stash, left, Form), shown(stash, right, Form)
    form.name = 'Ann'
    click(left, 'move')
    await idle()
    await stash.flush(form)
    assert (store.calls['put'], other.name, other.address.street) == (0, '', '')
    click(left, 'save')
    await idle()
    await stash.flush(form)
    assert await data_of(store, 'Form') == {'name': 'Ann', 'address': {'street': 'Main Street'}}
    assert (other.name, other.address.street) == ('Ann', 'Main Street')


async def test_a_recovered_value_that_holds_no_more_is_the_default_and_said(stash: Stash) -> None:
    allowed = ['small', 'large']

    @stash.page('/')
    class Page:
        size: str = stored('small', validate=lambda size: size in allowed)
        ratio: float = stored(1.0, validate=lambda ratio: 1 / ratio > 0)

        def build(self) -> None: ...

    ann = Browser()
    page = shown(stash, await ann.open(), Page)
    page.size, page.ratio = 'large', 0.0
    await idle()
    allowed.remove('large')
    later = shown(stash, await ann.open(), Page)
    assert (later.size, later.ratio) == ('small', 1.0)
    assert [problem.field for problem in stash.recovery(later).problems] == ['size', 'ratio']


async def test_a_change_inside_a_struct_of_a_list_is_noticed_after_the_event(stash: Stash, store: FaultyStore) -> None:
    @stash.page('/')
    class Page:
        tasks: list[Task] = stored([Task('write'), Task('read')])

        def build(self) -> None:
            self.draw()
            stash.on_change(self, 'tasks', self.draw.refresh)

        @ui.refreshable_method
        def draw(self) -> None:
            for task in self.tasks:
                ui.checkbox(task.text).bind_value(task, 'done')
            ui.label(f'{sum(task.done for task in self.tasks)} done').mark('done')

    ann = Browser()
    left, right = await ann.open(), await ann.open()
    (box,) = left.find('write').elements
    emit(left, box, 'update:modelValue', True)
    await idle()
    assert labels(left, 'done') == labels(right, 'done') == ['1 done']
    await stash.flush(shown(stash, left, Page))
    assert [task['done'] for task in (await data_of(store, 'Page'))['tasks']] == [True, False]


async def test_a_change_inside_after_an_await_is_saved_by_save(stash: Stash, store: FaultyStore) -> None:
    gate = asyncio.Event()

    @stash.page('/')
    class Page:
        address: Address = stored(Address())

        def build(self) -> None:
            ui.button('move', on_click=self.move)

        async def move(self) -> None:
            await gate.wait()
            self.address.street = 'Main Street'
            stash.save(self)

    tab = await Browser().open()
    click(tab, 'move')
    await idle()
    gate.set()
    await idle()
    await stash.flush(shown(stash, tab, Page))
    assert await data_of(store, 'Page') == {'address': {'street': 'Main Street'}}


# ---- two servers


@pytest.mark.parametrize('trouble', ['none', 'lost answers', 'conflicts that were none'])
async def test_two_servers_that_update_one_counter_a_hundred_times_each_make_two_hundred(
    stash: Stash, store: FaultyStore, trouble: str
) -> None:
    @stash.state
    class Tally:
        count: int = stored(0)

    schema = stash._app_state.schema_of(Tally)
    servers = [Registry(store, Keys(['a secret']), Policy(flush_interval=0)) for _ in range(2)]
    if trouble == 'lost answers':
        store.lose_answers(40)
    if trouble == 'conflicts that were none':
        store.conflict_after_apply(40)

    def add_one(found: Tally) -> None:
        found.count += 1

    async def work(server: Registry) -> None:
        session = server.session('an id')
        await session.load(1)
        for _ in range(20):  # five at a time, so that updates also meet within one put
            updates = [
                session.update(SliceId('Tally', 1), updating(schema, {SESSION: SESSION_PART}, add_one))
                for _ in range(5)
            ]
            await asyncio.gather(*updates)

    await asyncio.gather(*(work(server) for server in servers))
    assert await data_of(store, 'Tally') == {'count': 200}
    assert sum(server.statistics().conflicts for server in servers) > 0


async def test_update_gives_the_page_and_its_other_tab_what_was_stored(stash: Stash, store: FaultyStore) -> None:
    @stash.page('/')
    class Votes:
        votes: int = stored(0)
        draft: str = stored('', scope='reconnect')

        def build(self) -> None:
            ui.label().mark('votes').bind_text_from(self, 'votes')

    def add_one(found: Votes) -> None:
        found.votes += 1
        found.draft = f'vote {found.votes}'

    ann = Browser()
    left, right = await ann.open(), await ann.open()
    page = shown(stash, left, Votes)
    await asyncio.gather(*(stash.update(page, add_one) for _ in range(10)))
    assert await data_of(store, 'Votes') == {'votes': 10}
    await idle()
    assert labels(left, 'votes') == labels(right, 'votes') == ['10']
    assert (page.draft, shown(stash, right, Votes).draft) == ('vote 10', '')


# ---- code without a page


async def test_open_and_update_reach_what_a_page_shows_and_refuse_what_does_not_fit(stash: Stash) -> None:
    cls = declare_list(stash)
    ann = Browser()
    tab = await ann.open()
    session_id = client_of(tab).request.session['id']
    async with stash.open(session_id) as session:
        session.set(cls, items=['set'])
        with pytest.raises(ValueNotStorable):
            session.set(cls, items=[1])
        await session.update(cls, lambda found: found.items.append('updated'))
        assert session.fetch(cls).items == ['set', 'updated']
    await idle()
    assert labels(tab, 'item') == ['set', 'updated']


async def test_current_is_the_session_of_the_client_whose_handler_runs(stash: Stash) -> None:
    cls = declare_list(stash)
    ann, bob = Browser(), Browser()
    mine, theirs = await ann.open(), await bob.open()
    with client_of(mine):
        async with stash.current() as session:
            session.set(cls, items=['mine'])
    await idle()
    assert (labels(mine, 'item'), labels(theirs, 'item')) == (['mine'], [])
