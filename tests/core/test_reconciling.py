"""A collection that changes elsewhere gets the new content, and the same rows stay the same objects."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nicegui_stash.model.changed_rows import changed_rows
from nicegui_stash.model.codec import Codec
from nicegui_stash.model.observed import is_inside, observe, plain
from nicegui_stash.model.reconciling import Changes, are_in_place, reconcile, reconcile_rows

from .listening import Field


def became(held: Any, content: Any, **options: Any) -> Changes:
    """Reconcile, and require that all of it is as the content is, down to types and the order of keys."""
    changes = reconcile(held, deepcopy(content), **options)
    assert changes is not None
    assert repr(plain(held)) == repr(content)
    return changes


def test_rows_are_found_by_their_id_wherever_they_are() -> None:
    rows = Field([{'id': 1, 'name': 'bolt'}, {'id': 2, 'name': 'nut'}, {'id': 3, 'name': 'pin'}]).value
    bolt, nut, pin = rows
    changes = became(rows, [{'id': 3, 'name': 'pin'}, {'id': 4, 'name': 'cap'}, {'id': 1, 'name': 'BOLT'}])
    assert rows[0] is pin
    assert rows[2] is bolt
    assert (changes.entries, changes.gone) == ([(bolt, ['name'])], [nut])


def test_another_key_may_identify_rows() -> None:
    rows = Field([{'id': 1, 'sku': 'a'}, {'id': 2, 'sku': 'b'}]).value
    first, second = rows
    became(rows, [{'id': 1, 'sku': 'b'}, {'id': 2, 'sku': 'a'}], row_key='sku')
    assert rows[0] is second
    assert rows[1] is first


@pytest.mark.parametrize('spoilt', [{'name': 'x'}, {'id': 1}, {'id': []}])
def test_rows_that_nothing_identifies_are_the_same_by_position_after_equal_ones_at_both_ends(
    spoilt: dict[str, Any],
) -> None:
    content: list[dict[str, Any]] = [{'id': 1, 'a': 1}, {'id': 2, 'a': 2}, {'id': 3, 'a': 3}, spoilt]
    rows = Field(content).value
    first, second, third, last = rows
    became(rows, [content[0], content[2], spoilt])
    assert [rows[0] is first, rows[1] is third, rows[2] is last] == [True] * 3
    became(rows, [content[0], {'id': 9, 'a': 9}, spoilt])
    assert rows[1] is third
    became(rows, [{'id': 7, 'a': 7}, *[plain(row) for row in rows]])
    assert [rows[1] is first, rows[2] is third, rows[3] is last] == [True] * 3
    assert not is_inside(second, rows)


def test_what_is_nested_stays_the_same_object_too() -> None:
    board = Field({'todo': [{'id': 1, 'tags': ['a'], 'by': {'name': 'Ann'}}], 'done': []}).value
    card = board['todo'][0]
    tags, by = card['tags'], card['by']
    changes = became(board, {'todo': [{'id': 1, 'tags': ['a', 'b'], 'by': {'name': 'Bob'}}], 'done': [{'id': 2}]})
    assert board['todo'][0] is card
    assert [card['tags'] is tags, card['by'] is by] == [True, True]
    assert changes.entries == [(by, ['name']), (card, ['tags', 'by']), (board, ['todo', 'done'])]


@pytest.mark.parametrize(
    ('before', 'after'),
    [
        (1, True),
        (1, 1.0),
        (datetime(2030, 1, 1, 12, tzinfo=UTC), datetime(2030, 1, 1, 13, tzinfo=timezone(timedelta(hours=1)))),
        ([1], [True]),
        ({'a': 1, 'b': 2}, {'b': 2, 'a': 1}),
        ('a', None),
        ({1}, {2}),
        ([{'a': 1}], {'a': 1}),
    ],
)
def test_values_that_are_equal_or_of_another_kind_are_told_apart(before: Any, after: Any) -> None:
    for make in (lambda value: [{'x': value}], lambda value: {'x': value}, lambda value: [value]):
        make: Callable[[Any], Any]
        became(Field(make(before)).value, make(after))


def test_a_value_of_another_kind_takes_the_place_of_the_whole() -> None:
    assert reconcile(Field([1]).value, {'a': 1}) is None
    assert reconcile(3, 4) is None


def test_a_row_that_came_tells_its_field_and_one_that_went_is_not_inside_any_more() -> None:
    field = Field([{'id': 1}])
    (gone,) = field.value
    became(field.value, [{'id': 2}])
    field.value[0]['id'] = 3
    assert field.told == 1
    assert not is_inside(gone, field.value)
    assert is_inside(field.value[0], field.value)


@dataclass
class Item:
    id: int
    name: str = ''


def test_objects_in_a_list_stay_unless_they_changed() -> None:
    rows = Field([Item(1), Item(2)]).value
    first, second = rows
    changes = reconcile(rows, [Item(2, 'b'), Item(1)])
    assert changes is not None
    assert rows == [Item(2, 'b'), Item(1)]
    assert rows[1] is first
    assert changes.replaced == [(second, Item(2, 'b'))]
    assert second == Item(2)  # an app may have put it elsewhere


def test_what_json_does_not_know_is_replaced() -> None:
    one, other = complex(1), complex(1)
    held = observe({'a': one}, lambda *_: None)
    reconcile(held, {'a': other})
    assert held['a'] is other


# ---- two tabs

LEAVES = st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(['', 'a', 'b'])
ROWS = st.lists(st.dictionaries(st.sampled_from(['name', 'qty']), LEAVES | st.lists(LEAVES, max_size=2)), max_size=5)
EDITS = st.tuples(st.sampled_from(['left', 'right']), st.integers(0, 9), st.integers(0, 5), LEAVES)


class Tab:
    """What one tab shows of a list that is stored elsewhere, as JSON."""

    def __init__(self, content: list[dict[str, Any]]) -> None:
        self.rows: Any = observe(deepcopy(content), lambda *_: None)

    def edit(self, kind: int, at: int, value: Any, new_id: int | None) -> None:
        at = at % max(1, len(self.rows))
        made = {'name': value} if new_id is None else {'id': new_id, 'name': value}
        if kind == 0 or not self.rows:
            self.rows.insert(at, made)
        elif kind == 1:
            del self.rows[at]
        elif kind == 2:
            self.rows.reverse()
        elif kind == 3:
            self.rows.append(self.rows.pop(at))
        elif kind == 4:
            self.rows[at].setdefault('tags', [])
            self.rows[at]['tags'] = [value]
        else:
            self.rows[at]['qty'] = value

    def stored(self) -> bytes:
        return msgspec.json.encode(self.rows)


@given(ROWS, st.lists(EDITS, max_size=12), st.booleans())
def test_after_any_changes_in_two_tabs_both_show_the_same_and_no_row_that_stayed_is_another_object(
    content: list[dict[str, Any]], edits: list[tuple[str, int, int, Any]], has_ids: bool
) -> None:
    if has_ids:
        content = [{'id': number, **row} for number, row in enumerate(content)]
    tabs = {'left': Tab(content), 'right': Tab(content)}
    for number, (name, kind, at, value) in enumerate(edits):
        here, there = tabs[name], tabs['right' if name == 'left' else 'left']
        here.edit(kind, at, value, 100 + number if has_ids else None)
        before = list(there.rows)
        changes = reconcile(there.rows, json.loads(here.stored()))
        assert changes is not None
        assert repr(plain(there.rows)) == repr(json.loads(here.stored()))
        if has_ids:
            stayed = {row['id']: row for row in before if any(row['id'] == each['id'] for each in there.rows)}
            assert all(each is stayed.get(each['id'], each) for each in there.rows)
        if len(before) == len(there.rows) and not has_ids:
            assert all(one is other for one, other in zip(before, there.rows, strict=True))
        assert [id(row) for row in changes.gone if isinstance(row, dict)] == [
            id(row) for row in before if not any(row is each for each in there.rows)
        ]
        assert all(is_inside(row, there.rows) for row in there.rows)


CODEC = Codec('rows', list[dict[str, Any]])


@given(ROWS, st.lists(EDITS, max_size=8), st.booleans())
def test_only_the_rows_whose_json_differs_are_decoded_and_the_list_becomes_the_same(
    content: list[dict[str, Any]], edits: list[tuple[str, int, int, Any]], has_ids: bool
) -> None:
    if has_ids:
        content = [{'id': number, **row} for number, row in enumerate(content)]
    here, there = Tab(content), Tab(content)
    for number, (_, kind, at, value) in enumerate(edits):
        before, held, whole = msgspec.Raw(here.stored()), list(there.rows), Tab(plain(there.rows))
        here.edit(kind, at, value, 100 + number if has_ids else None)
        after = msgspec.Raw(here.stored())
        rows, decoded = changed_rows(CODEC, before, after), CODEC.decode(after)
        expected = reconcile(whole.rows, CODEC.decode(after))
        assert expected is not None
        if rows is None or not are_in_place(there.rows, rows):
            reconcile(there.rows, decoded)
        else:
            changes = reconcile_rows(there.rows, rows)
            assert all(one is other for one, other in zip(held, there.rows, strict=True))
            assert [keys for _, keys in changes.entries] == [keys for _, keys in expected.entries]
        assert repr(plain(there.rows)) == repr(plain(whole.rows)) == repr(decoded)
        assert all(is_inside(row, there.rows) for row in there.rows)


def test_lists_of_another_length_or_with_values_that_change_without_notice_are_decoded_whole() -> None:
    one, two = msgspec.Raw(b'[{"id":1}]'), msgspec.Raw(b'[{"id":1},{"id":2}]')
    assert changed_rows(CODEC, one, two) is None
    assert changed_rows(CODEC, msgspec.Raw(b''), one) is None
    assert changed_rows(CODEC, msgspec.Raw(b'{"id":1}'), one) is None
    assert changed_rows(CODEC, one, msgspec.Raw(b'[3]')) is None
    assert changed_rows(Codec('items', list[Item]), one, msgspec.Raw(b'[{"id":2}]')) is None
    assert changed_rows(CODEC, two, msgspec.Raw(b'[{"id":1},{"id":3}]')) == {1: {'id': 3}}
    assert not are_in_place(Field([]).value, {0: {'id': 1}})


def test_a_row_that_takes_the_place_of_another_value_tells_its_field() -> None:
    field = Field([{'a': 1}, None])
    reconcile_rows(field.value, {1: {'b': 2}})
    field.value[1]['b'] = 3
    assert (field.told, field.value) == (1, [{'a': 1}, {'b': 3}])
