"""The laws of merging, by writers that put the same document in any order."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nicegui_stash.document import (
    MAX_WRITERS,
    SESSION_PART,
    Document,
    Part,
    Slice,
    SliceId,
    from_bytes,
    new_document,
    stamp,
    to_bytes,
)
from nicegui_stash.operations import (
    Drop,
    Forget,
    Operation,
    Reset,
    Set,
    Touch,
    Update,
    Written,
    apply,
    rebase,
    settle_unread,
)

COUNTER, OTHER = SliceId('Counter', 1), SliceId('Other', 2, 'key')
TAB, VISIT = Part('tabs', 't'), Part('visits', 'v')
PLACES = [(COUNTER, SESSION_PART), (COUNTER, VISIT), (OTHER, SESSION_PART), (OTHER, TAB)]


@dataclass
class Server:
    """One object with a revision, and who put what."""

    body: bytes = field(default_factory=lambda: to_bytes(new_document()))
    revision: int = 0
    log: list[tuple[str, list[Operation]]] = field(default_factory=list)
    steps: count[int] = field(default_factory=lambda: count(1))

    def document(self) -> Document:
        return from_bytes(self.body)


class Writer:
    """A process that holds a copy of the document, as a session does, with every operation of its own."""

    def __init__(self, name: str, server: Server) -> None:
        self.name = name
        self.server = server
        self.pending: list[Operation] = []
        self.document, self.revision = server.document(), server.revision

    def set(self, place: tuple[SliceId, Part], name: str, value: object, *, absent: bool = False) -> Set:
        slice_id, part = place
        found = self.document.slice(slice_id)
        raw = msgspec.Raw(msgspec.json.encode(value))
        operation = Set(
            self._step(), self.document.epoch, found.reset if found else 0, slice_id, part, name, raw, absent
        )
        return self._accept(operation)

    def update(self, slice_id: SliceId, change: Callable[[Slice], list[Written]]) -> Update:
        found = self.document.slice(slice_id)
        operation = Update(self._step(), self.document.epoch, found.reset if found else 0, slice_id, change)
        return self._accept(operation)

    def drop(self, place: tuple[SliceId, Part]) -> Drop:
        found = self.document.slice(place[0])
        return self._accept(Drop(self._step(), self.document.epoch, found.reset if found else 0, *place))

    def reset(self, slice_id: SliceId) -> Reset:
        return self._accept(Reset(self._step(), self.document.epoch, slice_id))

    def forget(self) -> Forget:
        return self._accept(Forget(self._step()))

    def put(self, *, answer: Literal['comes', 'is lost'] = 'comes') -> None:
        """Put what is pending, rebasing it first where someone else has put."""
        if not self.pending:
            return
        if self.revision != self.server.revision:
            self.document, self.revision = self.server.document(), self.server.revision
            self.pending = rebase(self.document, self.pending, self.name)
            if not self.pending:
                return
        stamp(self.document, self.name, self.pending[-1].sequence, 0, [])
        self.server.body = to_bytes(self.document)
        self.server.revision += 1
        self.server.log.append((self.name, self.pending))
        next(self.server.steps)
        if answer == 'comes':
            self.pending, self.revision = [], self.server.revision

    def _step(self) -> int:
        return next(self.server.steps)

    def _accept(self, operation: Any) -> Any:
        apply(self.document, [operation])
        self.pending.append(operation)
        return operation


def shown(document: Document) -> dict[tuple[SliceId, Part, str], Any]:
    """Every value of a document by its place."""
    return {
        (SliceId(name, int(version), key), part, field_name): json.loads(bytes(raw))
        for name, versions in document.slices.items()
        for version, keys in versions.items()
        for key, found in keys.items()
        for part, values in found.parts()
        for field_name, raw in values.items()
    }


ANSWERS = st.sampled_from(['comes', 'comes', 'is lost'])
WHO = st.integers(0, 1)


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


# ---- what was accepted before the first read


def provisional(name: str, value: object, place: tuple[SliceId, Part] = PLACES[0], sequence: int = 1) -> Set:
    return Set(sequence, 0, 0, *place, name, msgspec.Raw(msgspec.json.encode(value)))


def stored_document() -> Document:
    document = new_document(epoch=3)
    document.ensure(COUNTER).reset = 5
    document.values(*PLACES[0])['items'] = msgspec.Raw(b'[1,2,3]')
    return document


def test_what_is_stored_wins_over_what_was_typed_into_an_empty_page() -> None:
    same, other, new = provisional('items', [1, 2, 3]), provisional('items', []), provisional('note', 'x')
    kept, rejected = settle_unread(stored_document(), [same, other, new])
    assert (kept, rejected) == ([new], [other])
    assert (new.epoch, new.reset) == (3, 5)


def test_what_was_typed_for_another_place_is_kept() -> None:
    operations = [provisional('items', [], place) for place in PLACES[1:]]
    kept, rejected = settle_unread(stored_document(), operations)
    assert (kept, rejected) == (operations, [])


@pytest.mark.parametrize('erase', [Forget(1), Reset(1, 0, COUNTER)])
def test_what_was_typed_after_an_erasure_is_kept(erase: Operation) -> None:
    after = provisional('items', [9], sequence=2)
    document = stored_document()
    kept, rejected = settle_unread(document, [erase, after])
    assert (kept, rejected) == ([erase, after], [])
    assert apply(document, kept) == kept
    assert shown(document) == {(*PLACES[0], 'items'): [9]}


def test_what_was_typed_after_its_visit_was_dropped_is_kept() -> None:
    document = stored_document()
    document.values(*PLACES[1])['note'] = msgspec.Raw(b'"old"')
    operations: list[Operation] = [Drop(1, 0, 0, *PLACES[1]), provisional('note', 'new', PLACES[1], 2)]
    kept, rejected = settle_unread(document, operations)
    assert (kept, rejected) == (operations, [])


def test_a_reset_of_another_slice_guards_nothing() -> None:
    operation = provisional('items', [], sequence=2)
    kept, rejected = settle_unread(stored_document(), [Reset(1, 0, OTHER), operation])
    assert ([type(one) for one in kept], rejected) == ([Reset], [operation])
