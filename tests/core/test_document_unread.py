"""Changes accepted before the first read: the stored value wins, unless it was erased first."""

from __future__ import annotations

import msgspec
import pytest

from nicegui_stash.model.document import Document, Part, SliceId, new_document
from nicegui_stash.model.operations import Drop, Forget, Operation, Reset, Set, apply, settle_unread

from .writers import COUNTER, OTHER, PLACES, shown


def provisional(name: str, value: object, place: tuple[SliceId, Part] = PLACES[0], sequence: int = 1) -> Set:
    return Set(sequence, 0, 0, *place, name, msgspec.Raw(msgspec.json.encode(value)))


def stored_document() -> Document:
    document = new_document(epoch=3)
    document.ensure(COUNTER).reset = 5
    document.values(*PLACES[0])['items'] = msgspec.Raw(b'[1,2,3]')
    return document


@pytest.mark.proves('unreadable')
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
