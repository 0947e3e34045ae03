"""Collections inside of collections, copies of them, and what moves from one to another."""

from __future__ import annotations

import copy
import gc
import json
import operator
import pickle
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nicegui_stash.model import observed
from nicegui_stash.model.observed import observe, plain

from .listening import Field, Refused


@dataclass
class Item:
    tags: list[str]


@pytest.mark.parametrize('name', ['', 'another'])
def test_rows_that_are_made_of_others_are_taken_in_with_one_look_at_each(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    rows = Field([{'number': number, 'tags': ['a']} for number in range(300)]).value
    looked: list[Any] = []
    items = observed.items_of
    monkeypatch.setattr(observed, 'items_of', lambda content: looked.extend(items(content)) or items(content))
    Field([{**row} for row in rows], name)
    assert len(looked) < 5 * len(rows)


@pytest.mark.parametrize('names', [['picked', 'rows'], ['rows', 'picked']])
def test_a_row_in_two_places_notifies_its_field_from_both(names: list[str]) -> None:
    board = Field({'rows': [{'done': 0}]}).value
    new = {'picked': [board['rows'][0]], 'rows': board['rows']}
    field = Field({name: new[name] for name in names})
    field.value['picked'] = []
    field.value['rows'][0]['done'] = 1
    assert (field.value, field.told) == ({'picked': [], 'rows': [{'done': 1}]}, 2)


def test_a_row_that_comes_twice_within_lists_of_another_field_is_two_rows() -> None:
    first, second = Field([{'done': 0}, {'done': 0}]).value
    field = Field([[first], [first], [second], [second]], 'another')
    for row in (row for rows in field.value for row in rows):
        row['done'] += 1
    assert field.value == [[{'done': 1}]] * 4
    assert field.told == 4


def test_a_child_that_moved_within_a_field_still_notifies_it() -> None:
    field = Field([[1], [2]])
    child = field.value.pop(0)
    field.value.append(child)
    field.value.reverse()
    told = field.told
    child.append(3)
    assert field.value == [[1, 3], [2]]
    assert field.told == told + 1


def test_a_child_that_moved_to_another_field_notifies_that_one() -> None:
    old, new = Field([[1]]), Field([])
    child = old.value.pop()
    new.value.append(child)
    told = old.told
    child.append(2)
    assert (new.value, new.told) == ([[1, 2]], 2)
    assert (old.value, old.told) == ([], told)


def test_a_dict_in_a_dict_stays_the_same_object_when_another_content_is_shown() -> None:
    field = Field({'look': {'theme': 'light'}, 'old': {}})
    look = field.value['look']
    field.value.restore({'new': {}, 'look': {'theme': 'dark'}})
    assert field.value['look'] is look
    assert list(field.value.items()) == [('new', {}), ('look', {'theme': 'dark'})]
    told = field.told
    look['theme'] = 'blue'
    assert (field.value['look'], field.told) == ({'theme': 'blue'}, told + 1)


def test_a_dict_that_is_in_two_places_takes_two_contents() -> None:
    field = Field({'one': {'size': 1}})
    field.value['two'] = field.value['one']
    field.value.restore({'one': {'size': 2}, 'two': {'size': 3}})
    assert field.value == {'one': {'size': 2}, 'two': {'size': 3}}


def test_a_refused_change_gives_a_dict_its_own_children_back() -> None:
    field = Field({'look': {'theme': 'light'}})
    look = field.value['look']
    field.refusing = True
    with pytest.raises(Refused):
        field.value['look'] = {'theme': 'dark'}
    assert field.value['look'] is look
    assert look == {'theme': 'light'}


def test_children_follow_when_a_field_is_assigned_a_selection_of_them() -> None:
    old = Field([{'done': True}, {'done': False}])
    kept = old.value[1]
    new = Field([item for item in old.value if not item['done']])
    kept['done'] = True
    assert (new.value, new.told) == ([{'done': True}], 1)


def test_a_child_that_is_put_into_another_field_as_well_is_copied_there() -> None:
    one, two = Field([[1], [2]]), Field({})
    one_child = one.value[0]
    two.value['first'] = one_child
    two.value['both'] = [one.value[0], {'second': one.value[1]}]
    told = two.told
    one_child.append(3)
    one.value[1].append(4)
    assert (one.value, one.told) == ([[1, 3], [2, 4]], 2)
    assert (two.value, two.told) == ({'first': [1], 'both': [[1], {'second': [2]}]}, told)
    two.value['both'][1]['second'].append(5)
    assert (one.value, two.told) == ([[1, 3], [2, 4]], told + 1)


def test_a_field_that_is_assigned_what_another_holds_gets_copies() -> None:
    rows = Field([{'name': 'a', 'tags': ['x']}], 'rows')
    picked = Field([row for row in rows.value], 'picked')  # noqa: C416 as an app selects
    tags = Field([row['tags'] for row in rows.value], 'tags')
    rows.value[0]['name'] = 'b'
    rows.value[0]['tags'].append('y')
    assert (rows.value, rows.told) == ([{'name': 'b', 'tags': ['x', 'y']}], 2)
    assert (picked.value, tags.value) == ([{'name': 'a', 'tags': ['x']}], [['x']])
    picked.value[0]['tags'].append('z')
    assert (picked.told, tags.told, rows.told) == (1, 0, 2)


def test_a_child_that_is_in_the_next_value_of_its_field_twice_is_copied_once() -> None:
    old = Field([['x']])
    tags = old.value[0]
    rows = Field([{'tags': tags}, {'tags': tags}, {'more': [tags], 'others': [tags]}])
    assert rows.value[0]['tags'] is tags
    for found in (rows.value[0]['tags'], rows.value[1]['tags'], rows.value[2]['more'][0], rows.value[2]['others'][0]):
        told = rows.told
        found.append('y')
        assert rows.told == told + 1


def test_a_child_of_another_child_of_the_same_field_is_copied() -> None:
    rows = Field([{'tags': []}, {'tags': ['x']}])
    rows.value[0]['tags'] = rows.value[1]['tags']
    rows.value.pop(0)
    told = rows.told
    rows.value[0]['tags'].append('new')
    assert (rows.value, rows.told) == ([{'tags': ['x', 'new']}], told + 1)


def test_children_that_change_places_stay_what_they_are() -> None:
    field = Field([{'n': 2}, {'n': 1}, {'n': 3}])
    first, second, third = field.value
    field.value[0], field.value[1] = field.value[1], field.value[0]
    assert all(map(operator.is_, field.value, (second, first, third)))
    field.value.sort(key=lambda row: -row['n'])
    field.value[:] = field.value[1:] + field.value[:1]
    field.value.reverse()
    assert all(map(operator.is_, field.value, (third, second, first)))
    told = field.told
    for row in (first, second, third):
        row['n'] += 1
    assert field.told == told + 3


def test_what_is_inside_of_a_row_follows_into_the_row_that_replaces_it() -> None:
    field = Field([{'tags': ['x']}])
    tags = field.value[0]['tags']
    field.value[0] = {**field.value[0], 'done': True}
    tags.append('y')
    assert (field.value, field.told) == ([{'tags': ['x', 'y'], 'done': True}], 2)


def test_a_collection_that_a_refused_change_would_have_moved_still_notifies_its_field() -> None:
    rows, names = Field([{'tags': ['x']}]), Field([])
    row = rows.value[0]
    rows.refusing = names.refusing = True
    for change in (
        lambda: names.value.append(row),
        lambda: rows.value.__setitem__(0, {**row, 'done': 1}),
        lambda: rows.value.__setitem__(slice(0, 1), [[row['tags']]]),
    ):
        with pytest.raises(Refused):
            change()
    rows.refusing = False
    told = rows.told
    row['tags'].append('y')
    row['name'] = 'a'
    assert (rows.value, rows.told) == ([{'tags': ['x', 'y'], 'name': 'a'}], told + 2)


def test_a_child_that_was_taken_out_changes_no_field_that_is_gone() -> None:
    field = Field([[1]])
    child = field.value[0]
    del field
    gc.collect()
    child.append(2)
    assert child == [1, 2]


def test_the_value_of_one_field_put_into_another_is_copied_so_that_both_are_told_of_their_own() -> None:
    one, two = Field([1]), Field([])
    two.value.append(one.value)
    three = Field(one.value)
    told = (two.told, three.told)
    one.value.append(2)
    assert (one.value, one.told) == ([1, 2], 1)
    assert (two.value, three.value) == ([[1]], [1])
    assert (two.told, three.told) == told
    three.value.append(3)
    two.value[0].append(4)
    assert (one.value, two.value, three.value) == ([1, 2], [[1, 4]], [1, 3])
    assert (two.told, three.told) == (told[0] + 1, told[1] + 1)


def test_a_collection_cannot_contain_itself() -> None:
    field = Field([[1], {'a': []}])
    at = field.value
    for change in (lambda: at[0].append(at[0]), lambda: at[1]['a'].append(at[1]), lambda: at[1].update(b=at[1])):
        with pytest.raises(ValueError, match='cannot contain itself'):
            change()
    assert at == [[1], {'a': []}]
    assert field.told == 0
    at[0].append(2)
    at[1]['a'].append(3)
    assert (at, field.told) == ([[1, 2], {'a': [3]}], 2)


def test_the_value_of_a_field_cannot_be_put_into_itself_by_mistake() -> None:
    field = Field([1])
    with pytest.raises((ValueError, RecursionError)):
        field.value.append(field.value)
    assert field.value == [1]
    field.value.append(2)
    assert field.told == 1


def test_children_put_back_by_an_undone_change_still_notify_the_field() -> None:
    field = Field([[1], [2]])
    first = field.value[0]
    field.refusing = True
    with pytest.raises(Refused):
        field.value.clear()
    field.refusing = False
    told = field.told
    first.append(5)
    assert field.value == [[1, 5], [2]]
    assert field.told == told + 1


def test_observing_takes_a_copy_so_that_a_default_stays_as_it_is() -> None:
    default = {'a': [1]}
    field = Field(default)
    field.value['a'].append(2)
    assert default == {'a': [1]}


def test_other_values_are_left_as_they_are() -> None:
    for value in (5, 'text', None, (1, [2]), frozenset({1}), Item([])):
        assert observe(value, lambda: None) is value
        assert plain(value) is value


def pickled(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))  # noqa: S301 of our own making


@pytest.mark.parametrize('again', [copy.copy, copy.deepcopy, pickled, plain])
def test_copies_are_ordinary_collections_that_notify_no_field(again: Callable[[Any], Any]) -> None:
    field = Field({'a': [1, {'b': {2}}]})
    copied = again(field.value)
    assert copied == field.value
    assert (type(copied), type(copied['a']), type(copied['a'][1]), type(copied['a'][1]['b'])) == (dict, list, dict, set)
    copied['a'].append(5)
    assert field.value == {'a': [1, {'b': {2}}]}
    assert field.told == 0


def test_a_deep_copy_also_copies_other_objects() -> None:
    for value in ([Item(['x'])], {'a': Item(['x'])}, [[Item(['x'])]]):
        field = Field(value)
        copied = copy.deepcopy(field.value)
        assert copied == field.value
        found = copied
        while not isinstance(found, Item):
            found = found['a'] if isinstance(found, dict) else found[0]
        found.tags.append('y')
        assert copied != field.value


def test_collections_made_from_observed_ones_notify_no_field() -> None:
    lists, dicts, sets = Field([1]), Field({'a': 1}), Field({1})
    made: list[Any] = [lists.value[:], lists.value + lists.value, lists.value * 2, lists.value.copy()]
    made += [dicts.value | {'b': 2}, dicts.value.copy(), dict(dicts.value)]
    made += [sets.value | {2}, sets.value & {1}, sets.value - {2}, sets.value ^ {2}, sets.value.copy(), set(sets.value)]
    for collection in made:
        assert type(collection) in {list, dict, set}
        collection.clear()
    assert (lists.value, dicts.value, sets.value) == ([1], {'a': 1}, {1})
    assert lists.told == dicts.told == sets.told == 0


def test_observed_collections_are_written_as_json_like_others() -> None:
    field = Field({'a': [1, {'b': [None]}]})
    assert json.loads(json.dumps(field.value)) == field.value
    assert msgspec.json.encode(field.value) == b'{"a":[1,{"b":[null]}]}'
    assert msgspec.json.encode(Field({1}).value) == b'[1]'


def test_observed_collections_equal_others() -> None:
    for value in ([1, [2]], {'a': {'b': 1}}, {1, 2}):
        observed = Field(value).value
        assert observed == value
        assert value == observed
        assert repr(observed) == repr(value) or isinstance(value, set)
        assert not observed != value  # noqa: SIM202 the other operator is meant


def test_a_field_that_is_gone_is_not_kept_by_its_children() -> None:
    field = Field([[1]])
    child, root = field.value[0], weakref.ref(field.value)
    del field
    gc.collect()
    assert root() is None
    assert child == [1]


TREES = st.recursive(
    st.integers(0, 9),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from('abc'), below, max_size=3),
    max_leaves=10,
).filter(lambda tree: not isinstance(tree, int))


def collections_in(tree: Any) -> list[Any]:
    below = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    return ([tree] if isinstance(tree, (list, dict)) else []) + [found for at in below for found in collections_in(at)]


@given(TREES, st.data())
def test_any_sequence_of_changes_leaves_what_ordinary_collections_would_hold(tree: Any, data: st.DataObject) -> None:
    field, ordinary = Field(copy.deepcopy(tree)), copy.deepcopy(tree)
    for step in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(collections_in(ordinary)) - 1))
        ours, theirs = collections_in(field.value)[at], collections_in(ordinary)[at]
        new = data.draw(TREES)
        refused = data.draw(st.booleans())
        field.refusing = refused
        try:
            if isinstance(ours, dict):
                ours[f'new-{step}'] = copy.deepcopy(new)
            else:
                ours.insert(0, copy.deepcopy(new))
        except Refused:
            assert refused
        else:
            theirs.update({f'new-{step}': new}) if isinstance(theirs, dict) else theirs.insert(0, new)
        assert field.value == ordinary
        assert field.told == step + 1
