"""What reads and puts, made alone over a state: no session, no versions."""

from __future__ import annotations

import asyncio
import gc
import uuid
import weakref
from typing import Any

import pytest

from nicegui_stash.errors import Unavailable
from nicegui_stash.session.loading import Fetched
from nicegui_stash.session.state import DocumentState
from nicegui_stash.session.sync import Synchroniser
from nicegui_stash.testing import FaultyStore

from .parts import KEY, Parts, change, put_values, shown
from .scene import Page, stored
from .virtual import idle


class Watcher:
    """Records each notice of activity."""

    def __init__(self, state: DocumentState, sync: Synchroniser) -> None:
        self.seen: list[str] = []
        self._sync = sync
        state.audience.watch(self)

    def activity_changed(self, *, settled: bool) -> None:
        self.seen.append(self._sync.activity)


async def put_by_another(store: FaultyStore, **values: object) -> None:
    """Store values under the key, as another server would."""
    state = Parts(store).state()
    state.shared.writer = uuid.uuid4().hex
    sync = Synchroniser(state)
    for name, value in values.items():
        change(state, name, value)
    await sync.flush()


async def test_nothing_is_read_or_put_until_somebody_asks(loop: Any, store: FaultyStore) -> None:
    parts = Parts(store)
    sync = Synchroniser(parts.state(exists=True))
    sync.wake()
    await idle()
    assert (parts.tasks, dict(store.calls), sync.activity) == ([], {}, 'saved')


async def test_what_is_pending_is_put_by_a_task_that_then_ends(loop: Any, store: FaultyStore) -> None:
    parts = Parts(store)
    state = parts.state()
    sync = Synchroniser(state)
    watcher = Watcher(state, sync)
    change(state, 'count', 1)
    sync.wake()
    (task,) = parts.tasks
    await task
    assert await stored(store, KEY) == {'count': 1}
    assert (len(state.pending), state.is_stored) == (0, True)
    assert list(dict.fromkeys(watcher.seen)) == ['pending', 'saving', 'saved']


async def test_what_is_accepted_during_a_put_goes_into_the_next(loop: Any, store: FaultyStore) -> None:
    state = Parts(store).state()
    sync = Synchroniser(state)
    gate = store.hold('put')
    change(state, 'count', 1)
    flushed = asyncio.ensure_future(sync.flush())
    await gate.started.wait()
    change(state, 'count', 2)
    sync.wake()
    gate.release()
    await flushed
    assert len(state.pending) == 1
    await sync.flush()
    assert (await stored(store, KEY), store.calls['put']) == ({'count': 2}, 2)


async def test_loading_reads_once_for_all_who_wait(loop: Any, store: FaultyStore) -> None:
    await put_by_another(store, count=5)
    before = store.calls['get']
    state = Parts(store).state(exists=True)
    sync = Synchroniser(state)
    assert await asyncio.gather(sync.load(1.0), sync.load(1.0)) == [True, True]
    assert (shown(state), store.calls['get'] - before) == ({'count': 5}, 1)


async def test_a_load_ends_at_its_time_limit_and_the_read_goes_on(loop: Any, store: FaultyStore) -> None:
    await put_by_another(store, count=5)
    parts = Parts(store)
    state = parts.state(exists=True)
    sync = Synchroniser(state)
    gate = store.hold('get')
    assert await sync.load(0.5) is False
    state.audience.attach(Page())
    gate.release()
    await asyncio.gather(*parts.tasks)
    assert shown(state) == {'count': 5}


async def test_a_conflict_reads_what_won_and_puts_both(loop: Any, store: FaultyStore) -> None:
    state = Parts(store).state()
    sync = Synchroniser(state)
    change(state, 'mine', 1)
    await sync.flush()
    await put_by_another(store, theirs=2)
    change(state, 'mine', 3)
    await sync.flush()
    assert await stored(store, KEY) == {'mine': 3, 'theirs': 2}


async def test_a_failed_attempt_is_told_to_who_waits_and_nothing_is_lost(loop: Any, store: FaultyStore) -> None:
    parts = Parts(store)
    state = parts.state()
    sync = Synchroniser(state)
    store.down = True
    change(state, 'count', 1)
    with pytest.raises(Unavailable):
        await sync.flush()
    assert (sync.activity, sync.problem is not None, len(state.pending)) == ('offline', True, 1)
    store.down = False
    await asyncio.gather(*parts.tasks)
    assert (sync.activity, sync.problem, await stored(store, KEY)) == ('saved', None, {'count': 1})


async def test_what_is_read_is_given_to_who_merges(loop: Any, store: FaultyStore) -> None:
    await put_by_another(store, count=5)
    state = Parts(store).state(exists=True)
    taken: list[Fetched] = []

    class Merging:
        def merge(self, fetched: Fetched) -> None:
            taken.append(fetched)
            state.merge(fetched)

    sync = Synchroniser(state, merges=Merging())
    assert await sync.load(1.0)
    assert [fetched.condition for fetched in taken] == ['found']


async def test_revalidation_takes_what_another_server_put(loop: Any, store: FaultyStore) -> None:
    await put_by_another(store, count=5)
    state = Parts(store).state(exists=True)
    sync = Synchroniser(state)
    await sync.load(1.0)
    await put_by_another(store, count=6)
    assert await sync.revalidate(1.0)
    assert shown(state) == {'count': 6}


async def test_a_task_keeps_its_owner_alive_until_it_ends(loop: Any, store: FaultyStore) -> None:
    class Owner:
        pass

    owner = Owner()
    remembered = weakref.ref(owner)
    parts = Parts(store)
    state = parts.state()
    sync = Synchroniser(state, owner=remembered)
    gate = store.hold('put')
    change(state, 'count', 1)
    sync.wake()
    del owner
    await gate.started.wait()
    gc.collect()
    assert remembered() is not None
    gate.release()
    await asyncio.gather(*parts.tasks)
    parts.tasks.clear()
    assert remembered() is None


async def test_who_was_retired_writes_nothing_and_says_why(loop: Any, store: FaultyStore) -> None:
    parts = Parts(store)
    state = parts.state()
    sync = Synchroniser(state)
    gate = store.hold('put')
    change(state, 'count', 1)
    waiting = asyncio.ensure_future(sync.flush())
    await gate.started.wait()
    sync.retire('the browser has a new session')
    with pytest.raises(Unavailable, match='the browser has a new session'):
        await waiting
    gate.release()
    change(state, 'count', 2)
    with pytest.raises(Unavailable, match='the browser has a new session'):
        await sync.flush()
    assert (await stored(store, KEY), parts.shared.closed, parts.shared.pending_bytes) == (None, '', 0)


async def test_a_put_holds_a_snapshot_of_the_state(loop: Any, store: FaultyStore) -> None:
    state = Parts(store).state()
    change(state, 'count', 1)
    await Synchroniser(state).flush()
    found = await store.inner.get(KEY)
    assert put_values(found.body) == {'count': 1}  # type: ignore[union-attr]
