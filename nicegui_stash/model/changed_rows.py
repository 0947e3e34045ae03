"""Which items of a list differ in their JSON, so that a long list is neither decoded nor compared as a whole."""

from __future__ import annotations

from itertools import compress
from operator import ne
from typing import Any, Final

import msgspec

from ..errors import ValueNotStorable
from .codec import Codec

_items: Final = msgspec.json.Decoder(list[msgspec.Raw])


def changed_items(before: msgspec.Raw, after: msgspec.Raw) -> dict[int, tuple[msgspec.Raw, msgspec.Raw]] | None:
    """Return, by index, the items of two JSON lists that differ; `None` where they are not lists of one length."""
    try:
        olds, news = _items.decode(before), _items.decode(after)
    except msgspec.DecodeError:
        return None
    if len(olds) != len(news):
        return None
    return {index: (olds[index], news[index]) for index in compress(range(len(news)), map(ne, olds, news))}


class ChangedRows(dict[int, Any]):
    """The rows of a list that differ from those that it had, by index."""


def changed_rows(codec: Codec, before: msgspec.Raw, after: msgspec.Raw) -> ChangedRows | None:
    """Return the rows of a list whose JSON differs; `None` where the whole list has to be decoded.

    The same JSON is the same row only where no value changes without notice.
    """
    changed = None if codec.opaque else changed_items(before, after)
    if changed is None:
        return None
    try:  # the changed rows alone, as one list
        rows = codec.decode(b'[' + b','.join(bytes(row) for _, row in changed.values()) + b']')
    except ValueNotStorable:
        return None
    return ChangedRows(zip(changed, rows, strict=True))
