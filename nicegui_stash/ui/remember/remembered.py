"""One remembered element: what is stored of it, and what its page shows of that."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, cast

import msgspec

from ...model.document import SliceId
from ...model.scopes import Scope
from .room import MOST_BYTES
from .shape import Shape, Unfit

log = logging.getLogger('nicegui_stash')

NULL: Final = msgspec.Raw(b'null')
"""Stored for a state that cannot be stored, over an older one."""
_decoder = msgspec.json.Decoder(dict[str, Any])


@dataclass(slots=True, eq=False)
class Remembered:
    """One remembered element. `raw` is what is stored, as far as this page knows; `shown` what was shown of it."""

    shape: Shape
    slice_id: SliceId
    name: str
    scope: Scope
    default: Any
    raw: msgspec.Raw | None = None
    stored: Any = None
    """The state in `raw`, whole: parts of it may fit later, as when rows come."""
    shown: Any = None
    is_settled: bool = False
    """Whether the page function is done with it: what the app sets before is a default."""
    is_touched: bool = False
    """Whether a person has set something here, which is newer than what is stored."""
    is_known: bool = False
    """Whether what is stored was looked for."""
    parts: set[Any] | None = None
    """The parts that the element had when it was last looked at for more, of those that are named in what is stored."""

    @property
    def is_gone(self) -> bool:
        return self.shape.element.is_deleted

    def recall(self, raw: msgspec.Raw) -> bool:
        """Show what is stored, without the app's handlers; return whether that is not the default."""
        self.raw = raw
        self.stored = _decoded(raw, self.shape.name)
        if self.stored is None:
            return False
        self.show()
        return self.shown is not None and self.shown != self.default

    def show(self) -> None:
        """Show what is stored as far as it fits, else the default."""
        shape = self.shape
        try:
            self.shown = shape.show(self.stored)
        except Unfit:
            self._show_default()
        except Exception as error:  # noqa: BLE001 the element may raise anything
            path = self.slice_id.key
            log.warning('%s on %s cannot show what was remembered: %s', shape.name, path, type(error).__name__)
            self._show_default()

    def _show_default(self) -> None:
        self.shown = None
        with suppress(Exception):  # it is what the element showed before
            self.shape.show(self.default)

    def settle(self) -> None:
        """Put what is stored over what the app has set since, and call the element's handlers."""
        now = self.shape.state()
        if self.stored is None:
            self.default = now
            return
        if now != self.shown:
            self.default = now
            self.show()
        elif self.shape.has_parts or self.waits:
            self.show()
        if self.shown is not None and self.shown != self.default:
            self.shape.announce()

    @property
    def waits(self) -> bool:
        """Whether something of what is stored did not fit, and no person has set anything else."""
        return self.stored is not None and not self.is_touched and self.shown != self.stored

    def has_more_parts(self) -> bool:
        """Whether the element has got parts that are named in what is stored, since it was last asked or shown."""
        before, self.parts = self.parts or set(), self._parts()
        return not self.parts <= before

    def _parts(self) -> set[Any]:
        try:
            return self.shape.parts() & set(_scalars(self.stored))
        except (TypeError, KeyError, AttributeError):
            return set()  # the app may have put anything there

    def show_more(self) -> None:
        """Show what has come to fit, as with new options, and call the element's handlers if that is something else."""
        before = self.shape.state()
        if self.shown is None:
            self.default = before
        self.show()
        if self.shown is not None and self.shown != before:
            self.shape.announce()

    def has_changed(self) -> bool:
        """Whether the element shows neither what was shown of what is stored, nor its default."""
        return self.shape.state() != (self.default if self.shown is None else self.shown)

    def taken(self) -> msgspec.Raw:
        """Take what the element shows for what a person set; return its JSON."""
        self.shown = self.shape.state()
        self.is_touched = True
        return _encoded(self.shape, self.shown)

    def begin_again(self) -> None:
        """Show the default: everything was erased."""
        was_set = self.raw is not None
        self.is_touched = False
        self.raw = self.stored = self.shown = None
        if was_set:
            with suppress(Unfit):
                self.shape.show(self.default)
                self.shape.announce()


def _scalars(state: Any) -> Iterator[Any]:
    """Iterate over all that may name a part in a state."""
    if isinstance(state, dict):
        for key, each in cast(dict[str, Any], state).items():
            yield key
            yield from _scalars(each)
    elif isinstance(state, list):
        for each in cast(list[Any], state):
            yield from _scalars(each)
    else:
        yield state


def _encoded(shape: Shape, state: Any) -> msgspec.Raw:
    """Return the JSON of a state, without its large parts if it is too long; `null` if it cannot be stored."""
    for each in (state, None if state is None else shape.reduced(state)):
        if each is None:
            break
        try:
            raw = msgspec.json.encode({shape.name: each})
        except (TypeError, ValueError, RecursionError):
            continue
        if len(raw) <= MOST_BYTES:
            return msgspec.Raw(raw)
    log.debug('%s has nothing that JSON can hold', shape.name)
    return NULL


def _decoded(raw: msgspec.Raw, shape: str) -> Any:
    """Return the state of this shape; `None` if something else is stored."""
    try:
        return _decoder.decode(raw).get(shape)
    except msgspec.MsgspecError:
        return None
