"""What a store has lost: an object that is gone, or older than what was read or put before, as after a backup.

A document's `applied` only grows, as long as the store keeps what it was given. So where a writer's number is smaller
than it was, the object is an older one. Pure, as documents are: values in, values out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from .document import MAX_WRITERS, Document
from .operations import Operation, Place, Reset, Set, Update


def is_older(found: Document, known: Document, known_applied: Mapping[str, int]) -> bool:
    """Whether a document lacks what the known one of the same birth has, whatever else it may have."""
    if found.epoch != known.epoch:
        return found.epoch < known.epoch
    is_full = len(found.applied) >= MAX_WRITERS  # who is missing there may have been dropped
    return any(
        number > found.applied.get(writer, number if is_full else -1) for writer, number in known_applied.items()
    )


def has_news(found: Document, known: Document) -> bool:
    """Whether somebody wrote into a document what the known one does not have."""
    return any(number > known.applied.get(writer, -1) for writer, number in found.applied.items())


def lost_changes(
    found: Document, known: Document, own: Mapping[Place, Set], applied: int, sequence: int, newer: Collection[Place]
) -> list[Operation]:
    """Return what brings the known document's values into one that was begun or restored without them.

    `own` has what this process has put; of it, what it still holds and `applied` does not cover replaces what is there.
    All else is only put where nothing is. Nothing is brought back that was reset or forgotten in either document, nor
    what is `newer` than both.
    """
    is_another = found.born != known.born
    if is_another and (found.erased or found.epoch):
        return []
    lost: list[Operation] = []
    for id_, held in known.all_slices():
        there = found.slice(id_)
        reset = there.reset if there else 0
        if reset > (0 if is_another else held.reset):
            continue
        if was_reset := not is_another and reset < held.reset:
            lost.append(Reset(sequence, found.epoch, id_))
        for part, values in held.parts():
            stored = (there.values(part) if there else None) or {}
            for name, raw in values.items():
                if (id_, part, name) in newer:
                    continue
                put = own.get((id_, part, name))
                replaces = put is not None and put.raw == raw and put.sequence > applied
                if replaces or was_reset or name not in stored:
                    absent = not replaces and not was_reset
                    lost.append(Set(sequence, found.epoch, reset, id_, part, name, raw, absent=absent))
    return lost


def still_held(own: Mapping[Place, Set], document: Document) -> dict[Place, Set]:
    """Return those of the changes whose value nobody has overwritten since."""
    held: dict[Place, Set] = {}
    for place, put in own.items():
        found = document.slice(put.slice)
        raw = ((found.values(put.part) if found else None) or {}).get(put.field)
        if raw is not None and raw == put.raw:
            put.raw = raw  # the same bytes, kept once
            held[place] = put
    return held


def as_sets(update: Update) -> list[Set]:
    """Return what sets the values that an update has written last."""
    return [
        Set(update.sequence, update.epoch, update.reset, update.slice, part, name, raw)
        for part, name, raw in update.written
    ]
