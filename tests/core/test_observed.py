"""Collections behave like ordinary ones, notify their field of each change, and undo a refused one."""

from __future__ import annotations

import copy
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from typing import Any

import pytest
from nicegui.observables import ObservableList

from nicegui_stash.model.observed import ObservedDict, ObservedList, ObservedSet, plain

from .listening import Field, Refused

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


@pytest.mark.parametrize(('kind', 'mutation'), MUTATIONS)
def test_every_way_to_change_a_collection_notifies_its_field_once_and_works_as_usual(
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
def test_a_change_deep_inside_notifies_the_field(kind: type, mutation: Callable[[Any], Any]) -> None:
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
def test_a_change_that_raises_changes_nothing_and_notifies_no_field(
    value: Any, change: Callable[[Any], Any], error: type[Exception]
) -> None:
    field = Field(copy.copy(value))
    with pytest.raises(error):
        change(field.value)
    assert field.value == value
    assert field.told == 0


def test_reading_notifies_no_field() -> None:
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


class Texts(list[str]):
    pass


class Numbers(set[int]):
    pass


@pytest.mark.parametrize(
    ('value', 'change'),
    [
        (Texts(['a']), lambda at: at.append('b')),
        (Counter('aab'), lambda at: at.update(c=1)),
        (OrderedDict(a=1), lambda at: at.pop('a')),
        (Numbers({1}), lambda at: at.add(2)),
        (ObservableList(['a']), lambda at: at.append('b')),
    ],
)
def test_a_collection_of_another_class_is_held_as_what_would_come_back(
    value: Any, change: Callable[[Any], Any]
) -> None:
    for put in (
        lambda: Field([copy.copy(value)]),
        lambda: Field({'a': copy.copy(value)}),
        lambda: Field([1, Field([]).value, copy.copy(value)]),
    ):
        field = put()
        held = field.value['a'] if isinstance(field.value, dict) else field.value[-1]
        assert type(held) in {ObservedList, ObservedDict, ObservedSet}
        assert held == value
        change(held)
        assert field.told == 1
    field = Field(copy.copy(value))
    change(field.value)
    field = Field([])
    field.value.append(copy.copy(value))
    change(field.value[0])
    assert field.told == 2


def test_groups_that_are_made_by_a_defaultdict_are_observed_inside() -> None:
    groups: dict[str, Any] = defaultdict(lambda: defaultdict(list))
    groups['a']['b'].append(1)
    field = Field(groups)
    field.value['a']['b'].append(2)
    assert (field.value, field.told) == ({'a': {'b': [1, 2]}}, 1)


def test_a_dict_that_is_made_of_keys_is_an_ordinary_one() -> None:
    made = Field({}).value.fromkeys(['a', 'b'], 0)
    assert (type(made), made) == (dict, {'a': 0, 'b': 0})


def test_setdefault_returns_the_collection_that_is_in_the_field() -> None:
    field = Field({})
    field.value.setdefault('a', []).append(1)
    field.value.setdefault('a', []).append(2)
    assert field.value == {'a': [1, 2]}
    assert field.told == 3


def test_setdefault_of_an_existing_key_is_not_a_change() -> None:
    field = Field({'a': None})
    assert field.value.setdefault('a', 5) is None
    assert field.told == 0
