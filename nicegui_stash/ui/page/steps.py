"""What a person did on a page, step by step: it can be taken back, and made again."""

# pyright: reportUnknownMemberType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

import asyncio
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Final, cast

from msgspec import Raw
from nicegui.binding import BindableProperty

from ...errors import ValueNotStorable
from ...model.document import Part, SliceId
from ...model.pieces import Json, Pieces, joined
from ...model.scopes import Owner
from ...model.steps import Log, Step, changed_again, changed_back, edit_of, fits, log_of, step_of, to_json
from ...session.session import Session
from .. import nicegui_private
from ..visit.visit import Visit
from .accepting import Accepting
from .following import Following
from .secret import is_secret
from .values import FieldValues

NAME: Final = 'stash.undo'
"""The stored name of the steps of a page; no class has it, since it is no identifier."""
VERSION: Final = 1
MOST_PAGES: Final = 100
"""How many classes and keys a document keeps steps of; those seen least recently go first."""
MOST_BYTES: Final = 64 * 1024
"""How long the JSON of all steps may be together: the oldest go first."""
PAUSE: Final = 0.5
"""Seconds within which a change of the same field belongs to the same step."""
LOG: Final = 'log'
NOTHING: Final = Raw(b'null')

_is_moving: ContextVar[bool] = ContextVar('nicegui_stash_is_moving', default=False)
"""Set while a step is taken back or made again, also in what this starts: its changes are no steps."""


class Steps:
    """What a person can take back on a page, as `stash.steps(page)` returns it. Both attributes can be bound.

    This one has no steps, as in a script that runs for no visitor.
    """

    can_undo: bool = cast(bool, BindableProperty())  # the type of its value
    can_redo: bool = cast(bool, BindableProperty())

    def __init__(self) -> None:
        self.can_undo = self.can_redo = False

    def undo(self) -> bool:
        """Take back the newest step that nobody has written over; return whether there was one."""
        return False

    def redo(self) -> bool:
        """Make the oldest step again that was taken back and that nobody has written over, as `undo` does."""
        return False


class PageSteps(Steps):
    """The steps of one page object.

    A step has the changes of one turn of the event loop, and those of the same fields that follow within `PAUSE`. It is
    taken back as a whole, and only while each of its fields holds what the step left there: one over which somebody
    else has written is passed over. The steps are kept with the visit, in the document that `owner` names, one field
    for each; a number modulo the limit is its place.
    """

    def __init__(
        self, values: FieldValues, documents: Mapping[Owner, Following], accepting: Accepting, visit: Visit
    ) -> None:
        super().__init__()
        self._values = values
        self._schema = schema = values.schema
        self._documents = documents
        self._accepting = accepting
        self._visit = visit
        self._loop = loop = asyncio.get_running_loop()
        self._clock = loop.time
        self._owner: Owner = 'user' if 'user' in schema.owners else 'session'  # so that they leave with the person
        key = values.slice_id.key
        self._slice_id = SliceId(NAME, VERSION, f'{schema.name}/{key}' if key else schema.name)
        self._kept: tuple[Session, Part] | None = None
        self._begin_again()
        visit.registry.limit_keys(NAME, MOST_PAGES)

    def _begin_again(self) -> None:
        self._log = Log(limit=self._schema.undo, version=self._schema.version)
        self._steps: dict[int, Raw] = {}
        self._latest: dict[str, int] = {}
        """By field: the newest step that has changed it."""
        self._size = 0
        self._open: dict[str, tuple[Json, Json]] | None = None
        """By field: what the step that is being made has replaced, and by what."""
        self._number: int | None = None
        """Of that step, once it is among the others."""
        self._changed_at = 0.0
        self._in_turn = self._is_unwritten = self._is_stale = False

    # ---- noting

    def note(self, name: str, before: Json | None, after: Json, *, merged: bool) -> None:
        """Make a change of this page a step, or a part of one. `merged`: it was entered before a rejoin."""
        if _is_moving.get() or not self._schema.fields[name].scope.is_stored:
            return
        is_own = merged or nicegui_private.is_person_acting(self._visit.client)
        if before is None or before is after or not is_own or self._is_secret(name):  # the same: of a worker thread
            if name in self._latest:
                self._refresh_soon()
            return
        now = self._clock()
        is_soon = self._open is not None and name in self._open and now <= self._changed_at + PAUSE
        if self._open is None or not (self._in_turn or is_soon):
            self.close()
            self._open = {}
        self._changed_at = now
        if not self._in_turn:
            self._in_turn = True
            self._loop.call_soon(self._end_turn)
        self._open[name] = self._open.get(name, (before, after))[0], after
        self._is_unwritten = True
        if not isinstance(before, Pieces) and not isinstance(after, Pieces):  # else it costs as much as the whole
            self.write()

    def _is_secret(self, name: str) -> bool:
        target = self._values.target()
        return target is None or any(is_secret(bound.element) for bound in nicegui_private.two_way(target, name))

    def _end_turn(self) -> None:
        self._in_turn = False
        self.write()

    def close(self) -> None:
        """End the step that is being made."""
        self.write()
        self._open = self._number = None

    def write(self) -> None:
        """Put the step that is being made among the others."""
        if not self._is_unwritten or self._open is None:
            return
        self._is_unwritten = False
        raws = {name: (joined(before), joined(after)) for name, (before, after) in self._open.items()}
        edits = [edit_of(name, before, after) for name, (before, after) in raws.items() if before != after]
        try:
            if edits:
                self._number = self._new() if self._number is None else self._number
                self._put(self._number, Step(self._number, self._schema.version, edits))
            elif self._number is not None:
                self._drop(self._number)
                self._log.at = self._log.end = self._number
                self._number = None
                self._put_log()
        except ValueNotStorable:  # the document is full, or too much is pending
            self.clear()
        self.can_undo, self.can_redo = self._log.at > self._log.first, False

    def _new(self) -> int:
        """Return the number of a new step; what was taken back cannot be made again."""
        log, number = self._log, self._log.at
        for stale in range(number, log.end):
            self._drop(stale)
        log.foreign = {name: min(below, number) for name, below in log.foreign.items()}
        log.at = log.end = number + 1
        while log.end - log.first > log.limit:
            self._drop(log.first)
            log.first += 1
        self._put_log()
        return number

    def _put(self, number: int, step: Step) -> None:
        raw, first = to_json(step), self._log.first
        self._size += len(raw) - len(self._steps.get(number, b''))
        self._steps[number] = raw
        self._latest |= dict.fromkeys((edit.field for edit in step.edits), number)
        while self._size > MOST_BYTES and self._log.first < self._log.at:
            self._drop(self._log.first)
            self._log.first += 1
        if self._log.first != first:
            self._put_log()
        if number in self._steps:
            self._keep(self._place(number), raw)

    def _drop(self, number: int) -> None:
        if (raw := self._steps.pop(number, None)) is not None:
            self._size -= len(raw)
            self._keep(self._place(number), NOTHING)

    # ---- taking back

    def undo(self) -> bool:
        """Take back the newest step that nobody has written over; return whether there was one.

        Raises `TooMuchPending` or `ValueTooLarge`, and nothing is taken back then.
        """
        return self._move(back=True)

    def redo(self) -> bool:
        return self._move(back=False)

    def _move(self, *, back: bool) -> bool:
        if self._values.closed:
            return False
        self.close()
        found = self._find(back=back)
        if found is not None:
            number, raws = found
            self._show(raws)
            self._log.at = number if back else number + 1
            with suppress(ValueNotStorable):  # after a rejoin the step is passed over
                self._put_log()
        self.refresh()
        return found is not None

    def _find(self, *, back: bool) -> tuple[int, dict[str, Raw]] | None:
        """Return the number of the next step that can be taken, and the JSON that its fields have then."""
        log = self._log
        for number in range(log.at - 1, log.first - 1, -1) if back else range(log.at, log.end):
            if (raws := self._result(number, back=back)) is not None:
                return number, raws
        return None

    def _result(self, number: int, *, back: bool) -> dict[str, Raw] | None:
        step = step_of(self._steps.get(number))
        raws: dict[str, Raw] = {}
        for edit in () if step is None else step.edits:
            name = edit.field
            if name not in self._schema.fields or number < self._log.foreign.get(name, 0):
                return None
            now = joined(self._values.raws[name])
            raw = changed_back(edit, now) if back else changed_again(edit, now)
            if step is None or raw is None or not fits(self._schema, name, raw, step.version):
                return None
            raws[name] = raw
        return raws or None

    def _show(self, raws: Mapping[str, Raw]) -> None:
        accept, before = self._accepting.accept_earlier, {name: joined(self._values.raws[name]) for name in raws}
        done: list[str] = []
        with _moving():
            try:
                for name, raw in raws.items():
                    accept(name, raw)
                    done.append(name)
            except ValueNotStorable:
                for name in reversed(done):
                    accept(name, before[name])
                raise

    def refresh(self) -> None:
        """Say whether there is a step to take back, and one to make again."""
        self._is_stale = False
        if not self._values.closed:
            self.can_undo = self._find(back=True) is not None
            self.can_redo = self._find(back=False) is not None

    def _refresh_soon(self) -> None:
        if not self._is_stale:
            self._is_stale = True
            self._loop.call_soon(self._visit.guarded, self.refresh)

    # ---- what others do

    def changed_elsewhere(self, name: str) -> None:
        """Leave a field as it is from now on that somebody else has changed: no older step is taken back."""
        log = self._log
        if self._latest.get(name, -1) < max(log.first, log.foreign.get(name, 0)):
            return
        if self._open is not None and name in self._open:
            self.close()
        log.foreign = {**log.foreign, name: log.end}
        with suppress(ValueNotStorable):  # then only the values say so
            self._put_log()
        self._refresh_soon()

    def clear(self) -> None:
        """Forget all steps: the values were erased."""
        if self._kept is not None and self._log.end:
            session, part = self._kept
            session.drop(self._slice_id, part)
        self._begin_again()
        self._refresh_soon()

    # ---- keeping

    def locate(self) -> None:
        """Keep the steps with the visit from now on, and take over those that it has already."""
        session = self._documents[self._owner].session
        if not self._accepting.is_auto or not session.is_read or self._values.closed:
            return  # what waits for `save()` is not stored, and its steps neither
        visit, part = self._visit, Part('visits', self._visit.id)
        if self._kept == (session, part):
            return
        self.close()
        self._leave(drop=True)
        self._kept = session, part
        session.hold(self._slice_id, part)
        if (previous := visit.report.previous) and previous != visit.id:
            session.drop(self._slice_id, Part('visits', previous))
        found = session.document.slice(self._slice_id)
        self._take_over((found.values(part) if found else None) or {})
        self.refresh()

    def _take_over(self, stored: Mapping[str, Raw]) -> None:
        """Continue with stored steps, and put behind them those that were made before the visit was known."""
        mine = [step for number in range(self._log.first, self._log.at) if (step := step_of(self._steps.get(number)))]
        log = log_of(stored.get(LOG))
        self._begin_again()
        if log is not None and log.end:
            self._read(log, stored)
            is_same = (log.limit, log.version, log.of) == (self._schema.undo, self._schema.version, self._of())
            if not is_same:
                self._write_again(log)
        with suppress(ValueNotStorable):
            for step in mine:
                number = self._new()
                self._put(number, Step(number, step.version, step.edits))

    def _read(self, log: Log, stored: Mapping[str, Raw]) -> None:
        """Take over the steps that are there without a gap, from where the person is."""
        limit = max(log.limit, 1)
        for numbers in (range(log.at - 1, log.first - 1, -1), range(log.at, log.end)):
            for number in numbers:
                raw = stored.get(str(number % limit))
                step = step_of(raw)
                if raw is None or step is None or step.number != number:
                    break
                self._steps[number] = Raw(bytes(raw))
                self._size += len(raw)
                for edit in step.edits:
                    self._latest[edit.field] = max(self._latest.get(edit.field, 0), number)
        log.first = min((number for number in self._steps if number < log.at), default=log.at)
        log.end = max((number + 1 for number in self._steps if number >= log.at), default=log.at)
        self._log = log

    def _write_again(self, log: Log) -> None:
        """Store the steps as they are kept now: `undo=` or the class has changed, or something was erased."""
        if self._kept is None:
            return
        is_erased, steps = self._is_erased(log), self._steps
        session, part = self._kept
        session.drop(self._slice_id, part)
        self._begin_again()
        if is_erased:
            return
        self._log.first = max(log.first, log.at - self._schema.undo)
        self._log.at = log.at
        self._log.end = min(log.end, self._log.first + self._schema.undo)
        self._log.foreign = log.foreign
        with suppress(ValueNotStorable):
            for number in range(self._log.first, self._log.end):
                if (step := step_of(steps.get(number))) is not None:
                    self._put(number, step)
            self._put_log()

    def _is_erased(self, log: Log) -> bool:
        """Whether a document that the steps are about is another one, or was erased since."""
        schema, now = self._schema, self._of()
        if log.version != schema.version:
            former = SliceId(schema.name, log.version, self._values.slice_id.key)
            for owner, (name, epoch, _) in now.items():
                found = self._documents[owner].session.document.slice(former)
                now[owner] = name, epoch, found.reset if found else 0
        return any(now.get(owner) != of for owner, of in log.of.items())

    def _of(self) -> dict[Owner, tuple[str, int, int]]:
        return {
            owner: (self._visit.name_of(owner) if owner == 'room' else '', *document.generation)
            for owner, document in self._documents.items()
        }

    def _place(self, number: int) -> str:
        return str(number % self._log.limit)

    def _put_log(self) -> None:
        self._log.of = self._of()
        self._keep(LOG, to_json(self._log))

    def _keep(self, name: str, raw: Raw) -> None:
        if self._kept is not None:
            session, part = self._kept
            session.set(self._slice_id, part, name, raw, source=self._documents[self._owner])

    def _leave(self, *, drop: bool) -> None:
        if self._kept is not None:
            session, part = self._kept
            if drop:
                session.drop(self._slice_id, part)
            session.release(self._slice_id, part)
            self._kept = None

    def follow(self, session: Session) -> None:
        """Continue in another session that has the same values."""
        if self._owner == 'session' and self._kept is not None:
            _, part = self._kept
            self._leave(drop=False)
            self._kept = session, part
            session.hold(self._slice_id, part)

    def leave_person(self) -> None:
        """Forget all steps before the document of another person is shown."""
        self.clear()
        if self._owner == 'user':
            self._leave(drop=False)

    def end(self, *, left: bool) -> None:
        """Stop: the page is gone. `left`: the visit to this view is over; drop its steps."""
        if not left:
            self.close()
        self._leave(drop=left)


@contextmanager
def _moving() -> Generator[None]:
    token = _is_moving.set(True)
    try:
        yield
    finally:
        _is_moving.reset(token)
