"""Collections behave like ordinary ones, tell their field of each change, and undo what it refuses."""

from __future__ import annotations

import copy
import gc
import json
import pickle
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nicegui_stash.observed import ObservedDict, ObservedList, ObservedSet, observe, plain

LISTS: dict[str, Callable[[list[Any]], Any]] = {
    'append': lambda at: at.append(9),
    'extend': lambda at: at.extend([8, 9]),
    'insert': lambda at: at.insert(1, 9),
    'pop': lambda at: at.pop(),
    'pop index': lambda at: at.pop(0),
    'remove': lambda at: at.remove(1),
    'clear': lambda at: at.clear(),
    'sort': lambda at: at.sort(),
    'sort by key': lambda at: at.sort(key=lambda value: -value),
    'sort backwards': lambda at: at.sort(reverse=True),
    'reverse': lambda at: at.reverse(),
    'set item': lambda at: at.__setitem__(0, 9),
    'set slice': lambda at: at.__setitem__(slice(0, 2), [7, 8, 9]),
    'set extended slice': lambda at: at.__setitem__(slice(0, 4, 2), [8, 9]),
    'delete item': lambda at: at.__delitem__(0),
    'delete slice': lambda at: at.__delitem__(slice(1, 3)),
    'add in place': lambda at: at.__iadd__([9]) and None,
    'multiply in place': lambda at: at.__imul__(2) and None,
}
DICTS: dict[str, Callable[[dict[str, Any]], Any]] = {
    'set item': lambda at: at.__setitem__('c', 9),
    'replace item': lambda at: at.__setitem__('a', 9),
    'delete item': lambda at: at.__delitem__('a'),
    'update': lambda at: at.update({'c': 8}, d=9),
    'update from pairs': lambda at: at.update([('c', 8)]),
    'pop': lambda at: at.pop('a'),
    'popitem': lambda at: at.popitem(),
    'clear': lambda at: at.clear(),
    'setdefault': lambda at: at.setdefault('c', 9),
    'setdefault to None': lambda at: at.setdefault('c'),
    'merge in place': lambda at: at.__ior__({'c': 9}) and None,
}
SETS: dict[str, Callable[[set[int]], Any]] = {
    'add': lambda at: at.add(9),
    'update': lambda at: at.update({8}, [9]),
    'discard': lambda at: at.discard(1),
    'remove': lambda at: at.remove(1),
    'pop': lambda at: at.pop() and None,
    'clear': lambda at: at.clear(),
    'difference_update': lambda at: at.difference_update({1}),
    'intersection_update': lambda at: at.intersection_update({1}),
    'symmetric_difference_update': lambda at: at.symmetric_difference_update({1, 9}),
    'or in place': lambda at: at.__ior__({9}) and None,
    'and in place': lambda at: at.__iand__({1}) and None,
    'subtract in place': lambda at: at.__isub__({1}) and None,
    'xor in place': lambda at: at.__ixor__({1, 9}) and None,
}
SAMPLES: dict[type, Any] = {list: [3, 1, 2, 4], dict: {'a': 1, 'b': 2}, set: {1, 2, 3}}
MUTATIONS = [
    pytest.param(kind, mutation, id=f'{kind.__name__}-{name}')
    for kind, mutations in ((list, LISTS), (dict, DICTS), (set, SETS))
    for name, mutation in mutations.items()
]


class Refused(Exception):
    pass


class Field:
    """What is told of changes, and refuses them while `refusing`."""

    def __init__(self, value: Any) -> None:
        self.told = 0
        self.refusing = False
        self.value = observe(value, self.changed)

    def changed(self) -> None:
        self.told += 1
        if self.refusing:
            raise Refused


@dataclass
class Item:
    tags: list[str]


@pytest.mark.parametrize(('kind', 'mutation'), MUTATIONS)
def test_every_way_to_change_a_collection_tells_its_field_once_and_does_what_it_always_does(
    kind: type, mutation: Callable[[Any], Any]
) -> None:
    ordinary = copy.copy(SAMPLES[kind])
    field = Field(copy.copy(SAMPLES[kind]))
    assert mutation(field.value) == mutation(ordinary)
    assert field.value == ordinary
    assert list(field.value) == list(ordinary)
    assert field.told == 1


@pytest.mark.parametrize(('kind', 'mutation'), MUTATIONS)
def test_every_change_that_is_refused_is_undone(kind: type, mutation: Callable[[Any], Any]) -> None:
    field = Field(copy.copy(SAMPLES[kind]))
    before = list(field.value)
    field.refusing = True
    with pytest.raises(Refused):
        mutation(field.value)
    assert field.value == SAMPLES[kind]
    assert list(field.value) == before


@pytest.mark.parametrize(('kind', 'mutation'), MUTATIONS)
def test_a_change_deep_inside_tells_the_field(kind: type, mutation: Callable[[Any], Any]) -> None:
    field = Field([{'x': [copy.copy(SAMPLES[kind])]}])
    mutation(field.value[0]['x'][0])
    assert field.told == 1
    field.refusing = True
    before = plain(field.value)
    with pytest.raises(Refused):
        field.value[0]['x'].append(0)
    assert field.value == before


def test_no_way_to_change_a_collection_was_forgotten() -> None:
    """Whatever differs from the reading half of the protocol is a change; a new Python may bring one more."""
    reading = {
        list: {'copy', 'count', 'index'},
        dict: {'copy', 'fromkeys', 'get', 'items', 'keys', 'values'},
        set: {
            *('copy', 'difference', 'intersection', 'isdisjoint', 'issubset', 'issuperset'),
            *('symmetric_difference', 'union'),
        },
    }
    for kind, observed in ((list, ObservedList), (dict, ObservedDict), (set, ObservedSet)):
        changing = {name for name in vars(kind) if not name.startswith('_')} - reading[kind]
        in_place = {name for name in vars(kind) if name.startswith('__i') and name not in {'__init__', '__iter__'}}
        changing |= in_place | {'__setitem__', '__delitem__'} & set(vars(kind))
        assert changing <= set(vars(observed))


@pytest.mark.parametrize(
    ('value', 'change', 'error'),
    [
        ([1], lambda at: at.remove(5), ValueError),
        ([1], lambda at: at.pop(5), IndexError),
        ([1, 'a', 3], lambda at: at.sort(), TypeError),
        ({}, lambda at: at.popitem(), KeyError),
        ({}, lambda at: at.__delitem__('a'), KeyError),
        (set(), lambda at: at.remove(1), KeyError),
        ({1}, lambda at: at.update([2, []]), TypeError),
    ],
)
def test_a_change_that_fails_by_itself_changes_nothing_and_is_not_told(
    value: Any, change: Callable[[Any], Any], error: type[Exception]
) -> None:
    field = Field(copy.copy(value))
    with pytest.raises(error):
        change(field.value)
    assert field.value == value
    assert field.told == 0


def test_reading_tells_nobody() -> None:
    field = Field([{'a': {1, 2}}, [1]])
    at = field.value
    assert (at[0], at[-1:], len(at), [1] in at, at.index([1]), at.copy(), at + at) is not None
    assert at[0].get('a') | {3} == {1, 2, 3}
    assert list(at[0].items()) == [('a', {1, 2})]
    assert field.told == 0


def test_what_is_put_in_is_observed_whatever_the_way() -> None:
    ways: list[Callable[[Any], Any]] = [
        lambda at: at.append([]),
        lambda at: at.extend([[]]),
        lambda at: at.insert(0, []),
        lambda at: at.__setitem__(slice(0, 0), [[]]),
        lambda at: at.__iadd__([[]]),
    ]
    for way in ways:
        field = Field([])
        way(field.value)
        field.value[0].append(1)
        assert (field.value, field.told) == ([[1]], 2)
    dict_ways: list[Callable[[Any], Any]] = [
        lambda at: at.__setitem__('a', []),
        lambda at: at.update(a=[]),
        lambda at: at.setdefault('a', []),
        lambda at: at.__ior__({'a': []}),
    ]
    for way in dict_ways:
        field = Field({})
        way(field.value)
        field.value['a'].append(1)
        assert (field.value, field.told) == ({'a': [1]}, 2)


def test_setdefault_returns_the_collection_that_is_in_the_field() -> None:
    field = Field({})
    field.value.setdefault('a', []).append(1)
    field.value.setdefault('a', []).append(2)
    assert field.value == {'a': [1, 2]}
    assert field.told == 3


def test_setdefault_of_a_key_that_is_there_is_no_change() -> None:
    field = Field({'a': None})
    assert field.value.setdefault('a', 5) is None
    assert field.told == 0


def test_a_child_that_moved_within_a_field_still_tells_it() -> None:
    field = Field([[1], [2]])
    child = field.value.pop(0)
    field.value.append(child)
    field.value.reverse()
    told = field.told
    child.append(3)
    assert field.value == [[1, 3], [2]]
    assert field.told == told + 1


def test_a_child_that_moved_to_another_field_tells_that_one() -> None:
    old, new = Field([[1]]), Field([])
    child = old.value.pop()
    new.value.append(child)
    told = old.told
    child.append(2)
    assert (new.value, new.told) == ([[1, 2]], 2)
    assert (old.value, old.told) == ([], told)


def test_children_follow_when_a_field_is_assigned_a_selection_of_them() -> None:
    old = Field([{'done': True}, {'done': False}])
    kept = old.value[1]
    new = Field([item for item in old.value if not item['done']])
    kept['done'] = True
    assert (new.value, new.told) == ([{'done': True}], 1)


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


def test_children_put_back_by_an_undone_change_still_tell_the_field() -> None:
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
def test_copies_are_ordinary_collections_that_tell_nobody(again: Callable[[Any], Any]) -> None:
    field = Field({'a': [1, {'b': {2}}]})
    copied = again(field.value)
    assert copied == field.value
    assert (type(copied), type(copied['a']), type(copied['a'][1]), type(copied['a'][1]['b'])) == (dict, list, dict, set)
    copied['a'].append(5)
    assert field.value == {'a': [1, {'b': {2}}]}
    assert field.told == 0


def test_a_deep_copy_copies_also_what_is_no_collection() -> None:
    for value in ([Item(['x'])], {'a': Item(['x'])}, [[Item(['x'])]]):
        field = Field(value)
        copied = copy.deepcopy(field.value)
        assert copied == field.value
        found = copied
        while not isinstance(found, Item):
            found = found['a'] if isinstance(found, dict) else found[0]
        found.tags.append('y')
        assert copied != field.value


def test_collections_made_from_observed_ones_tell_nobody() -> None:
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
