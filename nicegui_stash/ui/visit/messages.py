"""The messages that a page sends beside NiceGUI's events: one closed family. All of it is untrusted."""

from __future__ import annotations

from typing import Annotated, Any, Final, cast

from msgspec import Meta, Struct, ValidationError, convert

from ...model.recovery import Reason

MESSAGE: Final = 'nicegui_stash'
"""The name of the event under which our scripts send a message over NiceGUI's socket."""
ACKNOWLEDGE: Final = 'window.__niceguiStash?.acknowledge'

Identifier = Annotated[str, Meta(pattern=r'\A[A-Za-z0-9-]{8,64}\Z')]
"""The id of a tab or a visit; a browser can claim any."""
Search = Annotated[str, Meta(pattern=r'\A(\?[^#\s]{0,20000})?\Z')]


class Message(Struct, frozen=True, tag_field='kind'):
    """The base of the family; `kind` names the member."""


class Report(Message, frozen=True, tag='report'):
    """Why a document was loaded.

    `visit` is the visit that a rejoin continues, `old_tab` the tab that a duplicated one was copied from, or that was
    discarded or crashed, `previous` the visit that ended with a reload in the same tab. A visitor can claim any of
    them, but reaches only values of the own session.
    """

    reason: Reason = 'unknown'
    visit: Identifier | None = None
    old_tab: Identifier | None = None
    previous: Identifier | None = None

    @property
    def is_complete(self) -> bool:
        """Whether the report names what its reason needs."""
        return not (
            self.reason in {'unknown', 'subpage'}  # only the server sets these
            or (self.reason == 'rejoin' and self.visit is None)
            or (self.reason == 'duplicate' and self.old_tab is None)
        )

    def relevant(self) -> Report:
        """Return the report without fields that its reason does not use."""
        reason = self.reason
        return Report(
            reason,
            self.visit if reason == 'rejoin' else None,
            self.old_tab if reason in {'duplicate', 'rejoin'} else None,
            self.previous if reason == 'reload' else None,
        )


class AddressChanged(Message, frozen=True, tag='address'):
    """Back or forward changed the address. `made`: how many of the server's changes it held by then."""

    search: Search
    made: int
    moved: bool = False


class StorageReport(Message, frozen=True, tag='browser'):
    """The browser's stored items, its failures to store some, or changes there by another tab.

    `browser` is the number of the page's keeper, `made` how many of the keeper's changes the browser had made by then.
    `ask` is the number of the question that `items` answer, in one or several messages up to the `last`.
    """

    browser: int
    made: int
    ask: int | None = None
    items: dict[str, Any] | None = None
    last: bool = False
    error: Any = None
    cleared: bool = False
    changed: dict[str, Any] | None = None
    failed: dict[str, Any] | None = None


class Typed(Message, frozen=True, tag='typed'):
    """Values entered while the server was away, with the page's seal for its session and visit."""

    seal: Annotated[str, Meta(max_length=128)] | None
    values: list[Any]


class Again(Message, frozen=True, tag='again'):
    """Values sent over a connection that may have been broken already."""

    values: list[Any]


class Unsent(Message, frozen=True, tag='unsent'):
    """The addresses of all elements that show a value which is too large to be sent."""

    addresses: Annotated[list[Annotated[str, Meta(max_length=16)]], Meta(max_length=500)]


class Lost(Message, frozen=True, tag='lost'):
    """The page before was not told that what was edited last in its tables and grids is durable: so many edits."""

    edits: Annotated[int, Meta(ge=1, le=1_000_000)]


AnyMessage = Report | AddressChanged | StorageReport | Typed | Again | Unsent | Lost

UNKNOWN: Final = Report()

simulated: Final[dict[str, Report]] = {}
"""Reports for NiceGUI's user simulation, which has no browser: tests put them here, through `nicegui_stash.testing`.
By tab id, and once the page is open by client id."""


def decode(sent: object) -> AnyMessage | None:
    """Return the message that a page sent; `None` for an unknown, malformed or incomplete one."""
    try:
        message: AnyMessage = convert(sent, AnyMessage)
    except (ValidationError, UnicodeEncodeError, RecursionError):  # half of a surrogate pair has no UTF-8
        return None
    if isinstance(message, Report):
        return message.relevant() if message.is_complete else None
    return message


def is_report(told: object) -> bool:
    """Whether a message that cannot be decoded calls itself a report."""
    return isinstance(told, dict) and cast(dict[str, object], told).get('kind') == 'report'


def identifier(value: object) -> str | None:
    """Return the id of a tab or a visit that a browser claims, `None` if it is malformed."""
    try:
        return convert(value, Identifier)
    except (ValidationError, UnicodeEncodeError):
        return None
