"""What a tree of states is while its document is damaged, away, or changed by another process."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import reflex as rx
from reflex.istate.manager.token import BaseStateToken, StateToken
from reflex.state import BaseState

from nicegui_stash.reflex import stash_state, stash_var
from nicegui_stash.reflex.options import ReflexOptions
from nicegui_stash.stores.file.files import FileStore
from nicegui_stash.stores.interrupted import InterruptedStore
from nicegui_stash.stores.opening import register_store
from tests.reflex.conftest import Start
from tests.reflex.life import CLICK, CLIENT, HYDRATION, Life


@stash_state(name='Counter')
class Counter(BaseState):
    count: int = 0
    name: str = 'nobody'
    _cache: dict[str, int] = stash_var({}, stored=False)


async def count(life: Life, number: int = 1, **options: Any) -> None:
    async with life.event(**options) as state:
        state.count += number


# ---- damaged


async def test_a_damaged_document_is_set_aside_and_the_client_begins_again(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / 'folder'
    first = start(Counter, at=str(folder))
    await count(first)
    await first.stop()
    (file,) = folder.rglob('*.json')
    file.write_bytes(b'{"format":1,"epoch":')
    second = start(Counter, at=str(folder))
    assert await second.read('count') == 0
    await count(second, 5)
    assert second.manager.statistics().quarantined == 1
    await second.stop()
    assert any(
        found.read_bytes() == b'{"format":1,"epoch":' for found in folder.rglob('quarantine/**/*') if found.is_file()
    )
    assert await start(Counter, at=str(folder)).read('count') == 5


async def test_a_document_of_a_newer_format_is_left_alone(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / 'folder'
    first = start(Counter, at=str(folder))
    await count(first)
    await first.stop()
    (file,) = folder.rglob('*.json')
    newer = file.read_bytes().replace(b'"format":1', b'"format":99')
    file.write_bytes(newer)
    second = start(Counter, at=str(folder), drain_timeout=0.1)
    await count(second)
    await second.stop()
    assert file.read_bytes() == newer


# ---- away


@pytest.fixture
def store(tmp_path: Path) -> InterruptedStore:
    """A store that a test can take away, at `away://`."""
    store = InterruptedStore(FileStore(str(tmp_path / 'away')))
    register_store('away', lambda _url, _options: store)
    return store


async def durable(life: Life) -> None:
    """Wait until a client's changes are in the store; it has been sent them."""
    await life.tree().session.flush()
    life.tree().root._clean()


async def test_changes_are_kept_while_the_store_is_away(start: Start, store: InterruptedStore) -> None:
    life = start(Counter, at='away://', recover_timeout=0.05)
    await count(life)
    await durable(life)
    store.away = True
    for _ in range(5):
        await count(life)
        await life.manager.before_answer(CLIENT)
    assert await life.read('count') == 6
    assert life.tree().session.pending == 1
    store.away = False
    while life.tree().session.pending:
        life.tree().session.hurry()
        await asyncio.sleep(0.01)
    other = start(Counter, at='away://')
    assert await other.read('count') == 6


async def test_a_state_that_rested_goes_on_while_the_store_is_away(start: Start, store: InterruptedStore) -> None:
    life = start(Counter, at='away://', recover_timeout=100)
    await count(life)
    await durable(life)
    life.manager._running.release_idle(asyncio.get_running_loop().time() + 11)
    store.away = True
    await count(life)
    assert life.tree().root.count == 2
    store.away = False
    while life.tree().session.pending:
        life.tree().session.hurry()
        await asyncio.sleep(0.01)
    assert await start(Counter, at='away://').read('count') == 2


async def test_what_is_stored_wins_over_a_change_made_before_it_could_be_read(
    start: Start, store: InterruptedStore
) -> None:
    first = start(Counter, at='away://')
    await count(first, 3)
    await durable(first)
    store.away = True
    second = start(Counter, at='away://', recover_timeout=0.05)
    async with second.event() as state:
        assert state.count == 0
        state.count, state.name = 100, 'Ada'
    store.away = False
    await second.tree().session.load(60)
    while not second.tree().session.is_read:
        second.tree().session.hurry()
        await asyncio.sleep(0.01)
    async with second.event() as state:
        assert (state.count, state.name) == (3, 'Ada')
        assert state.dirty_vars >= {'count'}  # so the browser is sent it
    await durable(second)
    assert await first.read('count', 'name') == (3, 'Ada')


# ---- two processes


async def test_two_processes_change_two_vars_and_both_stay(start: Start) -> None:
    first, second = start(Counter), start(Counter)
    await count(first)
    await durable(first)
    assert await second.read('count') == 1
    async with first.event() as state:
        state.count = 2
    async with second.event() as state:
        state.name = 'Ada'
    await durable(first)
    await durable(second)
    assert await first.read('count', 'name') == (2, 'Ada')
    assert await second.read('count', 'name') == (2, 'Ada')


async def test_of_two_changes_of_one_var_the_later_one_stays(start: Start) -> None:
    first, second = start(Counter), start(Counter)
    assert (await first.read('count'), await second.read('count')) == (0, 0)
    await count(first, 5)
    await durable(first)
    await count(second, 7)
    await durable(second)
    assert (await first.read('count'), await second.read('count')) == (7, 7)


async def test_a_connection_sees_what_another_process_wrote(start: Start) -> None:
    first, second = start(Counter), start(Counter)
    await count(first)
    await count(second)
    await durable(second)
    await durable(first)
    await count(second, 10)
    await durable(second)
    async with first.event(event=HYDRATION) as state:
        assert state.count == 11
        assert state.dirty_vars == {'count'}


async def test_code_without_an_event_sees_what_another_process_wrote(start: Start) -> None:
    first, second = start(Counter), start(Counter)
    await count(first)
    await durable(first)
    await count(second, 10, event=HYDRATION)
    await durable(second)
    first.tree().looked -= 60
    async with first.event(event=None) as state:
        assert state.count == 11


async def test_a_merge_during_an_event_overwrites_nothing_of_it(start: Start) -> None:
    first, second = start(Counter), start(Counter)
    await count(first)
    await durable(first)
    assert await second.read('count') == 1
    async with second.event() as state:
        state.name = 'Ada'
    async with first.event() as state:
        state.count = 2
        await durable(second)
        await first.tree().session.revalidate(60)
        state.count += 1
    assert await first.read('count', 'name') == (3, 'Ada')
    await durable(first)
    assert await second.read('count', 'name') == (3, 'Ada')


# ---- one process


async def test_events_of_one_client_come_one_after_another(start: Start) -> None:
    life = start(Counter)

    async def add() -> None:
        async with life.event() as state:
            before = state.count
            await asyncio.sleep(0)
            state.count = before + 1

    await asyncio.gather(*(add() for _ in range(50)))
    assert await life.read('count') == 50


async def test_clients_have_trees_of_their_own(start: Start) -> None:
    first = start(Counter)
    await count(first, 1, client='one')
    await count(first, 2, client='two')
    await first.stop()
    second = start(Counter)
    assert (await second.read('count', client='one'), await second.read('count', client='two')) == (1, 2)


async def test_what_a_failed_event_has_changed_is_what_memory_and_store_have(start: Start) -> None:
    life = start(Counter)

    async def failing() -> None:
        async with life.event() as state:
            state.count = 3
            raise KeyError

    with pytest.raises(KeyError):
        await failing()
    assert await life.read('count') == 3
    await life.stop()
    assert await start(Counter).read('count') == 3


async def test_an_answer_waits_until_its_change_is_durable(start: Start) -> None:
    life = start(Counter)
    async with life.event() as state:
        state.count = 1
        await life.manager.before_answer(CLIENT)
        assert life.tree().session.pending == 0
    (row,) = [each async for each in life.manager.open().store.list()]
    assert row.size


async def test_an_answer_does_not_wait_if_asked(start: Start) -> None:
    life = start(Counter, reflex=ReflexOptions(answer='accepted'))
    async with life.event() as state:
        state.count = 1
        await life.manager.before_answer(CLIENT)
        assert life.tree().session.pending == 1


async def test_a_state_that_is_set_replaces_the_tree(start: Start) -> None:
    first = start(Counter)
    await count(first)
    token = BaseStateToken(ident=CLIENT, cls=Counter)
    other = Counter(_reflex_internal_init=True)
    other.name = 'Ada'
    await first.manager.set_state(token, other)
    assert await first.manager.get_state(token) is other
    await first.stop()
    assert await start(Counter).read('name') == 'Ada'


async def test_a_tree_that_is_got_and_set_is_stored(start: Start) -> None:
    first = start(Counter)
    token = BaseStateToken(ident=CLIENT, cls=Counter)
    tree = await first.manager.get_state(token)
    tree.count = 4
    await first.manager.set_state(token, tree)
    await first.stop()
    assert await start(Counter).read('count') == 4


async def test_what_is_no_state_is_kept_in_memory_with_a_warning(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    life = start(Counter)
    token = StateToken(ident=CLIENT, cls=dict)
    async with life.manager.modify_state(token) as value:
        value['x'] = 1
    assert await life.manager.get_state(token) == {'x': 1}
    assert caplog.messages == ['dict is no state of the tree: it is kept in memory only']


# ---- leaving the memory


async def test_an_idle_tree_rests_as_the_bytes_of_its_document_and_goes_on_without_a_read(start: Start) -> None:
    life = start(Counter)
    await count(life)
    await durable(life)
    running = life.manager._running
    now = asyncio.get_running_loop().time()
    running.release_idle(now + 9)
    assert CLIENT in running.trees
    running.release_idle(now + 11)
    assert CLIENT not in running.trees
    gets = life.manager.statistics().gets
    await count(life)
    await durable(life)
    assert life.manager.statistics().gets == gets
    assert await start(Counter).read('count') == 2


async def test_a_resting_tree_that_another_process_changed_meanwhile_loses_nothing(start: Start) -> None:
    first, second = start(Counter), start(Counter)
    await count(first)
    await durable(first)
    first.manager._running.release_idle(asyncio.get_running_loop().time() + 11)
    async with second.event(event=HYDRATION) as state:
        state.name = 'Ada'
    await durable(second)
    await count(first)
    await durable(first)
    assert await start(Counter).read('count', 'name') == (2, 'Ada')


async def test_a_tree_that_rests_for_long_is_forgotten_and_read_again(start: Start) -> None:
    life = start(Counter)
    await count(life)
    await durable(life)
    running = life.manager._running
    now = asyncio.get_running_loop().time()
    running.release_idle(now + 299)
    assert running.left[CLIENT].stored is not None
    running.release_idle(now + 301)
    assert CLIENT not in running.left
    assert await life.read('count') == 1


async def test_what_its_browser_has_not_been_sent_yet_keeps_a_tree_in_memory(start: Start) -> None:
    life = start(Counter)
    async with life.event() as state:
        state.count = 1
    await life.tree().session.flush()
    running = life.manager._running
    running.release_idle(asyncio.get_running_loop().time() + 301)
    assert running.trees[CLIENT].root.dirty_vars == {'count'}


class Signed(BaseState):
    count: int = 0
    token: str = rx.LocalStorage('none')
    theme: str = rx.Cookie('light')


async def test_what_a_browser_has_told_is_there_when_its_idle_tree_comes_back(start: Start) -> None:
    life = start(Signed)
    async with life.event() as state:
        state.count, state.token, state.theme = 1, 'mine', 'dark'
        state.router_data = {'sid': 'a socket'}
        state.rx_router_route_id = '/page'
    await durable(life)
    running = life.manager._running
    now = asyncio.get_running_loop().time()
    running.release_idle(now + 301)
    assert CLIENT not in running.trees
    async with life.event() as state:
        assert (state.count, state.token, state.theme, state.rx_router_route_id) == (1, 'mine', 'dark', '/page')
        assert state.router_data == {'sid': 'a socket'}
        assert not state.dirty_vars
    running.release_idle(now + 302 + 301)
    running.release_idle(now + 302 + 3601)
    assert not running.left
    async with life.event() as state:
        assert (state.count, state.token) == (1, 'none')


async def test_a_tree_with_what_no_document_has_stays_as_long_as_with_reflex(start: Start) -> None:
    life = start(Counter)
    async with life.event() as state:
        state._cache['x'] = 1
        state.count = 1
    await durable(life)
    running = life.manager._running
    now = asyncio.get_running_loop().time()
    running.release_idle(now + 3599)
    assert CLIENT in running.trees
    running.release_idle(now + 3602)
    assert CLIENT not in running.trees


async def test_a_tree_in_use_stays(start: Start) -> None:
    life = start(Counter)
    async with life.event(event=CLICK):
        running = life.manager._running
        running.release_idle(asyncio.get_running_loop().time() + 100_000)
        assert CLIENT in running.trees
