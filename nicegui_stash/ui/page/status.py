"""Whether the changes of a page are durable, and if not, why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol, cast

from nicegui.binding import BindableProperty

from ...errors import RowGone, TooMuchPending, ValueNotStorable, ValueTooLarge
from ...session.session import Session
from ...session.subscriber import Activity

WORST: Final[tuple[Activity, ...]] = ('refused', 'offline', 'saving', 'pending', 'saved')

Kind = Literal['away', 'refused', 'newer', 'invalid', 'too_large', 'gone', 'full']


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a change of a page is not durable.

    `kind`, for the store: it is `away`, has `refused` the change, or holds a document in a `newer` format, which this
    version of the library leaves alone. For a field: the element's value is `invalid` or `too_large`, or too many
    changes are pending already (`full`). `reason` is technical, in English for developers; it may quote the value.
    `field` is the field's name and `label` the label of its element; both are empty if the store is in trouble.
    `is_choice`: a person chooses among the options of the element, as of a `ui.select`.
    """

    kind: Kind
    reason: str
    field: str = ''
    label: str = ''
    is_choice: bool = False


@dataclass(frozen=True, slots=True)
class RefusedValue:
    """A value that an element shows and its field has refused; `label` is the element's, or empty."""

    field: str
    label: str
    error: ValueNotStorable
    is_choice: bool


class ShowsRefused(Protocol):
    """A page object whose elements may show refused values."""

    def refused(self) -> Iterator[RefusedValue]: ...


class Status:
    """Whether the changes of a page are durable yet. Every attribute can be bound.

    `state` is `saved`, `pending` (accepted, waiting for its put), `saving` (a put is under way), `offline` (the store
    is away: changes are kept in memory) or `refused` (the store, or a field, refuses a change). `pending` counts the
    changes that are not durable yet, `saves` how often changes became durable. `troubles` has the reasons of all
    troubles, `problem` the store's.
    """

    state: str = cast(str, BindableProperty())  # the type of its value
    pending: int = cast(int, BindableProperty())
    saves: int = cast(int, BindableProperty())
    problem: str | None = cast('str | None', BindableProperty())
    troubles: tuple[Trouble, ...] = cast(tuple[Trouble, ...], BindableProperty())

    def __init__(self) -> None:
        self.state = 'saved'
        self.pending = 0
        self.saves = 0
        self.problem = None
        self.troubles = ()
        self._settled: int | None = None

    def update(self, sessions: Sequence[Session], page_objects: Iterable[ShowsRefused]) -> None:
        """Show what becomes of the changes of a page in these documents: the worst of each."""
        refused = tuple(_refused(page_objects))
        self.troubles = (*refused, *dict.fromkeys(each for session in sessions for each in _of_store(session)))
        self.pending = sum(0 if session.is_kept else session.pending for session in sessions)
        self.problem = next((session.problem for session in sessions if session.problem is not None), None)
        self.state = 'refused' if refused else min((session.activity for session in sessions), key=WORST.index)
        kept = sum(session.kept for session in sessions)
        if self._settled is not None and kept > self._settled:
            self.saves += 1
        self._settled = kept


def _refused(page_objects: Iterable[ShowsRefused]) -> Iterator[Trouble]:
    for page_object in page_objects:
        for each in page_object.refused():
            yield Trouble(kind_of(each.error), each.error.reason, each.field, each.label or each.field, each.is_choice)


def kind_of(error: ValueNotStorable) -> Kind:
    if isinstance(error, RowGone):
        return 'gone'
    if isinstance(error, TooMuchPending):
        return 'full'
    return 'too_large' if isinstance(error, ValueTooLarge) else 'invalid'


def _of_store(session: Session) -> Iterator[Trouble]:
    if session.problem is not None:
        newer = session.condition == 'unreadable'
        yield Trouble('newer' if newer else 'refused' if session.refuses else 'away', session.problem)
