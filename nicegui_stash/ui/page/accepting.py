"""What goes up: a change on a page is checked, handed to whoever keeps the field, and shown by what is bound to it."""

from __future__ import annotations

import logging
from asyncio import get_running_loop
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Lock, get_ident
from typing import Any

from msgspec import Raw
from nicegui import app

from ...errors import ValueNotStorable
from ...model.recovery import invalid
from ...model.scopes import Owner
from ...settings import OnInvalid
from .. import nicegui_private
from ..visit.visit import Visit
from .elsewhere import Elsewhere
from .following import Following
from .nested_values import elements_at, encode
from .values import FieldValues

log = logging.getLogger('nicegui_stash')


class Accepting:
    """Accepts the changes of one page object, from handlers, elements, worker threads, and in place."""

    _posting = Lock()
    """Held for so short a time that all pages share it."""
    _unsaved: frozenset[str] = frozenset()
    _posted: Mapping[str, int] = {}
    """How many changes of worker threads are on their way here, by field."""
    _merging: str | None = None
    """The field that what was typed before a rejoin is being merged into."""
    _refused: set[str]

    def __init__(
        self,
        values: FieldValues,
        documents: Mapping[Owner, Following],
        elsewhere: Elsewhere,
        visit: Visit,
        *,
        auto: bool,
        on_invalid: OnInvalid,
    ) -> None:
        """`auto=False` waits for `save()`; `on_invalid` says what becomes of an assignment that does not fit."""
        self.on_invalid: OnInvalid = on_invalid
        self._values = values
        self._fields = values.schema.fields
        self._documents = documents
        self._elsewhere = elsewhere
        self._visit = visit
        self._auto = auto
        self._loop = get_running_loop()

    def accept(self, name: str, raw: Raw) -> None:
        """Hand a checked change on. Raises `ValueNotStorable` where it is not taken."""
        if name == self._merging and (why := self._invalid(name, raw)):
            raise ValueNotStorable(name, '$', why)
        values = self._values
        if not values.applying or self._elsewhere.shows_own:
            if self._auto:
                self.submit(name, raw)
            else:
                self._unsaved |= {name}
        values.raws[name] = raw
        if values.touched is not None:
            values.touched.add(name)

    def submit(self, name: str, raw: Raw) -> None:
        """Hand a change to whoever keeps the field. Raises `ValueTooLarge` or `TooMuchPending`."""
        if (owner := self._fields[name].scope.owner) is not None:
            self._documents[owner].submit(name, raw)
        else:
            self._elsewhere.keepers[name].keep(self._elsewhere, name, raw)

    def is_unsaved(self, name: str) -> bool:
        """Whether a change waits for `save()`."""
        return name in self._unsaved

    def is_newer_here(self, name: str) -> bool:
        """Whether a change waits for `save()`, or is on its way here from a worker thread."""
        return name in self._unsaved or bool(self._posted.get(name))

    @property
    def has_unsaved(self) -> bool:
        """Whether anything that was entered is with this page only: it waits for `save()`, or for its tab or visit."""
        return bool(self._unsaved) or any(document.has_held for document in self._documents.values())

    # ---- values that are merged

    def _invalid(self, name: str, raw: Raw) -> str | None:
        stored = self._fields[name]
        return None if stored.field.validate is None else invalid(stored, stored.codec.decode(raw))

    @contextmanager
    def merging(self, name: str) -> Generator[set[str]]:
        """Ask `validate=` of a field for what is assigned meanwhile; the set has the fields that refuse a value."""
        self._merging, self._refused = name, set()
        try:
            yield self._refused
        finally:
            self._merging = None

    # ---- worker threads

    def post(self, name: str, raw: Raw) -> None:
        """Accept a change made in a worker thread: visible there at once, and here in the order of posting."""
        with self._posting:
            self._values.raws[name] = raw
            self._posted = {**self._posted, name: self._posted.get(name, 0) + 1}
        self._loop.call_soon_threadsafe(self._receive, name, raw)

    def _receive(self, name: str, raw: Raw) -> None:
        with self._posting:
            self._posted = {**self._posted, name: self._posted[name] - 1}
            if self._values.raws.get(name) is not raw:
                return  # it was changed again meanwhile, and that change is accepted already or posted behind this one
        try:
            self.accept(name, raw)
        except ValueNotStorable as error:
            slice_name = self._values.slice_id.name
            log.error('%s: a change from a worker thread was refused: %s', slice_name, error.without_value)  # noqa: TRY400 no value may be logged
            for document in self._documents.values():
                document.show_again(name)
            return
        if (target := self._values.target()) is not None:
            with self._visit.in_client():
                self._values.unmark(name)
                self._show_changed_in_place(target, name)

    # ---- changes in place

    def changed_in_place(self, name: str) -> None:
        """Accept what a collection became. Raises `ValueNotStorable`; the collection then undoes the change."""
        values = self._values
        target = values.target()
        if target is None:
            return
        raw = encode(target, self._fields[name])
        if values.raws.get(name) == raw:
            return
        if get_ident() != values.thread:
            self.post(name, raw)
            return
        self.accept(name, raw)
        values.unmark(name)
        self._show_changed_in_place(target, name)

    def _show_changed_in_place(self, target: Any, name: str) -> None:
        """Tell what is bound and who listens; what that raises undoes nothing, since the change is accepted."""
        try:
            nicegui_private.propagate_in_place(target, name)
        except Exception as error:  # noqa: BLE001 what is bound may raise anything
            app.handle_exception(error)
        self._values.tell(name)

    # ---- saving

    def save(self) -> Iterator[ValueNotStorable]:
        """Submit what `auto=False` kept back, and opaque values that were changed in place.

        What does not fit goes on record until it does; iterate over it, or nothing is submitted.
        """
        values = self._values
        target = values.target()
        for name, stored in self._fields.items() if target is not None else ():
            if name not in self._unsaved and not stored.codec.opaque:
                continue
            try:
                self._save_field(target, name)
            except ValueNotStorable as error:
                if values.mark().hold(name, elements_at(target, name, error), error):
                    log.warning('a value that was changed in place cannot be stored: %s', error.without_value)
                yield error

    def _save_field(self, target: Any, name: str) -> None:
        values = self._values
        raw = encode(target, self._fields[name])
        changed = values.raws.get(name) != raw
        if changed or name in self._unsaved:
            self.submit(name, raw)
            values.raws[name] = raw
            self._unsaved -= {name}
        if values.marks is not None:
            values.marks.release(name)
        if changed:
            self._show_changed_in_place(target, name)

    def save_opaque(self) -> None:
        """Submit opaque values that were changed in place: looked for after each UI event, and when the page may go."""
        if self._auto and not self._values.closed:
            list(self.save())

    def submit_opaque(self) -> list[ValueNotStorable]:
        """Submit the same ones before a flush, also for a page that is gone; return what does not fit."""
        return list(self.save()) if self._auto and self._values.schema.is_opaque else []

    def let_go(self) -> None:
        """Forget what was not saved or placed yet: its slice was deleted."""
        self._unsaved = frozenset()
        for document in self._documents.values():
            document.let_go()
        for name, stored in self._fields.items():  # have opaque values shown again that were changed in place
            with suppress(ValueNotStorable):
                if not stored.codec.opaque or encode(self._values.target(), stored) == self._values.raws.get(name):
                    continue
            self._values.raws[name] = Raw(b'')

    # ---- what does not fit

    def refuse(self, name: str, value: Any, error: ValueNotStorable) -> None:
        """Leave a value that a binding brought and that does not fit on its element: marked, logged, never thrown."""
        if self._merging is not None:
            self._refused.add(name)
        target = self._values.target()
        elements = list(nicegui_private.sources(target, name)) if target is not None else []
        log.warning('a value of type %s was not stored: %s', type(value).__qualname__, error.without_value)
        if elements:
            self._values.mark().add(name, elements, error)
