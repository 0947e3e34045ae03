"""One page object and its session: what is changed here is checked, accepted, and shown by whatever is bound to it."""

from __future__ import annotations

import logging
from asyncio import get_running_loop
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from threading import Lock, get_ident
from typing import Any

from msgspec import Raw
from nicegui import app, binding

from ...errors import ValueNotStorable
from ...model.document import Slice
from ...model.operations import Written
from ...model.recovery import invalid
from ...model.schema import Schema
from ...session.session import Session
from ...settings import OnInvalid
from .. import nicegui_private
from ..contracts.page_object import Cause
from ..visit.visit import Visit
from .detached import updating
from .elsewhere import Outside
from .nested_values import elements_at, encode
from .refused_marks import Marks

log = logging.getLogger('nicegui_stash')


class PageObject(Outside):
    """What connects a page object's fields with a session.

    When the page goes it is closed. While a background job still holds the page, the session stays in memory, so that
    what the job assigns is accepted on top of what is stored.
    """

    _posting = Lock()
    """Held for so short a time that all pages share it."""
    _updated: frozenset[str] = frozenset()
    """Fields that an update of this page is changing."""
    _refused: set[str]

    def __init__(
        self,
        schema: Schema,
        target: Any,
        visit: Visit,
        key: str,
        *,
        auto: bool,
        on_invalid: OnInvalid,
        given: bool = False,
    ) -> None:
        super().__init__(schema, target, visit, key, given=given)
        self.thread = get_ident()
        self.on_invalid: OnInvalid = on_invalid
        self._auto = auto
        self.marked: Marks | None = None
        self._merging: str | None = None  # the field that what was typed before a rejoin is being merged into

    def __deepcopy__(self, memo: dict[int, Any]) -> None:
        """Leave a page's copy without a session, also where its class copies what it has by itself."""

    def accept(self, name: str, raw: Raw) -> None:
        """Hand a checked change to the session, or hold it until it is known which tab or visit it belongs to."""
        if name == self._merging and (why := self._invalid(name, raw)):
            raise ValueNotStorable(name, '$', why)
        if not self._applying or self._following:
            if self._auto:
                self._submit(name, raw)
            else:
                self._unsaved |= {name}
        self.raws[name] = raw
        if self.touched is not None:
            self.touched.add(name)

    def _invalid(self, name: str, raw: Raw) -> str | None:
        stored = self.schema.fields[name]
        return None if stored.field.validate is None else invalid(stored, stored.codec.decode(raw))

    @contextmanager
    def merging(self, name: str) -> Generator[set[str]]:
        """Ask `validate=` of a field for what is assigned meanwhile; the set has the fields that refuse a value."""
        self._merging, self._refused = name, set()
        try:
            yield self._refused
        finally:
            self._merging = None

    @property
    def has_unsaved(self) -> bool:
        """Whether anything that was entered is with this page only: it waits for `save()`, or for its tab or visit."""
        return bool(self._unsaved or self._held)

    def _submit(self, name: str, raw: Raw) -> None:
        if name in self._keepers:
            self._keepers[name].keep(self, name, raw)
        else:
            super()._submit(name, raw)

    def post(self, name: str, raw: Raw) -> None:
        """Accept a change made in a worker thread: visible there at once, and here in the order of posting."""
        with self._posting:
            self.raws[name] = raw
            self._posted = {**self._posted, name: self._posted.get(name, 0) + 1}
        self._loop.call_soon_threadsafe(self._receive, name, raw)

    def _receive(self, name: str, raw: Raw) -> None:
        with self._posting:
            self._posted = {**self._posted, name: self._posted[name] - 1}
            if self.raws.get(name) is not raw:
                return  # it was changed again meanwhile, and that change is accepted already or posted behind this one
        try:
            self.accept(name, raw)
        except ValueNotStorable as error:
            log.error('%s: a change from a worker thread was refused: %s', self.slice_id.name, error.without_value)  # noqa: TRY400 no value may be logged
            self._schedule(name)  # shows again what is stored
            return
        if (target := self._target()) is not None:
            with self.visit.in_client():
                self.unmark(name)
                self._show_changed_in_place(target, name)

    def changed_in_place(self, name: str) -> None:
        """Accept what a collection became. Raises `ValueNotStorable`; the collection then undoes the change."""
        target = self._target()
        if target is None:
            return
        raw = encode(target, self.schema.fields[name])
        if self.raws.get(name) == raw:
            return
        if get_ident() != self.thread:
            self.post(name, raw)
            return
        self.accept(name, raw)
        self.unmark(name)
        self._show_changed_in_place(target, name)

    def _show_changed_in_place(self, target: Any, name: str) -> None:
        """Tell what is bound and who listens; what that raises undoes nothing, since the change is accepted."""
        try:
            nicegui_private.propagate_in_place(target, name)
        except Exception as error:  # noqa: BLE001 what is bound may raise anything
            app.handle_exception(error)
        self.tell(name)

    def save(self) -> None:
        """Submit what `auto=False` kept back, and opaque values that were changed in place.

        Raises the first `ValueNotStorable`, when the other fields are submitted.
        """
        for error in list(self._save()):
            raise error

    def _save(self) -> Iterator[ValueNotStorable]:
        """Submit all that can be; put on record what cannot, until it can, and iterate over that."""
        target = self._target()
        for name, stored in self.schema.fields.items() if target is not None else ():
            if name not in self._unsaved and not stored.codec.opaque:
                continue
            try:
                self._save_field(target, name)
            except ValueNotStorable as error:
                self.marked = self.marked or Marks(self.visit.schedule_status)
                if self.marked.hold(name, elements_at(target, name, error), error):
                    log.warning('a value that was changed in place cannot be stored: %s', error.without_value)
                yield error

    def _save_field(self, target: Any, name: str) -> None:
        raw = encode(target, self.schema.fields[name])
        changed = self.raws.get(name) != raw
        if changed or name in self._unsaved:
            self._submit(name, raw)
            self.raws[name] = raw
            self._unsaved -= {name}
        if self.marked is not None:
            self.marked.release(name)
        if changed:
            self._show_changed_in_place(target, name)

    def save_opaque(self) -> None:
        """Submit opaque values that were changed in place: looked for after each UI event, and when the page may go."""
        if self._auto and not self.closed:
            list(self._save())

    def submit_opaque(self) -> list[ValueNotStorable]:
        """Submit the same ones before a flush, also for a page that is gone; return what does not fit."""
        return list(self._save()) if self._auto and self.schema.is_opaque else []

    async def flush(self) -> None:
        """Do what `Visit.flush` does, also for a page that is gone, and that a background job has changed."""
        refused = self.submit_opaque()
        await (self.visit.flush() if self.session is self.visit.session else self.session.flush())
        for error in refused:
            raise error

    async def update(self, function: Callable[[Any], object]) -> None:
        """Read, modify and write the fields whose place is known; held ones are not there yet."""
        self.save_opaque()
        change = updating(self.schema, dict(self._parts), function, dict(self.defaults))

        def note(found: Slice) -> list[Written]:
            written = change(found)
            self._updated |= {name for _, name, _ in written}
            return written

        try:
            await self.session.update(self.slice_id, note)
        finally:
            get_running_loop().call_soon(self._forget_updated)  # when the page has been told

    def _forget_updated(self) -> None:
        self._updated = frozenset()

    def cause_of(self, name: str) -> Cause:
        return 'local' if name in self._updated else 'remote'

    def show_defaults(self) -> None:
        """Show at once what a slice holds that was just deleted; what was not saved or placed yet goes with it."""
        self._unsaved = frozenset()
        self._held = {}
        self._forget_inside()
        self._show(dict(self.defaults), self.schema.version, 'reset')
        for keeper in set(self._keepers.values()):
            keeper.reset(self)

    def _forget_inside(self) -> None:
        """Have opaque values shown anew that were changed in place and are not saved."""
        for name, stored in self.schema.fields.items():
            with suppress(ValueNotStorable):
                if not stored.codec.opaque or encode(self._target(), stored) == self.raws.get(name):
                    continue
            self.raws[name] = Raw(b'')

    def refuse(self, name: str, value: Any, error: ValueNotStorable) -> None:
        """Leave a value that a binding brought and that does not fit on its element: marked, logged, never thrown."""
        if self._merging is not None:
            self._refused.add(name)
        target = self._target()
        elements = list(nicegui_private.sources(target, name)) if target is not None else []
        log.warning('a value of type %s was not stored: %s', type(value).__qualname__, error.without_value)
        if elements:
            self.marked = self.marked or Marks(self.visit.schedule_status)
            self.marked.add(name, elements, error)

    def unmark(self, name: str) -> None:
        if self.marked is not None:
            self.marked.remove(name)

    def follow(self, session: Session) -> None:
        """Go on in another session, which holds the same."""
        self.session.detach(self)
        self.session.unwatch(self)
        self._hold(-1)
        self.session = session
        session.attach(self)
        session.watch(self)
        self._hold(1)
        self._generation = self._current_generation()

    def close(self, *, left: bool = False) -> None:
        """Stop following. `left`: the person navigated away within the page, so that the visit to this view is over."""
        if self.closed:
            return
        session, target = self.session, self._target()
        self.save_opaque()
        self.closed = True
        for keeper in set(self._keepers.values()):
            keeper.end(self)
        session.detach(self)
        session.unwatch(self)
        self._hold(-1)
        if left and (part := self._parts.get('reconnect')):
            session.drop(self.slice_id, part)
        self.page = None
        if target is not None:
            binding.remove([target])
