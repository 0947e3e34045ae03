"""A session that nobody uses for a while is kept as the bytes of its document, and goes on from them."""

from __future__ import annotations

from nicegui_stash.session.session import Rested
from nicegui_stash.testing import FaultyStore

from .conftest import MakeSession
from .scene import put, stored, values


async def test_a_session_goes_on_from_what_an_earlier_one_has_left_without_a_read(
    make_session: MakeSession, store: FaultyStore
) -> None:
    earlier = make_session(exists=False, seed=1)
    put(earlier, 'a', 1)
    await earlier.flush()
    later = make_session(seed=1)
    rested = earlier.rest()
    assert rested is not None
    later.go_on(rested)
    assert (later.is_read, values(later)) == (True, {'a': 1})
    put(later, 'b', 2)
    await later.flush()
    assert await stored(store, later.key) == {'a': 1, 'b': 2}
    assert later._state.shared.counts['gets'] == 0


async def test_what_another_server_wrote_meanwhile_stays(make_session: MakeSession, store: FaultyStore) -> None:
    one, other = make_session(exists=False, seed=1), make_session(seed=2)
    put(one, 'a', 1)
    await one.flush()
    rested = one.rest()
    assert rested is not None
    await other.load(1)
    put(other, 'b', 2)
    await other.flush()
    later = make_session(seed=1)
    later.go_on(rested)
    put(later, 'a', 3)
    await later.flush()
    assert await stored(store, later.key) == {'a': 3, 'b': 2}


async def test_a_session_does_not_rest_before_its_object_holds_all_of_it(make_session: MakeSession) -> None:
    unread = make_session()
    new = make_session(exists=False, session_id='another id')
    pending: list[Rested | None] = [unread.rest(), new.rest()]
    put(new, 'a', 1)
    pending.append(new.rest())
    await new.flush()
    put(new, 'a', 2)
    pending.append(new.rest())
    assert pending == [None] * 4
