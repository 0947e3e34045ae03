"""What somebody entered before signing in goes over into the person's document: durably, and once."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nicegui_stash.model.document import SESSION_PART, Document, SliceId, from_bytes, new_document, to_bytes
from nicegui_stash.model.fields import stored as declared
from nicegui_stash.model.operations import (
    ADOPTED,
    MAX_ADOPTED,
    Adopt,
    Forget,
    Generation,
    Operation,
    Set,
    Withdraw,
    apply,
    begin_again,
)
from nicegui_stash.model.schema import build_schema
from nicegui_stash.session.keys import guest_key, is_document_key, object_key, room_key, user_key
from nicegui_stash.session.registry import Registry
from nicegui_stash.session.session import Session
from nicegui_stash.testing import FaultyStore

from .carts import NEW, OLD, NewCart, OldCart, to_dicts
from .conftest import MakeRegistry
from .scene import COUNTER, document, kill, put, raw, stored, values


async def entered(registry: Registry, **fields: Any) -> Session:
    """Let a guest enter something, and put it."""
    guest = registry.guest('browser')
    assert await guest.load(1.0)
    for name, value in fields.items():
        put(guest, name, value)
    await guest.flush()
    return guest


def adopting(registry: Registry, *, replace: bool = False) -> asyncio.Task[None]:
    return registry.adopt(registry.person('ann'), registry.guest('browser'), replace=replace, arrived=lambda: None)


async def of_person(store: FaultyStore) -> dict[str, Any]:
    return await stored(store.inner, user_key('a secret', 'ann')) or {}


async def is_erased(store: FaultyStore) -> bool:
    found = await document(store.inner, guest_key('a secret', 'browser'))
    return found is not None and found['erased'] and set(found['slices']) <= {ADOPTED.name}


@given(st.text(), st.text(), st.sampled_from(['', 'room', 'user', 'guest', 'session', 'identity']))
def test_no_other_name_is_stored_where_a_person_is(name: str, other: str, kind: str) -> None:
    key = user_key('a secret', name)
    for each in (other, name, f'{kind}\0{name}', f'\0{name}'):
        assert key not in {make('a secret', each) for make in (object_key, room_key, guest_key)}
    assert is_document_key(key), 'so that it is swept, copied and shown'


@pytest.mark.parametrize('replace', [False, True])
async def test_values_go_over_and_are_gone_where_they_were(
    make_registry: MakeRegistry, store: FaultyStore, *, replace: bool
) -> None:
    registry = make_registry()
    await entered(registry, count=1, note='milk')
    person = registry.person('ann')
    await person.load(1.0)
    put(person, 'count', 7)
    await adopting(registry, replace=replace)
    assert values(person) == await of_person(store) == {'count': 1 if replace else 7, 'note': 'milk'}
    assert await is_erased(store)


async def test_where_nothing_was_entered_nothing_is_put(make_registry: MakeRegistry, store: FaultyStore) -> None:
    registry = make_registry()
    await adopting(registry)
    assert store.calls['put'] == 0


async def test_values_are_in_the_persons_document_before_they_leave_the_guests(
    make_registry: MakeRegistry, store: FaultyStore
) -> None:
    registry = make_registry()
    guest = await entered(registry, note='milk')
    gate = store.hold('put')
    task = adopting(registry)
    await gate.started.wait()
    assert values(registry.person('ann')) == {'note': 'milk'}, 'shown at once'
    assert store.keys['put'][-1] == user_key('a secret', 'ann')
    assert values(guest) == {'note': 'milk'}
    gate.release()
    await task
    assert await is_erased(store)


STEPS = range(4)
"""Both are read, the person's is put, and the guest's; and one more."""


@pytest.mark.proves('adopted')
@pytest.mark.parametrize('replace', [False, True])
@pytest.mark.parametrize('applied', [False, True])
@pytest.mark.parametrize('step', STEPS)
async def test_a_kill_at_any_step_loses_nothing_and_brings_nothing_back(
    make_registry: MakeRegistry, store: FaultyStore, step: int, *, applied: bool, replace: bool
) -> None:
    await entered(make_registry(), note='milk', count=1)
    killed = make_registry()
    reached = await _kill_at(killed, store, step, applied=applied, replace=replace)
    assert reached == (step < 3)
    store.release()

    elsewhere = make_registry().person('ann')  # the person's telephone
    assert await elsewhere.load(1.0)
    came_over = values(elsewhere) == {'note': 'milk', 'count': 1}
    assert came_over or values(elsewhere) == {}, 'all at once'
    elsewhere.reset(COUNTER)
    put(elsewhere, 'note', 'bread')
    await elsewhere.flush()

    registry = make_registry()
    await adopting(registry, replace=replace)
    new = {'note': 'milk' if replace else 'bread', 'count': 1}
    assert await of_person(store) == ({'note': 'bread'} if came_over else new)
    assert await is_erased(store)


async def _kill_at(registry: Registry, store: FaultyStore, step: int, *, applied: bool, replace: bool) -> bool:
    """Kill a server at its call of the store with this number, before or after it is applied; return if it is made."""
    task = adopting(registry, replace=replace)
    for number in itertools.count():
        gates = [store.hold(operation, applied=applied) for operation in ('get', 'put')]
        waiting = {asyncio.ensure_future(gate.started.wait()) for gate in gates}
        await asyncio.wait({task, *waiting}, return_when=asyncio.FIRST_COMPLETED)
        for each in waiting:
            each.cancel()
        if task.done():
            await task
            await kill(registry)
            return False
        if number == step:
            await kill(registry)
            return True
    raise AssertionError


@pytest.mark.proves('adopted')
@pytest.mark.parametrize('replace', [False, True])
async def test_two_servers_at_the_same_moment_adopt_once(
    make_registry: MakeRegistry, store: FaultyStore, *, replace: bool
) -> None:
    await entered(make_registry(), note='milk', count=1)
    first, second = make_registry(), make_registry()
    shown = second.person('ann')
    slow = store.hold('put')
    late = adopting(second, replace=replace)
    await slow.started.wait()  # it has read both documents, and is about to put
    store._before.clear()
    await adopting(first, replace=replace)
    person = first.person('ann')
    person.reset(COUNTER)
    put(person, 'note', 'bread')
    await person.flush()
    slow.release()
    await late
    assert await of_person(store) == {'note': 'bread'}
    assert await is_erased(store)
    await shown.revalidate(1.0)
    assert values(shown) == {'note': 'bread'}


async def test_what_is_entered_after_a_sign_out_is_not_erased_by_a_slow_server(
    make_registry: MakeRegistry, store: FaultyStore
) -> None:
    await entered(make_registry(), note='milk')
    first, second = make_registry(), make_registry()
    late = adopting(second)
    key = guest_key('a secret', 'browser')
    while store.keys['put'][-1:] != [user_key('a secret', 'ann')]:
        await asyncio.sleep(0)
    while store.keys['get'][-1:] != [key]:
        await asyncio.sleep(0)
    slow = store.hold('put')
    await slow.started.wait()  # it is about to erase what the guest had entered
    store._before.clear()
    await adopting(first)
    await entered(first, note='somebody else')
    slow.release()
    await late
    assert await stored(store.inner, key) == {'note': 'somebody else'}


async def test_what_another_server_adds_meanwhile_goes_over_too(
    make_registry: MakeRegistry, store: FaultyStore
) -> None:
    first, second = make_registry(), make_registry()
    await entered(first, note='milk')
    gate = store.hold('put')
    task = adopting(second)
    await gate.started.wait()
    store._before.clear()
    await entered(first, count=2)
    gate.release()
    await task
    assert await of_person(store) == {'note': 'milk', 'count': 2}
    assert await is_erased(store)


@pytest.mark.proves('adopted')
@pytest.mark.parametrize('is_flushed', [False, True])
async def test_what_another_server_accepts_while_the_guests_values_leave_stays_there(
    make_registry: MakeRegistry, store: FaultyStore, *, is_flushed: bool
) -> None:
    await entered(make_registry(), note='milk')
    first, second = make_registry(), make_registry()
    guest = second.guest('browser')
    await guest.load(1.0)
    task = adopting(first)
    while store.keys['put'][-1:] != [user_key('a secret', 'ann')]:
        await asyncio.sleep(0)
    slow = store.hold('put')
    await slow.started.wait()  # it is about to withdraw what has gone over
    store._before.clear()
    put(guest, 'count', 2)
    if is_flushed:
        await guest.flush()
    slow.release()
    await task
    await guest.flush()
    await adopting(second)
    assert await of_person(store) == {'note': 'milk', 'count': 2}
    assert await is_erased(store)


async def test_an_outage_delays_it_and_loses_nothing(make_registry: MakeRegistry, store: FaultyStore) -> None:
    await entered(make_registry(), note='milk')
    registry = make_registry()
    store.down = True
    task = adopting(registry)
    await asyncio.sleep(60)
    assert not task.done()
    store.down = False
    await task
    assert await of_person(store) == {'note': 'milk'}
    store.refusing = True
    put(registry.guest('browser'), 'count', 1)
    task = adopting(registry)
    await asyncio.sleep(60)
    store.refusing = False
    await task
    assert await of_person(store) == {'note': 'milk', 'count': 1}


async def test_a_lost_answer_changes_nothing(make_registry: MakeRegistry, store: FaultyStore) -> None:
    await entered(make_registry(), note='milk')
    store.lose_answers(2)
    await adopting(make_registry(), replace=True)
    assert await of_person(store) == {'note': 'milk'}
    assert await is_erased(store)


async def test_what_has_no_room_stays_with_the_guest(
    make_registry: MakeRegistry, store: FaultyStore, caplog: pytest.LogCaptureFixture
) -> None:
    registry = make_registry()
    await entered(registry, note='m' * 200_000, more='m' * 200_000)
    person = registry.person('ann')
    await person.load(1.0)
    for number in range(4):
        put(person, f'note{number}', 'b' * 200_000)
    await adopting(registry)
    assert len(values(person)) == 4
    assert set(await stored(store.inner, registry.guest('browser').key) or {}) == {'note', 'more'}
    assert 'what was entered before signing in stays there' in caplog.text
    assert 'mmm' not in caplog.text


# ---- versions


async def test_what_an_older_app_has_stored_goes_over_in_its_new_form(
    make_registry: MakeRegistry, store: FaultyStore
) -> None:
    class Old(OldCart):
        items: list[str] = declared([], scope='user')

    class New(NewCart):
        items: list[dict[str, Any]] = declared([], scope='user')

    old, new = make_registry(), make_registry()
    old.declare(build_schema(Old, name='Cart'))
    new.declare(build_schema(New, name='Cart', version=2, migrations={1: to_dicts}))
    guest = old.guest('browser')
    await guest.load(1.0)
    put(guest, 'items', ['socks'], slice_id=OLD)
    await guest.flush()
    person = new.person('ann')
    await adopting(new)
    assert values(person, slice_id=NEW)['items'] == [{'name': 'socks'}]
    assert values(person, slice_id=OLD) == {'items': ['socks']}, 'for an app that is rolled back'


async def test_a_newer_form_that_another_server_stored_stays_beside_the_older_one(
    make_registry: MakeRegistry, store: FaultyStore
) -> None:
    person = make_registry().person('ann')
    await person.load(1.0)
    put(person, 'items', [{'name': 'hat'}], slice_id=NEW)
    await person.flush()
    registry = make_registry()
    guest = registry.guest('browser')
    await guest.load(1.0)
    put(guest, 'items', ['socks'], slice_id=OLD)
    await adopting(registry)
    await person.revalidate(1.0)
    assert values(person, slice_id=NEW) == {'items': [{'name': 'hat'}]}
    assert values(person, slice_id=OLD) == {'items': ['socks']}


# ---- the operation


def op(source: str = 'browser', generation: Generation = (1, 0, 0), *, replace: bool = False, **fields: Any) -> Adopt:
    return Adopt(2, 0, source, generation, [(COUNTER, name, raw(value)) for name, value in fields.items()], replace)


def data(found: Document, slice_id: SliceId = COUNTER) -> dict[str, Any]:
    return {name: msgspec.json.decode(value) for name, value in found.values(slice_id, SESSION_PART).items()}


def again(found: Document, *operations: Operation) -> Document:
    """The document as another server reads it, with these operations applied."""
    read = from_bytes(to_bytes(found))
    apply(read, operations)
    return read


@given(st.booleans(), st.lists(st.sampled_from(['adopt', 'set', 'unset']), max_size=6))
def test_one_state_of_a_source_is_adopted_once_whatever_is_done_between(replace: bool, between: list[str]) -> None:
    found = again(new_document(born=1), op(count=1, replace=replace))
    for step in between:
        if step == 'adopt':
            before = data(found)
            found = again(found, op(count=1, replace=replace))
            assert data(found) == before
        elif step == 'set':
            found.values(COUNTER, SESSION_PART)['count'] = raw(5)
        else:
            found.values(COUNTER, SESSION_PART).pop('count', None)
    assert again(found, op('another', count=9)).values(COUNTER, SESSION_PART)['count']


def test_it_remembers_the_newest_sources() -> None:
    found = new_document(born=1)
    for number in range(MAX_ADOPTED + 5):
        found = again(found, op(f'browser {number}', count=number))
    assert len(data(found, ADOPTED)) == MAX_ADOPTED
    assert again(found, op('browser 5', count=5, replace=True)) == found
    assert data(again(found, op('browser 4', count=0, replace=True))) == {'count': 0}


def test_what_was_accepted_before_the_person_was_erased_does_not_come_back() -> None:
    found = again(new_document(born=1), Forget(1))
    assert again(found, op(count=1)) == found


def withdrawing(number: int, **fields: Any) -> Withdraw:
    return Withdraw(3, 0, number, [(COUNTER, name, raw(value)) for name, value in fields.items()])


def test_what_was_added_or_changed_since_is_not_withdrawn() -> None:
    found = again(new_document(born=1), op(count=1, note='milk', more=2))
    found = again(found, Set(2, 0, 0, COUNTER, SESSION_PART, 'count', raw(7)))
    left = again(found, withdrawing(0, count=1, note='milk'))
    assert data(left) == {'count': 7, 'more': 2}
    assert not left.erased
    assert again(left, withdrawing(1, count=7, more=2)).erased


@pytest.mark.parametrize('late', ['withdrawn', 'erased', 'another'])
def test_what_somebody_else_has_withdrawn_or_erased_is_not_withdrawn_again(late: str) -> None:
    operation = withdrawing(0, note='milk')
    erase = Forget(1) if late == 'erased' else withdrawing(0, note='milk')
    found = again(new_document(born=1), op(note='milk'), erase)
    found = again(found, Set(2, found.epoch, 0, COUNTER, SESSION_PART, 'note', raw('milk')))
    if late == 'another':
        found = again(new_document(born=2), op(note='milk'))
        begin_again([operation])
    assert again(found, operation) == found
    assert operation.comes_too_late


@pytest.mark.parametrize('replace', [False, True])
def test_of_a_state_that_has_grown_only_what_is_new_is_adopted(*, replace: bool) -> None:
    found = again(new_document(born=1), op(note='milk', replace=replace))
    found.values(COUNTER, SESSION_PART)['note'] = raw('bread')
    found = again(found, op(note='milk', count=2, replace=replace))
    assert data(found) == {'note': 'bread', 'count': 2}
    del found.values(COUNTER, SESSION_PART)['note']
    assert data(again(found, op(note='milk', count=2, replace=replace))) == {'count': 2}


def test_what_a_slower_server_brings_of_an_earlier_state_is_not_adopted_again() -> None:
    found = again(new_document(born=1), op(note='milk', replace=True), op(note='bread', replace=True))
    assert data(again(found, op(note='milk', replace=True))) == {'note': 'bread'}


@pytest.mark.parametrize('earlier', [(1, 0, 0), (1, 1, 0), (0, 5, 5)])
def test_what_a_slower_server_brings_of_an_earlier_generation_comes_too_late(earlier: Generation) -> None:
    found = again(new_document(born=1), op(generation=(1, 1, 1), note='bread', replace=True))
    assert again(found, op(generation=earlier, note='milk', count=1, replace=True)) == found
