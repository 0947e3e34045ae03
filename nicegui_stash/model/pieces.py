"""The JSON of a list or dict in pieces, so that a change of one item encodes that item, and nothing else.

The pieces are joined when somebody needs the whole: at the put, or where another page shows it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, compress, count, repeat
from operator import is_
from typing import Any, Final, cast

import msgspec
from msgspec import Raw

from ..errors import ValueNotStorable
from .codec import Codec
from .observed import Change, ObservedDict, ObservedList, items_of

LEAST_BYTES: Final = 1024
"""Shorter JSON is encoded whole, which costs as little."""
MOST_BYTES: Final = 2048
MOST_ITEMS: Final = 64
"""The usual size of a piece. A piece without a change may have any size, and an item is never divided."""

Body = bytes | memoryview
"""The JSON of some items or entries, without what encloses them."""

_items: Final = msgspec.json.Decoder(list[Raw])
_entries: Final = msgspec.json.Decoder(dict[str, Raw])
_ENDS: Final = {b'['[0]: (b'[', b']'), b'{'[0]: (b'{', b'}')}


class Pieces:
    """The JSON of one value; it never changes. Its length is that of the joined JSON, and `count` that of the value."""

    __slots__ = ('_bodies', '_counts', '_ends', '_length', '_raw', 'count')

    def __init__(
        self, ends: tuple[bytes, bytes], bodies: list[Body], counts: list[int], count: int, length: int
    ) -> None:
        """`count` is the sum of all counts, `length` that of all bodies, commas and ends."""
        self._ends = ends
        self._bodies = bodies
        self._counts = counts
        self._length = length
        self._raw: Raw | None = None
        self.count = count

    @classmethod
    def of(cls, raw: Raw, length: int) -> Pieces | None:
        """Begin with one piece, the JSON of a list or dict of `length` items; `None` if it is too short for more."""
        view = memoryview(raw)
        if view.nbytes < LEAST_BYTES or not length or view[0] not in _ENDS:
            return None
        return cls(_ENDS[view[0]], [view[1:-1]], [length], length, view.nbytes)

    def __len__(self) -> int:
        return self._length

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (Pieces, Raw)):
            return NotImplemented
        return self is other or (self._length == len(other) and self.raw() == joined(other))

    __hash__ = None  # type: ignore[assignment]  # as it equals a Raw

    def raw(self) -> Raw:
        """Return the JSON in one piece. From then on the pieces are parts of it, so that no byte is kept twice."""
        if self._raw is None:
            opening, closing = self._ends
            bodies = self._bodies.copy() or [b'']
            bodies[0] = opening + bodies[0]
            bodies[-1] = b''.join((bodies[-1], closing))
            raw = Raw(b','.join(bodies))
            view, at, parts = memoryview(raw), 1, list[Body]()
            for body in self._bodies:
                parts.append(view[at : at + len(body)])
                at += len(body) + 1
            self._bodies, self._raw = parts, raw
        return self._raw

    def spliced(self, at: int, removed: int, body: Body, added: int) -> Pieces | None:
        """Return the JSON with `added` items, which `body` has, in place of the `removed` ones from index `at` on.

        Returns this very object if that is no change, `None` if the JSON has not as many items as were announced.
        """
        if not removed and not added:
            return self
        bodies, counts = self._bodies.copy(), self._counts.copy()
        if at == self.count and not removed:
            length = self._length + len(body) + (1 if counts else 0)
            if counts and counts[-1] + added <= MOST_ITEMS and len(bodies[-1]) + len(body) < MOST_BYTES:
                bodies[-1] = b','.join((bodies[-1], body))
                counts[-1] += added
            else:
                bodies.append(body)
                counts.append(added)
            return Pieces(self._ends, bodies, counts, self.count + added, length)
        ends = list(accumulate(counts))
        first = bisect_right(ends, at)
        last = bisect_right(ends, at + max(removed, 1) - 1)
        begin = ends[first] - counts[first]
        items = self._divided(bodies[first : last + 1])
        if begin + len(items) != ends[last]:
            return None
        place = slice(at - begin, at - begin + removed)
        new = [body] if added == 1 else self._divided([body]) if added else []
        if removed == added and all(bytes(old) == bytes(each) for old, each in zip(items[place], new, strict=True)):
            return self
        items[place] = new
        groups = _grouped(items)
        length = self._length - _length(bodies[first : last + 1]) + (1 if counts else 0)
        bodies[first : last + 1] = [b','.join(group) for group in groups]
        counts[first : last + 1] = map(len, groups)
        length += _length(bodies[first : first + len(groups)]) - (1 if counts else 0)
        return Pieces(self._ends, bodies, counts, self.count - removed + added, length)

    def _divided(self, bodies: Sequence[Body]) -> list[Body | Raw]:
        """Return the JSON of each item."""
        opening, closing = self._ends
        whole = b''.join((opening, b','.join(bodies), closing))
        if opening == b'[':
            return list(_items.decode(whole))
        return [b'%b:%b' % (msgspec.json.encode(key), item) for key, item in _entries.decode(whole).items()]


Json = Raw | Pieces
"""The JSON of a field's value."""


def joined(json: Json) -> Raw:
    """Return JSON in one piece."""
    return json.raw() if isinstance(json, Pieces) else json


def _length(bodies: Sequence[Body]) -> int:
    return sum(map(len, bodies)) + len(bodies)


def _grouped(items: list[Body | Raw]) -> list[list[Body | Raw]]:
    """Divide items into groups of the usual size, unless they are hardly more than one of those."""
    size = sum(map(len, items))
    if not items or (len(items) <= 2 * MOST_ITEMS and size <= 2 * MOST_BYTES):
        return [items] if items else []
    step = max(1, min(MOST_ITEMS, MOST_BYTES * len(items) // max(size, 1)))
    return [items[start : start + step] for start in range(0, len(items), step)]


def changed(before: Json, whole: Any, collection: Any, change: Change, codec: Codec) -> Json | None:
    """Return the JSON of a value after a change of a collection in it: `before` itself if that is no change.

    Only what has changed is encoded, and checked as an assignment would. Returns `None` where the whole has to be:
    the value is short or of another kind, the item does not fit, or somebody else has changed the value meanwhile.
    """
    if not codec.has_items or not isinstance(whole, (ObservedList, ObservedDict)):
        return None
    if collection is whole:
        at, removed, added = change.at, len(change.removed), change.added
    else:
        at, removed, added = _item_around(collection, whole), 1, 1
    pieces = before if isinstance(before, Pieces) else Pieces.of(before, len(whole) - added + removed)
    if at is None or pieces is None or pieces.count - removed + added != len(whole):
        return None
    part: Any = None
    if isinstance(whole, ObservedList):
        part = whole[at : at + added]
    elif type(at) is str and at in whole:  # two keys that are no texts may be one in JSON
        part = {at: whole[at]}
        at = list(whole).index(at) if removed else len(whole) - 1
    try:
        body = None if part is None else memoryview(codec.encode_part(part))[1:-1]
    except ValueNotStorable:
        body = None
    after = None if body is None else pieces.spliced(cast(int, at), removed, body, added)
    return before if after is pieces else after


def _item_around(collection: Any, whole: Any) -> Any:
    """Return the index or the key of that item of a value in which a collection is.

    Returns `None` if it is not there, or there twice, as after `rows *= 2`.
    """
    item: Any = collection
    while (above := item.parent() if item.parent is not None else None) is not whole:
        if above is None or not any(each is item for each in items_of(above)):
            return None
        item = above
    places = list(compress(count(), map(is_, items_of(whole), repeat(item))))
    if len(places) != 1:
        return None
    return list(cast(dict[Any, Any], whole))[places[0]] if isinstance(whole, dict) else places[0]
