"""What one open page remembers: it shows again what a person set on elements, and stores what they set now."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import Any

import msgspec
from nicegui import Client
from nicegui.element import Element
from nicegui.elements.mixins.value_element import ValueElement

from ...errors import StashError, ValueNotStorable
from ...model.document import Part, SliceId, Values
from ...model.operations import Set
from ...model.scopes import Scope
from ...session.session import Session
from .. import nicegui_private
from ..page.choices import is_stored
from ..visit.visit import Visit
from .naming import NAME, found_name, given_name, page_path, slice_of
from .room import MOST_BYTES, MOST_PAGES, has_room
from .shape import Shape, Unfit
from .shapes import is_if_asked, is_secret, shape_of

log = logging.getLogger('nicegui_stash')

NOTHING: Values = {}
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


class Memory:
    """The remembered elements of one client. A `Subscriber` of its session."""

    def __init__(self, visit: Visit, watch: float) -> None:
        """`watch`: seconds for which a new page shows what another server stores late."""
        self._visit = visit
        self._client: Client = visit.client
        self._attached: Session | None = visit.session
        self._by_element: dict[int, Remembered] = {}
        self._by_name: dict[tuple[SliceId, str], Remembered] = {}
        self._next: dict[tuple[SliceId, str], int] = {}
        self._slices: dict[int, SliceId] = {}  # by the element around it
        self._within: dict[int, Scope] = {}  # by element: what is made in it is remembered too
        self._scanned: int | None = None
        self._unsettled: list[Remembered] = []
        self._held: dict[tuple[SliceId, Part], None] = {}
        self._parts: dict[tuple[SliceId, Scope], Part] = {}
        self._visit_id = visit.id
        self._is_answered = visit.joins
        self._is_scheduled = False
        self._is_due = False
        self._is_full = False
        self._loop = asyncio.get_running_loop()
        self._watched_until = self._loop.time() + watch
        visit.registry.limit_keys(NAME, MOST_PAGES)
        self._session.attach(self)
        self._epoch = self._session.document.epoch
        if not self._is_answered:
            nicegui_private.before_response(self._client, self._answer)

    @property
    def _session(self) -> Session:
        return self._attached or self._visit.session

    # ---- which elements

    @property
    def path(self) -> str:
        return page_path(self._client)

    def remember(self, element: Element, key: str | int | None, scope: Scope) -> None:
        """Remember one element. Raises `StashError` for one of which nothing can be remembered, or a key used twice."""
        if element.id in self._by_element:
            return
        shape = shape_of(element)
        if shape is None:
            raise StashError(_cannot(element, self.path))
        if is_secret(element):
            raise StashError(f'{_described(element)} on {self.path} is for a secret, which is never stored')
        if self._is_bound(element):
            raise StashError(
                f'{_described(element)} on {self.path} is bound to a stored field, which comes back already; '
                'leave stash.remember() out'
            )
        self._add(shape, key, scope)
        self._schedule()

    def first_of_block(self) -> int:
        """Return the id of the first element that a block makes."""
        return nicegui_private.element_count(self._client)

    def remember_block(self, first: int, scope: Scope) -> None:
        """Remember the elements that were made since, and what will be made inside them."""
        end = nicegui_private.element_count(self._client)
        if self._scanned is None:
            self._scanned = end
            nicegui_private.on_new_elements(self._client, self._schedule)
        else:
            self._scan(first)
            self._scanned = end
        self._take(first, end, scope)
        self._schedule()

    def _take(self, first: int, end: int, scope: Scope | None) -> None:
        elements, within = self._client.elements, self._within
        for id_ in range(first, end):
            element = elements.get(id_)
            if element is None or id_ in within:
                continue
            found = scope
            if found is None:
                slot = element.parent_slot
                found = within.get(slot.parent.id) if slot is not None else None
            if found is not None:
                within[id_] = found
                self._add_if_possible(element, found)

    def _scan(self, end: int) -> None:
        """Remember new elements inside those that a block has made."""
        if self._scanned is not None and self._scanned < end:
            first, self._scanned = self._scanned, end
            self._take(first, end, None)

    def _add_if_possible(self, element: Element, scope: Scope) -> None:
        if element.id in self._by_element or is_if_asked(element) or is_secret(element) or self._is_bound(element):
            return
        if (shape := shape_of(element)) is not None:
            self._add(shape, None, scope)

    def _add(self, shape: Shape, key: str | int | None, scope: Scope) -> None:
        element: Element = shape.element
        slice_id = self._slice_of(element)
        name = self._free_name(slice_id, found_name(element)) if key is None else given_name(key)
        if self._is_taken(slice_id, name):
            raise StashError(f'key={key!r} is used twice on {self.path}; give each remembered element its own key=')
        remembered = Remembered(shape, slice_id, name, scope, shape.state())
        self._by_element[element.id] = self._by_name[slice_id, name] = remembered
        self._unsettled.append(remembered)
        shape.listen(lambda: self._changed(remembered))
        self._recall(remembered)

    def _slice_of(self, element: Element) -> SliceId:
        slot = element.parent_slot
        if slot is None or nicegui_private.shows_views(slot.parent):
            return slice_of(element)
        if (found := self._slices.get(slot.parent.id)) is None:
            found = self._slices[slot.parent.id] = slice_of(element)
        return found

    def _is_taken(self, slice_id: SliceId, name: str) -> bool:
        held = self._by_name.get((slice_id, name))
        return held is not None and not held.shape.element.is_deleted

    def _free_name(self, slice_id: SliceId, base: str) -> str:
        """Return a name with the position of an element among its like: of those that are gone the place is free."""
        number = self._next.get((slice_id, base), 0)
        if number and not self._is_taken(slice_id, base):
            number = 0
        while self._is_taken(slice_id, name := f'{base} #{number + 1}' if number else base):
            number += 1
        self._next[slice_id, base] = number + 1
        return name

    @staticmethod
    def _is_bound(element: Element) -> bool:
        """Whether the value of an element goes to a stored field, which wins."""
        leads = nicegui_private.bindings.get((id(element), ('value',)))
        return leads is not None and any(is_stored(target, names) for _, target, names, _ in leads)

    def _forget_gone(self) -> None:
        if len(self._by_name) < len(self._by_element):
            elements = self._client.elements
            self._by_element = {id_: each for id_, each in self._by_element.items() if id_ in elements}
            self._within = {id_: scope for id_, scope in self._within.items() if id_ in elements}
            self._slices = {id_: found for id_, found in self._slices.items() if id_ in elements}

    def _present(self) -> Iterator[Remembered]:
        for remembered in list(self._by_name.values()):
            if not remembered.shape.element.is_deleted:
                yield remembered

    # ---- showing what is stored

    def _recall(self, remembered: Remembered) -> bool:
        """Show what is stored of an element, without its handlers; return whether that is not the default."""
        part = self._part_of(remembered)
        if part is None or not self._session.is_read:
            return False
        remembered.is_known = True
        raw = self._values(remembered.slice_id, part).get(remembered.name)
        if raw is None or raw == remembered.raw:
            return False
        remembered.raw = raw
        state = remembered.stored = _decoded(raw, remembered.shape.name)
        return state is not None and self._show(remembered, state) and remembered.shown != remembered.default

    def _show(self, remembered: Remembered, state: Any) -> bool:
        """Show a state as far as it fits, else the default. Return whether anything fits."""
        shape = remembered.shape
        try:
            with nullcontext() if self._is_answered else nicegui_private.unsent(shape.element):
                remembered.shown = shape.show(state)
            return True
        except Unfit:
            pass
        except Exception as error:  # noqa: BLE001 the element may raise anything
            log.warning('%s on %s cannot show what was remembered: %s', shape.name, self.path, type(error).__name__)
        remembered.shown = None
        with suppress(Exception):  # it is what the element showed before
            shape.show(remembered.default)
        return False

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
            self._scan(nicegui_private.element_count(self._client))
            unsettled, self._unsettled = self._unsettled, []
            for remembered in unsettled:
                if not remembered.shape.element.is_deleted:
                    self._settle(remembered)
            self._forget_gone()

    def _settle(self, remembered: Remembered) -> None:
        remembered.is_settled = True
        shape = remembered.shape
        if self._is_bound(shape.element) or is_secret(shape.element):
            self._drop(remembered)
            return
        if remembered.shown is None:
            remembered.default = shape.state()
            return
        now = shape.state()
        if now != remembered.shown:
            remembered.default = now
        if now != remembered.shown or shape.has_parts:
            self._show(remembered, remembered.stored)
        if remembered.shown is not None and remembered.shown != remembered.default:
            shape.announce()

    def _drop(self, remembered: Remembered) -> None:
        """Remember an element no longer: its field wins, or it turned out to be for a secret."""
        self._by_name.pop((remembered.slice_id, remembered.name), None)
        if remembered.raw is not None and is_secret(remembered.shape.element):
            self._set(remembered, msgspec.Raw(b'null'))

    # ---- storing what a person sets

    def _changed(self, remembered: Remembered) -> None:
        if remembered.is_settled and nicegui_private.is_person_acting(self._client):
            self._record(remembered)

    def look(self) -> None:
        """Store what NiceGUI's handlers, and the app's, have changed in tables and trees."""
        for remembered in self._present():
            if remembered.shape.is_looked_at and remembered.is_settled:
                state = remembered.shape.state()
                known = remembered.default if remembered.shown is None else remembered.shown
                if state != known:
                    self._record(remembered)

    def _record(self, remembered: Remembered) -> None:
        shape = remembered.shape
        if self._visit.ended or shape.element.is_deleted:
            return
        if (slice_key := (remembered.slice_id, remembered.name)) not in self._by_name:
            return
        if self._is_bound(shape.element) or is_secret(shape.element):
            self._by_name.pop(slice_key)
            return
        state = remembered.shown = shape.state()
        remembered.is_touched = True
        raw = _encoded(shape, state)
        if raw is None:
            log.debug('%s on %s has nothing that JSON can hold', shape.name, self.path)
            raw = msgspec.Raw(b'null')
        self._set(remembered, raw)

    def _set(self, remembered: Remembered, raw: msgspec.Raw) -> None:
        if raw == remembered.raw:
            return
        remembered.raw = raw
        if (part := self._part_of(remembered)) is not None:  # else later, when the tab or the visit is known
            self._put(remembered, part, raw)

    def _put(self, remembered: Remembered, part: Part, raw: msgspec.Raw) -> None:
        if has_room(self._values(remembered.slice_id, part), remembered.name, raw):
            self._write(remembered, part, raw)
        else:
            self._make_room(remembered.slice_id, part)

    def _write(self, remembered: Remembered, part: Part, raw: msgspec.Raw) -> None:
        try:
            self._session.set(remembered.slice_id, part, remembered.name, raw, source=self)
        except ValueNotStorable as error:
            if not self._is_full:
                self._is_full = True
                log.warning('what a person set on %s is not remembered: %s', self.path, error.without_value)

    def _make_room(self, slice_id: SliceId, part: Part) -> None:
        """Drop what elements have stored that are not on this page now, and the rest if that does not help."""
        here = [each for each in self._present() if each.slice_id == slice_id and self._part_of(each) == part]
        if part.kind == 'data':
            self._session.reset(slice_id)
        else:
            self._session.drop(slice_id, part)
        for remembered in reversed(here):
            raw = remembered.raw
            if raw is not None and has_room(self._values(slice_id, part), remembered.name, raw):
                self._write(remembered, part, raw)

    # ---- whose values

    def _part_of(self, remembered: Remembered) -> Part | None:
        """Return where an element's state is stored; `None` while its tab or visit is not known."""
        known = (remembered.slice_id, remembered.scope)
        if (part := self._parts.get(known)) is not None:
            return part
        visit = self._visit
        if remembered.scope.is_private and not visit.identified:
            return None
        part = self._parts[known] = remembered.scope.part_of(visit.tab, visit.id)
        place = (remembered.slice_id, part)
        if place not in self._held:
            self._locate(remembered.slice_id, part)
            self._held[place] = None
            self._session.hold(*place)
        return part

    def _locate(self, slice_id: SliceId, part: Part) -> None:
        """Do what the report asks for: a new visit begins blank, a duplicated tab with what the first one has."""
        visit, report = self._visit, self._visit.report
        if part.kind == 'visits' and report.previous and report.previous != visit.id:
            self._session.drop(slice_id, Part('visits', report.previous))
        if part.kind == 'tabs' and report.old_tab and report.old_tab != visit.tab:
            with suppress(ValueNotStorable):
                self._session.copy_part(slice_id, Part('tabs', report.old_tab), part)

    def _values(self, slice_id: SliceId, part: Part) -> Values:
        found = self._session.document.slice(slice_id)
        return (found.values(part) if found else None) or NOTHING

    def identified(self) -> None:
        """Show what belongs to the tab and the visit, now that they are known."""
        if self._visit_id != self._visit.id:  # the report came late: what was set since belongs to the older visit
            for slice_id, part in [place for place in self._held if place[1] == Part('visits', self._visit_id)]:
                self._session.drop(slice_id, part)
                self._release(slice_id, part)
            self._parts.clear()
            self._visit_id = self._visit.id
        self.settle()
        self._refresh()

    def follow(self, session: Session) -> None:
        """Continue with another session that has the same values."""
        self.end()
        self._attached = session
        self._epoch = session.document.epoch
        session.attach(self)
        for remembered in self._present():
            self._part_of(remembered)

    def end(self) -> None:
        """Stop following the session: the page is gone."""
        if self._attached is not None:
            self._attached.detach(self)
            for slice_id, part in list(self._held):
                self._release(slice_id, part)
            self._attached = None
            self._parts.clear()

    def _release(self, slice_id: SliceId, part: Part) -> None:
        self._held.pop((slice_id, part), None)
        self._session.release(slice_id, part)

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
        if not self._session.is_read:
            return
        with nicegui_private.acting(person=False):
            if self._session.document.epoch != self._epoch:
                self._begin_again()
            for remembered in self._present():
                if remembered.is_touched:
                    part, raw = self._part_of(remembered), remembered.raw
                    if part and raw and self._values(remembered.slice_id, part).get(remembered.name) != raw:
                        self._put(remembered, part, raw)
                elif self._is_awaited(remembered) and self._recall(remembered) and remembered.is_settled:
                    remembered.shape.announce()

    def _is_awaited(self, remembered: Remembered) -> bool:
        """Whether what is stored is still to be shown: until it is known, and while an older server may store it."""
        return not remembered.is_known or self._loop.time() < self._watched_until

    def _begin_again(self) -> None:
        """Show the defaults: everything was erased."""
        self._epoch = self._session.document.epoch
        for remembered in self._present():
            was_set = remembered.raw is not None
            remembered.is_touched = False
            remembered.raw = remembered.stored = remembered.shown = None
            if was_set:
                with suppress(Unfit):
                    remembered.shape.show(remembered.default)
                    remembered.shape.announce()


def _encoded(shape: Shape, state: Any) -> msgspec.Raw | None:
    """Return the JSON of a state, without its large parts if it is too long; `None` if it cannot be stored."""
    for each in (state, None if state is None else shape.reduced(state)):
        if each is None:
            return None
        try:
            raw = msgspec.json.encode({shape.name: each})
        except (TypeError, ValueError, RecursionError):
            continue
        if len(raw) <= MOST_BYTES:
            return msgspec.Raw(raw)
    return None


def _decoded(raw: msgspec.Raw, shape: str) -> Any:
    """Return the state of this shape; `None` if something else is stored."""
    try:
        return _decoder.decode(raw).get(shape)
    except msgspec.MsgspecError:
        return None


def _described(element: Element) -> str:
    text = str(element.props.get('label') or getattr(element, 'text', None) or '')
    return f'ui.{type(element).__name__.lower()}' + (f'({text[:40]!r})' if text else '')


def _cannot(element: Element, path: str) -> str:
    what = f'{_described(element)} on {path} has nothing that a person sets, so stash.remember() keeps nothing of it'
    if not isinstance(element, ValueElement) and list(element.descendants()):
        return f'{what}; to remember what is in it, write with stash.remembering(): around it'
    return f'{what}; declare what it shows: text: str = stored(…) in a page class, and bind it'
