"""What one open page remembers: it shows again what a person set on elements, and stores what they set now."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from functools import partial

import msgspec
from nicegui import Client
from nicegui.element import Element

from ...errors import StashError, ValueNotStorable
from ...model.document import Part, SliceId, Values
from ...model.operations import Set
from ...model.scopes import Scope
from ...session.session import Session
from .. import nicegui_private
from ..page.secret import is_secret
from ..visit.visit import Visit
from .blocks import Blocks
from .late_parts import LateParts
from .naming import NAME, page_path
from .places import Places
from .refusals import is_refused, refusal
from .remembered import NULL, Remembered
from .roll import Roll
from .room import MOST_PAGES, has_room
from .shape import Shape
from .shapes import is_if_asked, shape_of

log = logging.getLogger('nicegui_stash')


class Memory:
    """The remembered elements of one client. A `Subscriber` of its session."""

    def __init__(self, visit: Visit, watch: float) -> None:
        """`watch`: seconds for which a new page shows what another server stores late."""
        self._visit = visit
        self._client: Client = visit.client
        self.places = Places(visit)
        self.roll = Roll(visit.client)
        self._blocks = Blocks(visit.client, self._schedule)
        self._late_parts = LateParts(visit.client, self._show_more)
        self._unsettled: list[Remembered] = []
        self._is_answered = visit.joins
        self._is_scheduled = False
        self._is_due = False
        self._is_full = False
        self._loop = asyncio.get_running_loop()
        self._watched_until = self._loop.time() + watch
        visit.registry.limit_keys(NAME, MOST_PAGES)
        self._attached: Session | None = visit.session
        visit.session.attach(self)
        self._epoch = visit.session.document.epoch
        if not self._is_answered:
            nicegui_private.before_response(self._client, self._answer)

    @property
    def path(self) -> str:
        return page_path(self._client)

    # ---- which elements

    def remember(self, element: Element, key: str | int | None, scope: Scope) -> None:
        """Remember one element. Raises `StashError` for one of which nothing can be remembered, or a key used twice."""
        if self.roll.has(element):
            return
        shape = shape_of(element)
        if shape is None or is_refused(element):
            raise StashError(refusal(element, self.path, has_state=shape is not None))
        self._show_stored(self._add(shape, key, scope))
        self._schedule()

    def first_of_block(self) -> int:
        """Return the id of the first element that a block makes."""
        return self._blocks.end()

    def remember_block(self, first: int, scope: Scope) -> None:
        """Remember the elements that were made since, and what will be made inside them."""
        self._take(self._blocks.add(first, scope))
        self._schedule()

    def _take(self, found: Iterable[tuple[Element, Scope]]) -> None:
        before: Remembered | None = None
        stored: Values | None = None
        for element, scope in found:
            if self.roll.has(element) or (shape := shape_of(element)) is None:
                continue
            if is_if_asked(element) or is_refused(element):
                continue
            remembered = self._add(shape, None, scope)
            if before is None or before.slice_id is not remembered.slice_id or before.scope is not scope:
                stored = self._stored(remembered)  # the elements of a block are mostly in one place
            before = remembered
            self._recall(remembered, stored)

    def _add(self, shape: Shape, key: str | int | None, scope: Scope) -> Remembered:
        remembered = self.roll.add(shape, key, scope)
        self._unsettled.append(remembered)
        shape.listen(partial(self._changed, remembered))
        return remembered

    # ---- showing what is stored

    def _stored(self, remembered: Remembered) -> Values | None:
        """Return what is stored where an element's state is, by the names of the elements; `None` while unknown."""
        part = self.places.part_of(remembered)
        if part is None or not self.places.session.is_read:
            return None
        return self.places.values(remembered.slice_id, part)

    def _show_stored(self, remembered: Remembered) -> bool:
        return self._recall(remembered, self._stored(remembered))

    def _recall(self, remembered: Remembered, stored: Values | None) -> bool:
        """Show what is stored of an element, without its handlers; return whether that is not the default."""
        if stored is None:
            return False
        remembered.is_known = True
        raw = stored.get(remembered.name)
        if raw is None or raw == remembered.raw:
            return False
        if self._is_answered:
            return remembered.recall(raw)
        return nicegui_private.unsent(remembered.shape.element, remembered.recall, raw)

    def _answer(self) -> None:
        """Settle before the first HTML: the page function is done."""
        self._is_answered = True
        self.settle()

    def _schedule(self) -> None:
        if self._is_answered and not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._settle_soon)

    def _settle_soon(self) -> None:
        self._is_scheduled = False
        if not self._visit.ended and not self._client.is_deleted:
            self._visit.guarded(self.settle)

    def settle(self) -> None:
        """Put what a person set over what the app has set since, and call the handlers of the elements."""
        with nicegui_private.acting(person=False):
            self._take(self._blocks.new())
            unsettled, self._unsettled = self._unsettled, []
            for remembered in unsettled:
                if not remembered.is_gone:
                    self._settle(remembered)
            if self.roll.forget_gone():
                self._blocks.forget_gone()
                self._late_parts.forget_gone()

    def _settle(self, remembered: Remembered) -> None:
        remembered.is_settled = True
        element = remembered.shape.element
        if not is_refused(element):
            remembered.settle()
            self._await_more(remembered)
            return
        self.roll.drop(remembered)  # its field wins, or it turned out to be for a secret
        if remembered.raw is not None and is_secret(element):
            self._set(remembered, NULL)

    def _await_more(self, remembered: Remembered) -> None:
        """Watch for what the app adds to an element, if not all fits that is stored of it."""
        if remembered.waits:
            element = remembered.shape.element
            nicegui_private.on_new_options(element, lambda: self._loop.call_soon(self._show_more, remembered))
            self._late_parts.wait(remembered)

    def _show_more(self, remembered: Remembered) -> None:
        """Show what is stored of an element that has got other options or parts."""
        if remembered.waits and not (self._visit.ended or self._client.is_deleted or remembered.is_gone):
            with nicegui_private.acting(person=False):
                self._visit.guarded(remembered.show_more)

    # ---- storing what a person sets

    def _changed(self, remembered: Remembered) -> None:
        if remembered.is_settled and nicegui_private.is_person_acting(self._client):
            self._record(remembered)

    def look(self) -> None:
        """Store what NiceGUI's handlers, and the app's, have changed in tables and trees."""
        for remembered in self.roll:
            if remembered.shape.is_looked_at and remembered.is_settled and remembered.has_changed():
                self._record(remembered)

    def _record(self, remembered: Remembered) -> None:
        if self._visit.ended or remembered.is_gone or remembered not in self.roll:
            return
        if is_refused(remembered.shape.element):
            self.roll.drop(remembered)
            return
        self._set(remembered, remembered.taken())

    def _set(self, remembered: Remembered, raw: msgspec.Raw) -> None:
        if raw == remembered.raw:
            return
        remembered.raw = raw
        if (part := self.places.part_of(remembered)) is not None:  # else later, when the tab or the visit is known
            self._put(remembered, part, raw)

    def _put(self, remembered: Remembered, part: Part, raw: msgspec.Raw) -> None:
        if has_room(self.places.values(remembered.slice_id, part), remembered.name, raw):
            self._write(remembered, part, raw)
        else:
            self._make_room(remembered.slice_id, part)

    def _write(self, remembered: Remembered, part: Part, raw: msgspec.Raw) -> None:
        try:
            self.places.session.set(remembered.slice_id, part, remembered.name, raw, source=self)
        except ValueNotStorable as error:
            if not self._is_full:
                self._is_full = True
                log.warning('what a person set on %s is not remembered: %s', self.path, error.without_value)

    def _make_room(self, slice_id: SliceId, part: Part) -> None:
        """Drop what elements have stored that are not on this page now, and the rest if that does not help."""
        places = self.places
        here = [each for each in self.roll if each.slice_id == slice_id and places.part_of(each) == part]
        if part.kind == 'data':
            places.session.reset(slice_id)
        else:
            places.session.drop(slice_id, part)
        for remembered in reversed(here):
            raw = remembered.raw
            if raw is not None and has_room(places.values(slice_id, part), remembered.name, raw):
                self._write(remembered, part, raw)

    # ---- whose values

    def identified(self) -> None:
        """Show what belongs to the tab and the visit, now that they are known."""
        self.places.identified()
        self.settle()
        self._refresh()

    def follow(self, session: Session) -> None:
        """Continue with another session that has the same values."""
        self.end()
        self._attached = session
        self._epoch = session.document.epoch
        session.attach(self)
        self.places.follow(session)
        for remembered in self.roll:
            self.places.part_of(remembered)

    def end(self) -> None:
        """Stop following the session: the page is gone."""
        if self._attached is not None:
            self._attached.detach(self)
            self._attached = None
            self.places.end()

    # ---- Subscriber

    def changed(self, slice_id: SliceId, part: Part, name: str) -> None:
        """Show nothing: another tab keeps what it shows, until it is loaded again."""

    def replaced(self) -> None:
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._refresh_soon)

    def rejected(self, operation: Set) -> None:
        """Do nothing: `replaced` follows, and what a person set here is stored again."""

    def _refresh_soon(self) -> None:
        self._is_due = False
        if not self._visit.ended and not self._client.is_deleted:
            self._visit.guarded(self._refresh)

    def _refresh(self) -> None:
        """Show what was read, and store again what a person has set here since."""
        session = self.places.session
        if not session.is_read:
            return
        with nicegui_private.acting(person=False):
            if session.document.epoch != self._epoch:
                self._epoch = session.document.epoch
                for remembered in self.roll:
                    remembered.begin_again()
            for remembered in self.roll:
                if remembered.is_touched:
                    self._store_again(remembered)
                elif self._is_awaited(remembered):
                    is_new = self._show_stored(remembered)
                    if remembered.is_settled:
                        if is_new:
                            remembered.shape.announce()
                        self._await_more(remembered)

    def _store_again(self, remembered: Remembered) -> None:
        part, raw = self.places.part_of(remembered), remembered.raw
        if part and raw and self.places.values(remembered.slice_id, part).get(remembered.name) != raw:
            self._put(remembered, part, raw)

    def _is_awaited(self, remembered: Remembered) -> bool:
        """Whether what is stored is still to be shown: until it is known, and while an older server may store it."""
        return not remembered.is_known or self._loop.time() < self._watched_until
