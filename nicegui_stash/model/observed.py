"""Lists, dicts and sets that notify their field of changes in place.

A change that does not fit the field is undone before the error reaches the caller.
"""

# pyright: reportUnknownMemberType=false
# The app decides what a collection holds.

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import wraps
from types import NoneType
from typing import Any, Final, NamedTuple, Protocol, TypeVar, cast
from uuid import UUID

M = TypeVar('M', bound=Callable[..., Any])


class Change(NamedTuple):
    """What changed in a collection: from index or key `at` on, `added` items are where the `removed` ones were.

    Where `at` is `None`, anything may have changed, and `removed` has all that was there.
    """

    removed: Any
    at: Any = None
    added: int = 0


Announce = Callable[[Any, Change], None]
"""Gets the collection that was changed, and the change."""
Known = dict[int, tuple[Any, set[int]]]
"""By id of a collection: the collection, and the ids of its items."""

KINDS: Final[tuple[type, ...]] = (list, dict, set)
_IN_PLACE: Final = object()
"""Stands for the field while an item is put into a collection: only an assignment gives a field a new value."""


_ANY: Final = object()
"""Stands for all keys of a dict."""


class Undo(Exception):
    """Raised by `announce`: the change is undone, and its caller hears nothing, as where a binding made it."""


class Observed(Protocol):
    """A collection in a field's value. `parent` is the collection around it.

    Only the whole value has `announce`, which notifies its field of a changed collection, and `field`, which identifies
    it.
    """

    parent: weakref.ref[Any] | None
    announce: Announce | None
    field: object

    def restore(self, content: Any) -> None: ...
    def adopt(self, field: object = ..., known: Known | None = ...) -> None: ...


def observe(value: Any, announce: Announce, field: object = None) -> Any:
    """Return a copy of a list, dict or set that calls `announce` after each change in place; other values as they are.

    An observed value is copied too, since it notifies another field. Inner collections of another field are copied as
    well; those of an earlier value of the same field move along.
    """
    observed = _wrap(plain(value), field)
    if observed is not value:
        observed.announce = announce
        observed.field = field
    return observed


def plain(value: Any) -> Any:
    """Return a copy with ordinary collections in place of observed ones."""
    if isinstance(value, ObservedDict):
        content = cast(dict[Any, Any], value)
        return {key: plain(item) for key, item in content.items()} if _holds_any(content.values()) else dict(content)
    if isinstance(value, ObservedList):
        items = cast(list[Any], value)
        return [plain(item) for item in items] if _holds_any(items) else list(items)
    if isinstance(value, ObservedSet):
        return set(cast(set[Any], value))
    return value


def _wrap(value: object, field: object = _IN_PLACE, known: Known | None = None) -> Any:
    kind = cast(type, type(value))
    make = _OBSERVED.get(kind)
    if make is None and kind not in _COLLECTIONS:  # such as a defaultdict, which would decode to a dict
        make = next((_OBSERVED[base] for base in KINDS if issubclass(kind, base)), None)
    return value if make is None else make(value, field, known)


def whole_of(collection: Any) -> Any:
    """Return the whole value that an observed collection is in, `None` if it was taken out of it."""
    while collection.announce is None:
        above = collection.parent() if collection.parent is not None else None
        if above is None or not any(item is collection for item in items_of(above)):
            return None
        collection = above
    return collection


def taken_out(change: Change, collection: Any) -> list[Any]:
    """Return the lists and dicts that a collection held before, and holds no longer; none of a list of other items."""
    before = change.removed
    if not before:
        return []
    first = cast(list[Any], before)[:1] if isinstance(before, list) else before
    if isinstance(before, set) or not _holds_any(items_of(first)):
        return []
    held = set(map(id, items_of(collection)))
    return [
        item for item in items_of(before) if isinstance(item, (ObservedList, ObservedDict)) and id(item) not in held
    ]


def is_inside(collection: Any, whole: Any) -> bool:
    """Whether an observed collection is a value, or still somewhere in it."""
    return whole_of(collection) is whole


def is_ordinary(value: object) -> bool:
    """Whether a value is a plain or observed list, dict or set, not a subclass of the app's."""
    return type(value) in _COLLECTIONS


def _announce(changed: Any, change: Change) -> None:
    collection = changed
    while collection.announce is None and collection.parent is not None:
        above = collection.parent()
        if above is None:
            return  # it was taken out of its field: there is none to notify
        collection = above
    if collection.announce is not None:
        collection.announce(changed, change)


def _announcing(method: M) -> M:
    @wraps(method)
    def announcing(self: Any, *args: Any, **kwargs: Any) -> Any:
        before = self.snapshot()
        try:
            result = method(self, *args, **kwargs)
            if kwargs or not _LEAVES.issuperset(map(type, args)):  # else no collection has come in
                self.adopt()
            _announce(self, Change(before))
        except BaseException as error:
            _reclaim(self, before)
            self.restore(before)
            if isinstance(error, Undo):
                return None
            raise
        return result

    return cast(M, announcing)


def _splicing(method: M, place: Callable[..., tuple[int, int] | None]) -> M:
    """Announce a change of a few items of a list, without looking at the others.

    `place` returns where the change is and how many items it removes, `None` where that cannot be said beforehand.
    """
    otherwise = _announcing(method)

    @wraps(method)
    def splicing(self: Any, *args: Any) -> Any:
        found = place(self, *args)
        if found is None:
            return otherwise(self, *args)
        at, count = found
        length, removed = len(self), cast(list[Any], self[at : at + count])
        try:
            result = method(self, *args)
            added = len(self) - length + count
            if not _LEAVES.issuperset(map(type, args)):
                self.adopt(start=at, stop=at + added)
            _announce(self, Change(removed, at, added))
        except BaseException as error:
            _reclaim(self, removed)
            list.__setitem__(self, slice(at, at + len(self) - length + count), removed)
            if isinstance(error, Undo):
                return None
            raise
        return result

    return cast(M, splicing)


def _index(self: list[Any], index: object) -> int | None:
    """Return the index of an item, counted from the start of a list; `None` for anything else."""
    if type(index) is not int or not -len(self) <= index < len(self):
        return None
    return index % len(self)


def _at_end(self: list[Any], *_: Any) -> tuple[int, int]:
    return len(self), 0


def _at_index(self: list[Any], index: object = -1, *_: Any) -> tuple[int, int] | None:
    at = _index(self, index)
    return None if at is None else (at, 1)


def _before_index(self: list[Any], index: object = None, *_: Any) -> tuple[int, int] | None:
    if type(index) is int and index >= len(self):
        return len(self), 0
    at = _index(self, index)
    return None if at is None else (at, 0)


def _setting(method: M) -> M:
    """Announce a change of one entry of a dict, without looking at the others."""

    @wraps(method)
    def setting(self: Any, key: Any, value: Any, /) -> None:
        held = {key: self[key]} if key in self else dict[Any, Any]()
        try:
            method(self, key, value)
            if type(value) not in _LEAVES:
                self.adopt(only=key)
            _announce(self, Change(held, key, 1))
        except BaseException as error:
            _reclaim(self, held)
            if held:
                method(self, key, held[key])
            else:
                dict.pop(self, key, None)
            if not isinstance(error, Undo):
                raise

    return cast(M, setting)


def _reclaim(parent: Any, content: Any) -> None:
    """Reconnect all inner collections to this parent: the undone change may have moved some of them."""
    me = weakref.ref(parent)
    for item in items_of(content):
        if isinstance(item, (ObservedList, ObservedDict, ObservedSet)):
            item.parent = me
            _reclaim(item, item)


def _adopt(parent: Any, item: Any, field: object, known: Known) -> Any:
    if isinstance(item, (ObservedList, ObservedDict, ObservedSet)):
        above: Any = parent
        while above is not None:
            if above is item:
                raise ValueError('a collection cannot contain itself')
            above = above.parent() if above.parent is not None else None
        if item.announce is not None or _is_held(item, field, known):  # it goes on notifying that field
            item = plain(item)
        else:
            _take_along(item, field, known)
    observed = _wrap(item, field, known)
    if isinstance(observed, (ObservedList, ObservedDict, ObservedSet)):
        observed.parent = weakref.ref(parent)
    return observed


def _take_along(collection: Any, field: object, known: Known) -> None:
    """Copy those items of a moving collection that have a place elsewhere already."""
    collection.adopt(field, known)
    for item in items_of(collection):
        if isinstance(item, (ObservedList, ObservedDict)):
            _take_along(item, field, known)


def _is_held(collection: Any, field: object, known: Known) -> bool:
    """Whether a collection is part of a value that stays, neither taken out nor a former value of `field`."""
    if collection.announce is not None:
        return collection.field != field
    if collection.parent is None:
        return True  # part of the value under construction
    above = collection.parent()
    if above is None:
        return False
    if id(above) not in known:
        known[id(above)] = above, set(map(id, items_of(above))) if _is_held(above, field, known) else set()
    return id(collection) in known[id(above)][1]


def _note(known: Known, collection: Any, item: Any) -> None:
    """Add an item to the known items of a collection."""
    if id(collection) in known:
        known[id(collection)][1].add(id(item))


def items_of(content: Any) -> Iterable[Any]:
    """Iterate over the items of a list or set, or the values of a dict."""
    return cast(dict[Any, Any], content).values() if isinstance(content, dict) else cast(Iterable[Any], content)


class ObservedList(list[Any]):
    """A list that notifies its field of changes."""

    __slots__ = ('__weakref__', 'announce', 'field', 'parent')

    def __init__(self, content: list[Any], field: object = _IN_PLACE, known: Known | None = None) -> None:
        super().__init__(content)
        self.parent: weakref.ref[Any] | None = None
        self.announce: Announce | None = None
        self.adopt(field, known)

    def adopt(
        self, field: object = _IN_PLACE, known: Known | None = None, start: int = 0, stop: int | None = None
    ) -> None:
        items = self if stop is None else self[start:stop]
        if not _holds_any(items):
            return
        me, known = weakref.ref(self), Known() if known is None else known
        for index, item in enumerate(items, start):
            if getattr(item, 'parent', None) is not me and isinstance(item, KINDS):
                list.__setitem__(self, index, made := _adopt(self, item, field, known))
                _note(known, self, made)

    def snapshot(self) -> list[Any]:
        return list(self)

    def restore(self, content: list[Any]) -> None:
        list.__setitem__(self, slice(None), content)
        self.adopt()

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (plain(self),)

    def __deepcopy__(self, memo: dict[int, Any]) -> list[Any]:
        return copy.deepcopy(cast(list[Any], plain(self)), memo)


class ObservedDict(dict[Any, Any]):
    """A dict that notifies its field of changes."""

    __slots__ = ('__weakref__', 'announce', 'field', 'parent')

    def __init__(self, content: dict[Any, Any], field: object = _IN_PLACE, known: Known | None = None) -> None:
        super().__init__(content)
        self.parent: weakref.ref[Any] | None = None
        self.announce: Announce | None = None
        self.adopt(field, known)

    def adopt(self, field: object = _IN_PLACE, known: Known | None = None, only: object = _ANY) -> None:
        entries = self if only is _ANY else {only: self[only]}
        if not _holds_any(entries.values()):
            return
        me, known = weakref.ref(self), Known() if known is None else known
        for key, item in entries.items():
            if getattr(item, 'parent', None) is not me and isinstance(item, KINDS):
                dict.__setitem__(self, key, made := _adopt(self, item, field, known))
                _note(known, self, made)

    def setdefault(self, key: Any, default: Any = None, /) -> Any:
        if key not in self:
            self[key] = default
        return self[key]  # the observed collection, not the given one

    @classmethod
    def fromkeys(cls, keys: Iterable[Any], value: Any = None, /) -> dict[Any, Any]:
        return dict.fromkeys(keys, value)

    def snapshot(self) -> dict[Any, Any]:
        return dict(self)

    def restore(self, content: dict[Any, Any]) -> None:
        """Take this content. Update dicts inside in place, since elements may be bound to their entries."""
        kept: dict[int, Any] = {}
        merged = dict(content)
        for key, item in content.items():
            held = self.get(key)
            if type(item) is dict and isinstance(held, ObservedDict) and id(held) not in kept:
                held.restore(cast(dict[Any, Any], item))
                kept[id(held)] = merged[key] = held
        dict.clear(self)
        dict.update(self, merged)
        self.adopt()

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (plain(self),)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[Any, Any]:
        return copy.deepcopy(cast(dict[Any, Any], plain(self)), memo)


class ObservedSet(set[Any]):
    """A set that notifies its field of changes."""

    __slots__ = ('announce', 'field', 'parent')  # a set supports weak references already

    def __init__(self, content: set[Any], *_: object) -> None:
        super().__init__(content)
        self.parent: weakref.ref[Any] | None = None
        self.announce: Announce | None = None

    def adopt(self, *_: object) -> None:
        """Do nothing: items of a set are hashable, so none is an observed collection."""

    def snapshot(self) -> set[Any]:
        return set(self)

    def restore(self, content: set[Any]) -> None:
        set.clear(self)
        set.update(self, content)

    def __reduce__(self) -> tuple[Any, ...]:
        return set, (set(self),)

    def __deepcopy__(self, memo: dict[int, Any]) -> set[Any]:
        return copy.deepcopy(set(self), memo)


_OBSERVED: dict[type, Callable[..., Any]] = {list: ObservedList, dict: ObservedDict, set: ObservedSet}
_COLLECTIONS = frozenset({*_OBSERVED, ObservedList, ObservedDict, ObservedSet})
_LEAVES = frozenset({str, int, float, bool, NoneType, bytes, date, datetime, time, timedelta, Decimal, UUID})
"""The types of most items."""


def is_flat(items: Iterable[Any]) -> bool:
    """Whether all items are of types without parts. A loop in C: it runs at each change, and most lists are flat."""
    return _LEAVES.issuperset(map(type, items))


def _holds_any(items: Iterable[Any]) -> bool:
    """Whether any item is a collection."""
    return not is_flat(items) and any(isinstance(item, KINDS) for item in items)


_MUTATORS: dict[type, tuple[str, ...]] = {
    ObservedList: (
        'append',
        'clear',
        'extend',
        'insert',
        'pop',
        'remove',
        'reverse',
        'sort',
        '__delitem__',
        '__iadd__',
        '__imul__',
        '__setitem__',
    ),
    ObservedDict: ('clear', 'pop', 'popitem', 'update', '__delitem__', '__ior__', '__setitem__'),
    ObservedSet: (
        'add',
        'clear',
        'difference_update',
        'discard',
        'intersection_update',
        'pop',
        'remove',
        'symmetric_difference_update',
        'update',
        '__iand__',
        '__ior__',
        '__isub__',
        '__ixor__',
    ),
}
for _cls, _names in _MUTATORS.items():
    for _name in _names:
        setattr(_cls, _name, _announcing(getattr(_cls, _name)))
_PLACES: dict[str, Callable[..., tuple[int, int] | None]] = {
    'append': _at_end,
    'extend': _at_end,
    'insert': _before_index,
    'pop': _at_index,
    '__delitem__': _at_index,
    '__iadd__': _at_end,
    '__setitem__': _at_index,
}
for _name, _place in _PLACES.items():
    setattr(ObservedList, _name, _splicing(getattr(list, _name), _place))
ObservedDict.__setitem__ = _setting(dict[Any, Any].__setitem__)
