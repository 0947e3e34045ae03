"""Taking over values of older versions, alone over a state: no store and no task."""

from __future__ import annotations

from typing import Any

import pytest

from nicegui_stash.model.document import SESSION_PART
from nicegui_stash.model.operations import Reset
from nicegui_stash.model.schema import build_schema
from nicegui_stash.session import versions
from nicegui_stash.session.state import DocumentState
from nicegui_stash.session.versions import OlderVersions

from .carts import NEW, OLD, V1, V2, NewCart
from .parts import Parts, change, read_as, shown
from .scene import Page


def read_state(parts: Parts, **values: object) -> DocumentState:
    """A state that has read what version 1 stored."""
    state = parts.state(exists=True)
    parts.shared.schemas['Cart'] = V2
    state.merge(read_as(values, slice_id=OLD))
    return state


def test_what_an_older_version_holds_is_accepted_under_the_new_one() -> None:
    parts = Parts()
    state, page = read_state(parts, items=['socks'], size=40), Page()
    state.audience.attach(page)
    found = OlderVersions(state).inherit(V2, '')
    assert (found.from_version, found.migrated, len(state.pending)) == (1, True, 2)
    assert shown(state, NEW) == {'items': [{'name': 'socks'}], 'size': 40}
    assert shown(state, OLD) == {'items': ['socks'], 'size': 40}
    assert page.changes == [(NEW, SESSION_PART, 'items'), (NEW, SESSION_PART, 'size')]


def test_what_is_there_already_is_not_migrated_over() -> None:
    state = read_state(Parts(), size=40)
    change(state, 'size', 7, NEW)
    found = OlderVersions(state).inherit(V2, '')
    assert (found.migrated, shown(state, NEW)) == (False, {'size': 7})


def test_a_change_brings_along_what_it_would_hide() -> None:
    state = read_state(Parts(), size=40)
    OlderVersions(state).inherit_first(NEW)
    assert shown(state, NEW) == {'size': 40}


def test_a_change_made_before_the_first_read_lies_over_what_an_older_version_stored() -> None:
    parts = Parts()
    parts.shared.schemas['Cart'] = V2
    state = parts.state(exists=True)
    older = OlderVersions(state)
    change(state, 'currency', 'USD', NEW)
    assert not older.has_brought
    older.merge(read_as({'size': 40}, slice_id=OLD))
    assert (shown(state, NEW), older.has_brought) == ({'currency': 'USD', 'size': 40}, True)


def test_a_reset_made_before_the_first_read_erases_the_older_versions_too() -> None:
    parts = Parts()
    parts.shared.schemas['Cart'] = V2
    state = parts.state(exists=True)
    state.accept((NEW,), Reset(state.shared.next_sequence(), 0, NEW))
    OlderVersions(state).merge(read_as({'size': 40}, slice_id=OLD))
    assert (shown(state, OLD), shown(state, NEW)) == ({}, {})


def test_the_slices_of_older_versions_are_named_for_an_erasure() -> None:
    parts = Parts()
    state = read_state(parts, size=40)
    assert OlderVersions(state).older(NEW) == [OLD]


def test_a_former_name_that_another_class_has_now_is_left_to_it() -> None:
    parts = Parts()
    renamed = build_schema(NewCart, name='Basket', renamed_from='Cart')
    parts.shared.schemas.update(Basket=renamed)
    state = parts.state(exists=True)
    state.merge(read_as({'size': 40}, slice_id=OLD))
    basket, older = renamed.slice_id(), OlderVersions(state)
    assert older.older(basket) == [OLD]
    parts.shared.schemas.update(Cart=V1)
    assert older.older(basket) == []


async def test_a_migrated_slice_that_has_no_room_is_a_problem_and_stays_where_it_is() -> None:
    state = read_state(Parts(max_document_bytes=150), items=['x' * 60])
    found = OlderVersions(state).inherit(V2, '')
    assert found.problem is not None
    assert 'max_document_bytes' in found.problem.why
    assert (state.document.slice(NEW), len(state.pending)) == (None, 0)


def test_a_class_without_older_versions_is_asked_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: Any) -> Any:
        pytest.fail('asked for older versions')

    for name in ('find', 'find_parts', 'candidates'):
        monkeypatch.setattr(versions, name, asked)
    parts = Parts()
    parts.shared.schemas['Cart'] = V1
    state = parts.state(exists=True)
    older = OlderVersions(state)
    change(state, 'size', 1, OLD)
    older.merge(read_as({'size': 40}, slice_id=OLD))
    older.inherit_first(OLD)
    assert (older.older(OLD), older.inherit(V1, '').from_version, V1.has_older, V2.has_older) == ([], 1, False, True)
