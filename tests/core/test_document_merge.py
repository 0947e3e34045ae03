"""The laws of merging, by writers that put the same document in any order."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nicegui_stash.model.document import MAX_WRITERS, SESSION_PART, Part, Slice, SliceId, new_document, stamp, to_bytes
from nicegui_stash.model.operations import Drop, Operation, Set, Touch, Written, apply, rebase

from .writers import COUNTER, OTHER, PLACES, VISIT, Server, Writer, shown

ANSWERS = st.sampled_from(['comes', 'comes', 'is lost'])
WHO = st.integers(0, 1)


@pytest.mark.proves('two-servers')
@given(st.lists(st.tuples(WHO, st.sampled_from(PLACES), st.sampled_from('xyz') | st.none(), ANSWERS), max_size=25))
def test_different_fields_of_two_writers_survive_in_any_order_of_their_puts(steps: list[Any]) -> None:
    server = Server()
    writers = [Writer('A', server), Writer('B', server)]
    last: dict[Any, int] = {}
    for number, (who, place, name, answer) in enumerate(steps):
        writer = writers[who]
        if name is None:
            writer.put(answer=answer)
        else:
            writer.set(place, f'{writer.name}-{name}', number)
            last[*place, f'{writer.name}-{name}'] = number
    for writer in writers * 2:
        writer.put()
    assert shown(server.document()) == last


@given(st.lists(st.tuples(WHO, st.sampled_from(PLACES), st.booleans(), ANSWERS), max_size=25))
def test_of_two_writers_of_one_field_the_last_put_wins(steps: list[Any]) -> None:
    server = Server()
    writers = [Writer('A', server), Writer('B', server)]
    for number, (who, place, is_put, answer) in enumerate(steps):
        if is_put:
            writers[who].put(answer=answer)
        else:
            writers[who].set(place, 'shared', number)
    for writer in writers * 2:
        writer.put()
    last = {
        (operation.slice, operation.part, operation.field): json.loads(bytes(operation.raw))
        for _, operations in server.log
        for operation in operations
        if isinstance(operation, Set)
    }
    assert shown(server.document()) == last


ACTS = st.sampled_from(['set', 'set', 'drop', 'reset', 'forget', 'put'])


@pytest.mark.proves('two-servers')
@given(st.lists(st.tuples(WHO, ACTS, st.data()), max_size=12))
def test_what_was_put_is_recognised_whoever_wrote_last(steps: list[Any]) -> None:
    server = Server()
    writers = [Writer('A', server), Writer('B', server)]
    for number, (who, what, data) in enumerate(steps):
        act(writers[who], what, number, data)
    for writer in writers:
        sent, writer.pending = writer.pending, list(writer.pending)
        writer.put(answer='is lost')
        others = writers[1 - writers.index(writer)]
        others.set(PLACES[0], 'after', others.name)
        others.put()
        body = server.body
        document = server.document()
        assert rebase(document, sent, writer.name) == []
        assert to_bytes(document) == body
        writer.put()
        assert server.body == body


def act(writer: Writer, what: str, number: int, data: st.DataObject) -> None:
    place = data.draw(st.sampled_from(PLACES))
    match what:
        case 'set':
            writer.set(place, data.draw(st.sampled_from('xy')), number)
        case 'drop' if place[1].kind != 'data':
            writer.drop(place)
        case 'reset':
            writer.reset(place[0])
        case 'forget':
            writer.forget()
        case 'put':
            writer.put(answer=data.draw(ANSWERS))


@dataclass
class Erasure:
    """A forget or reset that was put: what was accepted before, and not after one of the writer's own, is gone."""

    slice_id: SliceId | None
    writer: str
    accepted: int
    put: int

    def erases(self, writer: str, place: tuple[SliceId, Part], accepted: int, guards: list[Erasure]) -> bool:
        if self.slice_id not in {None, place[0]}:
            return False
        if writer == self.writer:
            return accepted < self.accepted
        guarded = any(
            guard.slice_id in {None, place[0]} and guard.accepted < accepted and guard.put >= accepted
            for guard in guards
            if guard.writer == writer
        )
        return accepted < self.put and not guarded


@pytest.mark.proves('erased')
@settings(max_examples=300)
@given(st.lists(st.tuples(WHO, st.sampled_from(['set'] * 4 + ['reset', 'forget', 'put', 'put', 'lost']), st.data())))
def test_nothing_older_than_an_erasure_is_ever_in_the_store_again(steps: list[Any]) -> None:
    server = Server()
    writers = [Writer('A', server), Writer('B', server)]
    accepted: dict[int, tuple[str, tuple[SliceId, Part]]] = {}
    erasures: list[Erasure] = []
    pending: list[Erasure] = []
    for who, what, data in [*steps, *[(who, 'put', None) for who in (0, 1, 0, 1)]]:
        writer = writers[who]
        place = data.draw(st.sampled_from(PLACES)) if data else PLACES[0]
        if what == 'set':
            operation = writer.set(place, data.draw(st.sampled_from('xy')), None)
            operation.raw = msgspec.Raw(str(operation.sequence).encode())
            writer.document.values(*place)[operation.field] = operation.raw
            accepted[operation.sequence] = (writer.name, place)
        elif what in {'reset', 'forget'}:
            erasure = writer.reset(place[0]) if what == 'reset' else writer.forget()
            slice_id = place[0] if what == 'reset' else None
            pending.append(Erasure(slice_id, writer.name, erasure.sequence, 10**9))
        else:
            puts = len(server.log)
            writer.put(answer='is lost' if what == 'lost' else 'comes')
            if len(server.log) > puts:
                done = {operation.sequence for operation in server.log[-1][1]}
                for erasure in [erasure for erasure in pending if erasure.accepted in done]:
                    pending.remove(erasure)
                    erasure.put = next(server.steps)
                    erasures.append(erasure)
        for (slice_id, part, _), value in shown(server.document()).items():
            name, place = accepted[value]
            assert place == (slice_id, part)
            assert not [erasure for erasure in erasures if erasure.erases(name, place, value, erasures + pending)]


@pytest.mark.parametrize('erase', ['forget', 'reset'])
def test_what_a_writer_does_after_its_own_erasure_holds_on_whatever_it_meets(erase: str) -> None:
    for others in ('nothing', 'a change', 'a reset', 'a forget'):
        server = Server()
        one, other = Writer('A', server), Writer('B', server)
        one.set(PLACES[0], 'old', 1)
        one.forget() if erase == 'forget' else one.reset(COUNTER)
        one.set(PLACES[0], 'new', 2)
        one.set(PLACES[1], 'draft', 3)
        match others:
            case 'a change':
                other.set(PLACES[0], 'theirs', 4)
            case 'a reset':
                other.reset(COUNTER)
            case 'a forget' if erase == 'forget':
                other.forget()
        other.put()
        one.put()
        assert shown(server.document()) == {(*PLACES[0], 'new'): 2, (*PLACES[1], 'draft'): 3}
        assert not server.document().erased


def test_a_writer_that_was_overtaken_by_a_forget_starts_anew_from_there() -> None:
    server = Server()
    one, other = Writer('A', server), Writer('B', server)
    one.set(PLACES[0], 'count', 1)
    one.drop(PLACES[1])
    one.reset(OTHER)
    other.forget()
    other.put()
    tombstone = server.body
    one.put()
    assert server.body == tombstone
    assert server.document().erased
    one.set(PLACES[0], 'count', 2)
    one.put()
    assert shown(server.document()) == {(*PLACES[0], 'count'): 2}
    assert (server.document().erased, server.document().epoch) == (False, 1)


def test_a_reset_reaches_only_its_slice() -> None:
    server = Server()
    one, other = Writer('A', server), Writer('B', server)
    one.set(PLACES[0], 'count', 1)
    one.set(PLACES[2], 'kept', 2)
    other.reset(COUNTER)
    other.put()
    one.put()
    assert shown(server.document()) == {(*PLACES[2], 'kept'): 2}


def test_a_reset_erases_the_tabs_and_visits_of_its_slice_too() -> None:
    server = Server()
    one = Writer('A', server)
    for place in PLACES:
        one.set(place, 'x', 1)
    one.reset(OTHER)
    one.put()
    assert set(shown(server.document())) == {(*PLACES[0], 'x'), (*PLACES[1], 'x')}


def test_a_dropped_visit_is_gone_and_a_draft_typed_after_it_holds() -> None:
    server = Server()
    one = Writer('A', server)
    one.set(PLACES[1], 'note', 'old')
    one.put()
    one.drop(PLACES[1])
    one.put()
    assert shown(server.document()) == {}
    one.set(PLACES[1], 'note', 'new')
    one.put()
    assert shown(server.document()) == {(*PLACES[1], 'note'): 'new'}


def test_a_value_for_where_nothing_is_gives_way_to_what_is_there() -> None:
    server = Server()
    one, other = Writer('A', server), Writer('B', server)
    one.set(PLACES[0], 'count', 'migrated', absent=True)
    one.set(PLACES[0], 'name', 'migrated', absent=True)
    other.set(PLACES[0], 'count', 'written')
    other.put()
    one.put()
    assert shown(server.document()) == {(*PLACES[0], 'count'): 'written', (*PLACES[0], 'name'): 'migrated'}


def test_applying_the_same_operations_twice_changes_nothing_more() -> None:
    document = new_document()
    operations: list[Operation] = [
        Set(1, 0, 0, COUNTER, SESSION_PART, 'x', msgspec.Raw(b'1')),
        Set(2, 0, 0, COUNTER, VISIT, 'y', msgspec.Raw(b'2')),
        Drop(3, 0, 0, COUNTER, VISIT),
        Touch(4),
    ]
    assert apply(document, operations) == operations
    body = to_bytes(document)
    assert apply(document, operations) == operations
    assert to_bytes(document) == body


def test_the_most_recent_writers_are_remembered() -> None:
    document = new_document()
    for number in range(MAX_WRITERS + 5):
        stamp(document, f'writer-{number}', number, 0, [])
        stamp(document, 'busy', 1000 + number, 0, [])
    assert list(document.applied) == [
        *(f'writer-{number}' for number in range(MAX_WRITERS + 5 - MAX_WRITERS + 1, MAX_WRITERS + 5)),
        'busy',
    ]
    assert document.applied['busy'] == 1000 + MAX_WRITERS + 4


def test_a_put_says_what_was_seen() -> None:
    document = new_document()
    for place in PLACES:
        document.values(*place)
    stamp(document, 'A', 1, 77, [PLACES[1], (SliceId('Nowhere', 1), SESSION_PART)])
    counter, other = document.slice(COUNTER), document.slice(OTHER)
    assert counter is not None
    assert other is not None
    assert (document.seen, counter.seen, counter.visits['v'].seen) == (77, 77, 77)
    assert (other.seen, other.tabs['t'].seen) == (0, 0)
    assert list(document.slices) == ['Counter', 'Other']


# ---- read, modify, write


def incremented(found: Slice) -> list[Written]:
    return [(SESSION_PART, 'count', msgspec.Raw(b'%d' % (int(bytes(found.data.get('count', b'0'))) + 1)))]


@given(st.lists(st.tuples(WHO, st.booleans(), ANSWERS), max_size=20))
def test_updates_of_two_writers_are_applied_once_each(steps: list[Any]) -> None:
    server = Server()
    writers = [Writer('A', server), Writer('B', server)]
    updates = 0
    for who, is_put, answer in steps:
        if is_put:
            writers[who].put(answer=answer)
        else:
            writers[who].update(COUNTER, incremented)
            updates += 1
    for writer in writers * 2:
        writer.put()
    assert shown(server.document()).get((*PLACES[0], 'count'), 0) == updates


def test_an_update_that_raises_writes_nothing_and_keeps_its_error() -> None:
    server = Server()
    writer = Writer('A', server)
    operation = writer.update(COUNTER, lambda found: [(SESSION_PART, 'x', found.data['missing'])])
    assert isinstance(operation.error, KeyError)
    assert shown(writer.document) == {}


def test_an_update_from_before_an_erasure_is_left_out() -> None:
    for erase in ('forget', 'reset'):
        server = Server()
        one, other = Writer('A', server), Writer('B', server)
        one.update(COUNTER, incremented)
        other.forget() if erase == 'forget' else other.reset(COUNTER)
        other.put()
        one.put()
        assert shown(server.document()) == {}
