"""What a var is when its app was restarted, and what it is after a redeploy that has changed its class."""

from __future__ import annotations

import dataclasses
import threading
import uuid
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import pytest
import reflex as rx
from reflex.state import BaseState

from nicegui_stash.errors import ConfigurationError, DeclarationError, ValueNotStorable
from nicegui_stash.reflex import stash_state, stash_var
from nicegui_stash.reflex.options import ReflexOptions
from tests.reflex.conftest import Start


class Colour(Enum):
    RED = 'red'
    BLUE = 'blue'


@dataclasses.dataclass
class Row:
    name: str
    amount: int = 0


@stash_state(name='Everything')
class Everything(BaseState):
    count: int = 0
    names: list[str] = []
    rows: list[Row] = []
    by_name: dict[str, list[int]] = {}
    chosen: set[str] = set()
    colour: Colour = Colour.RED
    at: datetime | None = None
    untyped = [1]
    untyped_number = 1
    wrong: str = None
    _backend: dict[str, int] = {}
    unchanged: str = 'default'


async def test_all_kinds_of_vars_come_back(start: Start) -> None:
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    first = start(Everything)
    async with first.event() as state:
        state.count += 1
        state.names.append('Ada')
        state.rows.append(Row('a'))
        state.rows[0].amount = 3
        state.by_name.setdefault('x', []).append(5)
        state.chosen.add('one')
        state.colour = Colour.BLUE
        state.at = now
        state.untyped.append('a text')
        state.untyped_number = 0.5
        state.wrong = 'a text'
        state._backend['k'] = 1
    await first.stop()
    second = start(Everything)
    async with second.event() as state:
        assert (state.count, list(state.names), state.colour, state.at) == (1, ['Ada'], Colour.BLUE, now)
        assert state.get_value('rows') == [Row('a', 3)]
        assert (state.get_value('by_name'), state.get_value('chosen')) == ({'x': [5]}, {'one'})
        assert (state.get_value('untyped'), state.untyped_number, state.wrong) == ([1, 'a text'], 0.5, 'a text')
        assert state.get_value('_backend') == {'k': 1}
        assert state.unchanged == 'default'
        assert not state.dirty_vars


async def test_a_value_that_holds_what_reflex_watches_comes_back(start: Start) -> None:
    first = start(Everything)
    async with first.event() as state:
        state.by_name = {'x': [1]}
        state.untyped = [state.by_name, [state.names]]
    await first.stop()
    assert await start(Everything).read('untyped') == [{'x': [1]}, [[]]]


async def test_only_what_was_changed_is_stored(start: Start) -> None:
    life = start(Everything)
    async with life.event() as state:
        state.count = 1
    document = life.tree().session.document
    assert [list(found.data) for _, found in document.all_slices()] == [['count']]


async def test_a_change_back_to_the_default_is_one(start: Start) -> None:
    first = start(Everything)
    async with first.event() as state:
        state.count = 1
    async with first.event() as state:
        state.count = 0
    await first.stop()
    assert await start(Everything).read('count') == 0


async def test_substates_are_slices(start: Start) -> None:
    class Root(BaseState):
        name: str = ''

    class Below(Root):
        count: int = 0

    first = start(Root)
    async with first.event(Below) as state:
        state.count = 2
        state.name = 'Ada'
    names = [id_.name for id_, _ in first.tree().session.document.all_slices()]
    assert sorted(names) == sorted([Root.get_full_name(), Below.get_full_name()])
    await first.stop()
    second = start(Root)
    assert await second.read('name', 'count', cls=Below) == ('Ada', 2)


async def test_a_computed_var_follows_what_came_back(start: Start) -> None:
    class Root(BaseState):
        count: int = 1

        @rx.var
        def double(self) -> int:
            return 2 * self.count

    first = start(Root)
    async with first.event() as state:
        state.count = 4
        assert state.double == 8
    await first.stop()
    async with start(Root).event() as state:
        assert state.double == 8


async def test_a_default_that_differs_each_time_stays(start: Start) -> None:
    class Root(BaseState):
        id: str = rx.field(default_factory=lambda: uuid.uuid4().hex)

    first = start(Root)
    made = await first.read('id')
    await first.stop()
    assert await start(Root).read('id') == made


# ---- redeploys


def counter(**options: Any) -> type[BaseState]:
    @stash_state(name='Counter', **options)
    class Counter(BaseState):
        count: int = 0
        name: str = 'nobody'

    return Counter


async def put(start: Start, **values: Any) -> None:
    life = start(counter())
    async with life.event() as state:
        for name, value in values.items():
            setattr(state, name, value)
    await life.stop()


async def test_an_added_var_has_its_default_and_the_others_come_back(start: Start) -> None:
    await put(start, count=3, name='Ada')

    @stash_state(name='Counter')
    class WithOneMore(BaseState):
        count: int = 0
        name: str = 'nobody'
        added: list[str] = ['new']

    assert await start(WithOneMore).read('count', 'name', 'added') == (3, 'Ada', ['new'])


async def test_a_removed_var_is_kept_for_a_rollback(start: Start) -> None:
    await put(start, count=3, name='Ada')

    @stash_state(name='Counter')
    class WithOneLess(BaseState):
        count: int = 0

    second = start(WithOneLess)
    async with second.event() as state:
        assert state.count == 3
        state.count = 4
    await second.stop()
    assert await start(counter()).read('count', 'name') == (4, 'Ada')


async def test_a_renamed_var_has_the_value_of_its_former_name(start: Start) -> None:
    await put(start, count=3)

    @stash_state(name='Counter')
    class Renamed(BaseState):
        total: int = stash_var(0, renamed_from='count')

    second = start(Renamed)
    async with second.event() as state:
        assert state.total == 3
        state.total = 5
    await second.stop()
    assert await start(Renamed).read('total') == 5


async def test_a_retyped_var_alone_has_its_default_until_it_is_changed(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    await put(start, count=3, name='Ada')

    @stash_state(name='Counter')
    class Retyped(BaseState):
        count: list[int] = []
        name: str = 'nobody'

    second = start(Retyped)
    async with second.event() as state:
        assert (state.get_value('count'), state.name) == ([], 'Ada')
        state.name = 'Grace'
    (said,) = [each for each in caplog.messages if 'does not fit' in each]
    assert said.startswith(f'{Retyped.__qualname__}.count does not fit any more, and has its default')
    await second.stop()
    third = start(counter())  # a rollback
    assert await third.read('count', 'name') == (3, 'Grace')


async def test_a_value_that_is_not_valid_any_more_is_the_default(start: Start) -> None:
    await put(start, count=300)

    @stash_state(name='Counter')
    class Checked(BaseState):
        count: int = stash_var(0, validate=lambda count: count < 100)

    assert await start(Checked).read('count') == 0


async def test_a_class_migrates(start: Start) -> None:
    await put(start, count=3)

    @stash_state(name='Counter', version=2, migrations={1: lambda data: {'counts': [data['count']]}})
    class Migrated(BaseState):
        counts: list[int] = []

    assert await start(Migrated).read('counts') == [3]


async def test_a_class_that_was_moved_names_its_former_one(start: Start) -> None:
    await put(start, count=3)

    @stash_state(renamed_from='Counter')
    class Moved(BaseState):
        count: int = 0

    assert await start(Moved).read('count') == 3


def test_migrations_that_lead_nowhere_are_refused() -> None:
    with pytest.raises(DeclarationError, match='missing'):
        counter(version=3, migrations={1: dict})


# ---- what is not stored


async def test_what_belongs_to_the_browser_or_to_the_connection_is_not_stored(start: Start) -> None:
    class Root(BaseState):
        token: str = rx.LocalStorage('none')
        theme: str = rx.Cookie('light')
        count: int = 0

    first = start(Root)
    async with first.event() as state:
        state.token, state.theme, state.count = 'mine', 'dark', 1
        state.router_data = {'headers': {'cookie': 'secret'}}
        state.rx_router_route_id = '/page'
    (stored,) = [found.data for _, found in first.tree().session.document.all_slices()]
    assert list(stored) == ['count']


class Handle(BaseState):
    count: int = 0
    _thread: threading.Thread | None = None
    _cache: dict[str, int] = stash_var({}, stored=False)


async def test_what_cannot_be_stored_is_left_out_with_one_warning(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    first = start(Handle)
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith('these vars are not stored, and have their defaults after a restart: ')
    assert 'Handle._thread: Thread cannot be stored' in caplog.messages[0]
    async with first.event() as state:
        state.count, state._thread = 1, threading.current_thread()
        state._cache['x'] = 1
    async with first.event() as state:
        assert state._thread is threading.current_thread()
    await first.stop()
    second = start(Handle)
    async with second.event() as state:
        assert (state.count, state._thread, state.get_value('_cache')) == (1, None, {})


def test_what_cannot_be_stored_refuses_the_start_if_asked(start: Start) -> None:
    with pytest.raises(ConfigurationError, match=r'Handle\._thread: Thread cannot be stored'):
        start(Handle, reflex=ReflexOptions(on_unstorable='raise'))


async def test_a_value_of_another_type_stays_in_memory_and_is_logged_without_it(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    first = start(counter())
    async with first.event() as state:
        state.__dict__['count'] = 'a secret text'
        state.name = 'Ada'
    assert first.manager.statistics().refused_changes == 1
    (said,) = [each for each in caplog.messages if 'a change is not stored' in each]
    assert 'count: Expected `int`, got `str`' in said
    assert 'secret' not in said
    async with first.event() as state:
        assert state.count == 'a secret text'
    await first.stop()
    assert await start(counter()).read('count', 'name') == (0, 'Ada')


async def test_a_value_of_another_type_is_raised_after_the_event_if_asked(start: Start) -> None:
    first = start(counter(), on_invalid='raise')

    async def enter_a_text() -> None:
        async with first.event() as state:
            state.__dict__['count'] = 'a text'
            state.name = 'Ada'

    with pytest.raises(ValueNotStorable, match='Expected `int`, got `str`'):
        await enter_a_text()
    await first.stop()
    assert await start(counter()).read('count', 'name') == (0, 'Ada')


async def test_a_value_that_is_too_large_stays_in_memory(start: Start) -> None:
    first = start(counter(), max_value_bytes=100)
    async with first.event() as state:
        state.name = 'x' * 200
    assert await first.read('name') == 'x' * 200
    await first.stop()
    assert await start(counter()).read('name') == 'nobody'
