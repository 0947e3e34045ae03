"""Where the states of a page's elements are stored: the parts of its session's document, and what is in them."""

from __future__ import annotations

from contextlib import suppress

from ...errors import ValueNotStorable
from ...model.document import Part, SliceId, Values
from ...model.scopes import Scope
from ...session.session import Session
from ..visit.visit import Visit
from .remembered import Remembered

NOTHING: Values = {}


class Places:
    """The parts in which one page stores. It holds them, so that their expiry waits."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._session: Session | None = visit.session
        self._held: dict[tuple[SliceId, Part], None] = {}
        self._parts: dict[tuple[SliceId, Scope], Part] = {}
        self._visit_id = visit.id

    @property
    def session(self) -> Session:
        return self._session or self._visit.session

    def part_of(self, remembered: Remembered) -> Part | None:
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
            self.session.hold(*place)
        return part

    def _locate(self, slice_id: SliceId, part: Part) -> None:
        """Do what the report asks for: a new visit begins blank, a duplicated tab with what the first one has."""
        visit, report = self._visit, self._visit.report
        if part.kind == 'visits' and report.previous and report.previous != visit.id:
            self.session.drop(slice_id, Part('visits', report.previous))
        if part.kind == 'tabs' and report.old_tab and report.old_tab != visit.tab:
            with suppress(ValueNotStorable):
                self.session.copy_part(slice_id, Part('tabs', report.old_tab), part)

    def values(self, slice_id: SliceId, part: Part) -> Values:
        """Return what is stored in a part, by the names of the elements."""
        found = self.session.document.slice(slice_id)
        return (found.values(part) if found else None) or NOTHING

    def identified(self) -> None:
        """Drop what was set before the visit was known, if that belongs to an older one: the report came late."""
        if self._visit_id != self._visit.id:
            for slice_id, part in [place for place in self._held if place[1] == Part('visits', self._visit_id)]:
                self.session.drop(slice_id, part)
                self._release(slice_id, part)
            self._parts.clear()
            self._visit_id = self._visit.id

    def follow(self, session: Session) -> None:
        """Continue in another session that has the same values."""
        self.end()
        self._session = session

    def end(self) -> None:
        """Hold no part any more."""
        if self._session is not None:
            for slice_id, part in list(self._held):
                self._release(slice_id, part)
            self._session = None
            self._parts.clear()

    def _release(self, slice_id: SliceId, part: Part) -> None:
        self._held.pop((slice_id, part), None)
        self.session.release(slice_id, part)
