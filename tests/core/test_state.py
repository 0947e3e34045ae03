"""A document in memory, made alone: it accepts, merges what was read, and assembles what is put. Nothing waits."""

from __future__ import annotations

from dataclasses import replace

from nicegui_stash.model.document import SESSION_PART, from_bytes, to_bytes
from nicegui_stash.model.operations import Reset

from .parts import NOW, Parts, change, put_values, read_as, shown
from .scene import COUNTER, TAB, Page


def test_a_document_that_may_exist_is_unknown_and_a_new_one_is_known() -> None:
    parts = Parts()
    known, unknown = parts.state(), parts.state(exists=True)
    assert (known.is_read, known.condition, known.must_read) == (True, 'fresh', False)
    assert (unknown.is_read, unknown.condition, unknown.must_read) == (False, 'unread', True)


def test_what_is_accepted_is_shown_and_pending() -> None:
    state = Parts().state()
    change(state, 'count', 1)
    assert (shown(state), len(state.pending), state.shared.pending_bytes) == ({'count': 1}, 1, 1)


def test_what_was_read_replaces_the_document_beneath_what_is_pending() -> None:
    state = Parts().state()
    change(state, 'mine', 1)
    state.merge(read_as({'mine': 0, 'theirs': 2}, born=state.document.born))
    assert shown(state) == {'mine': 1, 'theirs': 2}
    assert (state.etag, state.must_read, len(state.pending)) == ('theirs', False, 1)


def test_what_the_object_has_already_is_pending_no_more() -> None:
    state = Parts().state()
    operation = change(state, 'count', 1)
    state.merge(read_as({'count': 1}, born=state.document.born, applied={'me': operation.sequence}))
    assert (shown(state), len(state.pending), state.pending.settled) == ({'count': 1}, 0, operation.sequence)


def test_at_the_first_read_a_stored_value_wins_and_subscribers_are_told_what_it_overruled() -> None:
    state, page = Parts().state(exists=True), Page()
    state.audience.attach(page)
    change(state, 'count', 1)
    state.merge(read_as({'count': 5}))
    assert (shown(state), state.condition, len(state.pending)) == ({'count': 5}, 'found', 0)
    assert (page.overruled, page.replacements) == ([('count', 1)], 1)


def test_a_document_unseen_for_longer_than_ttl_is_read_as_expired() -> None:
    state = Parts(ttl=60.0).state(exists=True)
    state.merge(read_as({'count': 5}, seen=int((NOW - 61) * 1000)))
    assert (shown(state), state.condition) == ({}, 'expired')


def test_a_reset_elsewhere_takes_earlier_changes_with_it() -> None:
    state = Parts().state()
    change(state, 'count', 1)
    state.merge(read_as({'count': 7}, born=state.document.born, epoch=1))
    assert (shown(state), len(state.pending)) == ({'count': 7}, 0)


def test_a_document_that_nobody_shows_is_kept_as_its_bytes_until_somebody_asks() -> None:
    fetched = read_as({'count': 7})
    fetched = replace(fetched, body=to_bytes(fetched.document))
    state, followed, changed = (Parts().state(exists=True) for _ in range(3))
    followed.audience.attach(Page())
    change(changed, 'other', 1)
    for each in (state, followed, changed):
        each.merge(fetched)
    assert [isinstance(each._document, bytes) for each in (state, followed, changed)] == [True, False, False]
    assert (shown(state), shown(changed)) == ({'count': 7}, {'count': 7, 'other': 1})
    assert state.document is state.document


def test_a_snapshot_says_who_writes_and_up_to_which_change() -> None:
    state = Parts().state()
    last = change(state, 'count', 1).sequence
    body = state.snapshot(last)
    assert put_values(body) == {'count': 1}
    assert (from_bytes(body).applied, from_bytes(body).seen, state.size) == ({'me': last}, int(NOW * 1000), len(body))


def test_what_a_page_holds_outlives_its_ttl_and_what_nobody_holds_does_not() -> None:
    parts = Parts(ttl=60.0)
    held, left = parts.state(), parts.state()
    held.hold(COUNTER, SESSION_PART)
    for state in (held, left):
        change(state, 'count', 1)
        state.snapshot(1)
        state.pending.settle(state.shared.sequence)
    left.hold(COUNTER, SESSION_PART)
    left.release(COUNTER, SESSION_PART)
    parts.now += 61
    assert [put_values(state.snapshot(2)) for state in (held, left)] == [{'count': 1}, {}]


def test_a_part_that_two_pages_show_is_held_until_both_have_left() -> None:
    state = Parts().state()
    state.hold(COUNTER, TAB)
    state.hold(COUNTER, TAB)
    state.release(COUNTER, TAB)
    assert (COUNTER, TAB) in state.live
    state.release(COUNTER, TAB)
    assert state.live == {}


def test_an_absent_value_is_told_and_gives_way_to_what_is_stored_elsewhere() -> None:
    state, page = Parts().state(), Page()
    state.audience.attach(page)
    raw_one = change(state, 'other', 1).raw
    state.document.values(COUNTER, SESSION_PART)['count'] = raw_one
    state.accept_absent(COUNTER, SESSION_PART, 'count', raw_one)
    assert page.changes == [(COUNTER, SESSION_PART, 'count')]
    state.merge(read_as({'count': 9}, born=state.document.born))
    assert shown(state) == {'count': 9, 'other': 1}


def test_accepting_an_erasure_forgets_where_values_were() -> None:
    state = Parts().state()
    change(state, 'count', 1)
    state.cells[COUNTER, SESSION_PART] = (state.document.ensure(COUNTER), state.values(COUNTER, SESSION_PART))
    state.accept((COUNTER,), Reset(state.shared.next_sequence(), 0, COUNTER))
    assert (state.cells, shown(state)) == ({}, {})


def test_a_state_set_apart_counts_its_changes_alone() -> None:
    parts = Parts()
    state = parts.state()
    change(state, 'count', 1)
    state.set_apart('it was left')
    state.give_pending_up()
    change(state, 'count', 2)
    assert (parts.shared.pending_bytes, parts.shared.closed, state.shared.closed) == (0, '', 'it was left')


def test_a_subscriber_may_leave_while_others_are_told() -> None:
    state = Parts().state()

    class Leaving(Page):
        def replaced(self) -> None:
            state.audience.detach(self)

    leaving, staying = Leaving(), Page()
    state.audience.attach(leaving)
    state.audience.attach(staying)
    state.audience.tell_replaced()
    assert (state.audience.subscribers, staying.replacements) == ((staying,), 1)
