"""Merging one value that was typed while the server was away: its element handles it, as any event."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from datetime import date, datetime, time
from typing import Literal, cast

from msgspec.structs import replace

from ...model.recovery import Rejected
from .. import nicegui_private
from .digest import digest, digest_of_set
from .targets import Bound
from .typed import TypedValue

log = logging.getLogger('nicegui_stash')

Verdict = Literal['merged', 'refused', 'rejected', 'free']
"""The outcome for a carried value.

`merged`: its field has it. `refused`: it does not fit its field, and stays on its element, which is marked.
`rejected`: it is dropped; if others have written the field since, `recovery.rejected` has it. `free`: it cannot be
judged yet, and the browser may send it as an event.
"""


def merge(bound: Bound, value: TypedValue, *, validated: bool = True) -> Verdict:
    """Let the element handle a typed value as an event, unless others have written its field since.

    `validated`: the value was carried over a rejoin, so `validate=` must accept it.
    """
    element, page_object = bound.element, bound.page_object
    try:
        entered = bound.value_of(value.arguments)
        nicegui_private.show_present(bound.owner, bound.names)
        counts = _is_from_here if validated and bound.is_in_address else _is_known
        if element.is_ignoring_events or not counts(bound, value):
            page_object.recovery.note_rejected(Rejected(bound.field, entered, bound.place.path, value.size))
            element.update()
            return 'rejected'
        with page_object.merging(bound.field) if validated else nullcontext(set[str]()) as refused:
            nicegui_private.replay(element, bound.attribute, value.arguments)
            if bound.place.identity:
                page_object.save_opaque()
    except Exception as error:  # noqa: BLE001 an element may raise anything for arguments that it never sends
        log.warning('a value typed into %s cannot come from its element: %s', bound.field, type(error).__name__)
        element.update()
        return 'rejected'
    return 'refused' if bound.field in refused else 'merged'


def _is_known(bound: Bound, value: TypedValue) -> bool:
    """Whether the element shows a value that the browser has seen there before, or the typed value itself."""
    shown, numeric = nicegui_private.shown_value(bound.element, bound.attribute)
    brought = {*value.known, digest(value.arguments, numeric=numeric)}
    if isinstance(shown, list) and isinstance(nicegui_private.value_at(bound.owner, bound.names), (set, frozenset)):
        found, entered = digest_of_set(cast(list[object], shown)), value.arguments
        return found in brought or (isinstance(entered, list) and found == digest_of_set(cast(list[object], entered)))
    return any(digest(each, numeric=numeric) in brought for each in _writings(cast(object, shown)))


def _is_from_here(bound: Bound, value: TypedValue) -> bool:
    """Whether a value was entered at the page's present address, or is the one that this address has.

    Only the person changes an address while the server is away, by going back, forward or elsewhere.
    """
    return not value.moved or _is_known(bound, replace(value, known=frozenset[str]()))


def _writings(shown: object) -> list[object]:
    """Return the texts of a time that an element shows: pickers leave out the seconds."""
    if not isinstance(shown, (date, time)):
        return [shown]
    return [shown.isoformat(), *([shown.isoformat(timespec='minutes')] if isinstance(shown, (datetime, time)) else [])]
