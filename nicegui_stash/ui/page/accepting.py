"""Accepting a change of a page: check it, hand it to the keeper of the field, and update what is bound to it."""

from __future__ import annotations

import logging
from asyncio import get_running_loop
from collections.abc import Collection, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Lock, get_ident
from typing import Any

from msgspec import Raw
from nicegui import app

from ...errors import RowGone, ValueNotStorable
from ...model.observed import Change, Undo, is_inside, taken_out
from ...model.pieces import Json, changed, joined
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
    """Accepts the changes of one page object: from handlers, elements and worker threads, and in place."""

    _posting = Lock()
    """All pages share one lock, since it is held only briefly."""
    _unsaved: frozenset[str] = frozenset()
    _posted: Mapping[str, int] = {}
    """By field: how many changes of worker threads have not arrived here yet."""
    _merging: str | None = None
    """The field into which a value typed before a rejoin is being merged."""
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
        """With `auto=False` changes wait for `save()`. `on_invalid`: raise or log an assignment that does not fit."""
        self.on_invalid: OnInvalid = on_invalid
        self._values = values
        self._fields = values.schema.fields
        self._documents = documents
        self._elsewhere = elsewhere
        self._visit = visit
        self._auto = auto
        self._loop = get_running_loop()

    def accept(self, name: str, json: Json) -> None:
        """Accept a checked change. Raises `ValueNotStorable` if it is refused."""
        if name == self._merging and (why := self._invalid(name, joined(json))):
            raise ValueNotStorable(name, '$', why)
        values = self._values
        if not values.applying or self._elsewhere.shows_own:
            if self._auto:
                self.submit(name, json)
            else:
                self._unsaved |= {name}
            if values.steps is not None:
                values.steps.note(name, values.raws.get(name), json, merged=self._merging is not None)
        values.raws[name] = json
        if values.touched is not None:
            values.touched.add(name)

    def accept_earlier(self, name: str, raw: Raw) -> None:
        """Accept and show a value that a field had, as a change of this page, unless somebody else has changed it.

        Raises `ValueNotStorable`.
        """
        values, elsewhere = self._values, self._elsewhere
        if self._auto:
            self.submit(name, raw, unless_changed=True)
        else:
            self._unsaved |= {name}
        if values.touched is not None:
            values.touched.add(name)
        before, elsewhere.shows_own = elsewhere.shows_own, True
        try:
            values.show({name: raw}, values.schema.version, 'local')
        finally:
            elsewhere.shows_own = before

    def submit(self, name: str, json: Json, *, unless_changed: bool = False) -> None:
        """Hand a change to the keeper of the field. Raises `ValueTooLarge` or `TooMuchPending`."""
        if (owner := self._fields[name].scope.owner) is not None:
            self._documents[owner].submit(name, json, unless_changed=unless_changed)
        else:
            self._elsewhere.keepers[name].keep(self._elsewhere, name, joined(json))

    @property
    def is_auto(self) -> bool:
        """Whether changes are submitted without `save()`."""
        return self._auto

    def is_unsaved(self, name: str) -> bool:
        """Whether a change waits for `save()`."""
        return name in self._unsaved

    def is_newer_here(self, name: str) -> bool:
        """Whether a change waits for `save()`, or is still on its way from a worker thread."""
        return name in self._unsaved or bool(self._posted.get(name))

    @property
    def has_unsaved(self) -> bool:
        """Whether only this page has a change: it waits for `save()`, or for the report on tab and visit."""
        return bool(self._unsaved) or any(document.has_held for document in self._documents.values())

    # ---- merging typed values

    def _invalid(self, name: str, raw: Raw) -> str | None:
        stored = self._fields[name]
        return None if stored.field.validate is None else invalid(stored, stored.codec.decode(raw))

    @contextmanager
    def merging(self, name: str) -> Generator[set[str]]:
        """Apply `validate=` to assignments of a field meanwhile; yields the set of fields that refused a value."""
        self._merging, self._refused = name, set()
        try:
            yield self._refused
        finally:
            self._merging = None

    # ---- worker threads

    def post(self, name: str, raw: Raw) -> None:
        """Accept a change of a worker thread: the thread sees it at once, the event loop in the order of posting."""
        with self._posting:
            self._values.raws[name] = raw
            self._posted = {**self._posted, name: self._posted.get(name, 0) + 1}
        self._loop.call_soon_threadsafe(self._receive, name, raw)

    def _receive(self, name: str, raw: Raw) -> None:
        with self._posting:
            self._posted = {**self._posted, name: self._posted[name] - 1}
            if self._values.raws.get(name) is not raw:
                return  # a later change has replaced it: accepted already, or posted behind this one
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

    def changed_in_place(self, name: str, collection: object, change: Change) -> None:
        """Accept a collection's change. Raises `ValueNotStorable`; the collection then undoes the change.

        Only the changed item is encoded, where that can be told. Raises `Undo` instead where a binding brought the
        value: its element is marked.
        """
        values = self._values
        target = values.target()
        if target is None:
            return
        before = values.raws.get(name)
        try:
            raw = self._in_pieces(target, name, before, collection, change)
            if raw is not None and raw is before:
                return
            if raw is None and before == (raw := encode(target, self._fields[name])):
                if get_ident() == values.thread and not is_inside(collection, getattr(target, name)):
                    self._refuse_part(name, collection, RowGone(self._fields[name].codec.name))
                return
            if get_ident() != values.thread:
                self.post(name, joined(raw))
                return
            self.accept(name, raw)
        except ValueNotStorable as error:
            if get_ident() == values.thread and self._refuse_part(name, collection, error):
                raise Undo from error
            raise
        values.unmark(name)
        self._show_changed_in_place(target, name, before)
        if gone := taken_out(change, collection):
            values.mark_gone(name, gone)

    def _in_pieces(
        self, target: Any, name: str, before: Json | None, collection: object, change: Change
    ) -> Json | None:
        """Return the field's JSON, `before` if nothing changed; `None` where the whole has to be encoded."""
        if before is None or name == self._merging or self._posted.get(name) or get_ident() != self._values.thread:
            return None
        return changed(before, getattr(target, name), collection, change, self._fields[name].codec)

    def change(self, name: str, value: Any) -> None:
        """Accept a value that an element has made of a field's: what stays in it remains the same object.

        Raises `ValueNotStorable`.
        """
        values, stored = self._values, self._fields[name]
        target, before = values.target(), values.raws.get(name)
        value, raw = stored.codec.encode(value)
        if target is None or raw == before:
            return
        self.accept(name, raw)
        vars(values.schema.cls)[name].show(target, value, values)
        values.notify(name, before)

    def _refuse_part(self, name: str, collection: object, error: ValueNotStorable) -> bool:
        """Mark the elements that just brought a value into a collection; return whether there are any."""
        sources = list(nicegui_private.sources_inside(self._values.target(), name, collection))
        if bool(sources) != isinstance(error, RowGone):  # the mark says it of a row that is gone
            log.warning('a value inside a list or dict was not stored: %s', error.without_value)
        if sources and self._merging is not None:
            self._refused.add(name)
        for element, owner, names in sources:
            self._values.mark().add_part(name, (owner, names), element, error)
        return bool(sources)

    def _show_changed_in_place(self, target: Any, name: str, before: Json | None = None) -> None:
        """Update bindings and call listeners. The change is accepted: an exception here undoes nothing."""
        try:
            nicegui_private.propagate_in_place(target, name)
        except Exception as error:  # noqa: BLE001 a bound target may raise anything
            app.handle_exception(error)
        self._values.notify(name, before)

    # ---- saving

    def save(self) -> Iterator[ValueNotStorable]:
        """Submit changes held back by `auto=False`, and opaque values changed in place.

        Yields an error for each value that does not fit; it stays marked until it fits. Only iterating submits.
        """
        values = self._values
        target = values.target()
        for name, stored in self._fields.items() if target is not None else ():
            if name not in self._unsaved and not stored.codec.opaque:
                continue
            try:
                self._save_field(target, name)
            except ValueNotStorable as error:
                if self._merging is not None:
                    self._refused.add(name)
                if values.mark().hold(name, elements_at(target, name, error), error):
                    log.warning('a value that was changed in place cannot be stored: %s', error.without_value)
                yield error

    def _save_field(self, target: Any, name: str) -> None:
        values = self._values
        raw, before = encode(target, self._fields[name]), values.raws.get(name)
        changed = not values.is_as_shown(name, raw)
        if changed and name == self._merging and (why := self._invalid(name, raw)):
            raise ValueNotStorable(name, '$', why)
        if changed or name in self._unsaved:
            self.submit(name, raw)
            if values.steps is not None and changed:
                values.steps.note(name, before, raw, merged=self._merging is not None)
            values.raws[name] = raw
            self._unsaved -= {name}
        if values.marks is not None:
            values.marks.release(name)
        if changed:
            self._show_changed_in_place(target, name, before)

    def save_opaque(self) -> None:
        """Submit opaque values changed in place; called after each UI event, and when the page may go."""
        if self._auto and not self._values.closed:
            list(self.save())

    def submit_opaque(self) -> list[ValueNotStorable]:
        """Submit them before a flush, even if the page is gone; return an error for each that does not fit."""
        return list(self.save()) if self._auto and self._values.schema.is_opaque else []

    def reset(self, name: str) -> None:
        """Give a field its default, also with `auto=False`. Raises `TooMuchPending`."""
        self._values.compute_defaults(name)
        default = self._values.defaults[name]
        self._unsaved -= {name}
        self.submit(name, default)
        if self._values.steps is not None:
            self._values.steps.note(name, self._values.raws[name], default, merged=False)
        self._values.raws[name] = Raw(b'')  # so that it is shown also where only an element shows another value
        self._values.show({name: default}, self._values.schema.version, 'reset')

    def let_go(self, names: Collection[str]) -> None:
        """Discard changes of these fields that are not submitted yet: their slice was deleted."""
        self._unsaved -= frozenset(names)
        owners = {self._fields[name].scope.owner for name in names}
        for owner, document in self._documents.items():
            if owner in owners:
                document.let_go()
        for name in names:  # so that opaque values changed in place are shown again
            stored = self._fields[name]
            with suppress(ValueNotStorable):
                if not stored.codec.opaque or encode(self._values.target(), stored) == self._values.raws.get(name):
                    continue
            self._values.raws[name] = Raw(b'')

    # ---- refusing

    def refuse(self, name: str, value: Any, error: ValueNotStorable) -> None:
        """Leave a value that does not fit on the element that brought it: marked and logged, never raised."""
        if self._merging is not None:
            self._refused.add(name)
        target = self._values.target()
        elements = list(nicegui_private.sources(target, name)) if target is not None else []
        log.warning('a value of type %s was not stored: %s', type(value).__qualname__, error.without_value)
        if elements:
            self._values.mark().add(name, elements, error)

    def refuse_at(
        self, name: str, place: tuple[object, tuple[str, ...]], error: ValueNotStorable, *, because: Exception
    ) -> None:
        """Leave on its element what `forward=` of a binding cannot take to a place: a field, or a part of its value."""
        if self._merging is not None:
            self._refused.add(name)
        owner, names = place
        marks, is_whole = self._values.mark(), owner is self._values.target() and names == (name,)
        if not marks.says(name if is_whole else (name, id(owner), names), error):  # once, not for each letter
            where = self._fields[name].codec.name
            log.warning('forward= of a binding to %s raised %s: not stored', where, type(because).__name__)
        elements = list(nicegui_private.sources(owner, *names))
        if is_whole:
            marks.add(name, elements, error)
        for element in () if is_whole else elements:
            marks.add_part(name, place, element, error)
