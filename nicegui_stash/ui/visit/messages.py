"""What a page tells the server beside NiceGUI's events: one closed family of messages. All of it is untrusted."""

from __future__ import annotations

from typing import Annotated, Any, Final

from msgspec import Meta, Struct, ValidationError, convert

from ...model.recovery import Reason

MESSAGE: Final = 'nicegui_stash'
"""The name of the event under which our scripts send a message over NiceGUI's socket."""
ACKNOWLEDGE: Final = 'window.__niceguiStash?.acknowledge'

Identifier = Annotated[str, Meta(pattern=r'\A[A-Za-z0-9-]{8,64}\Z')]
"""The id of a tab or a visit: a browser can claim any."""
Search = Annotated[str, Meta(pattern=r'\A(\?[^#\s]{0,20000})?\Z')]


class Message(Struct, frozen=True, tag_field='kind'):
    """The base of the family; `kind` names the member."""


class Report(Message, frozen=True, tag='report'):
    """Why a document was loaded.

    `visit` is the visit that a rejoin continues, `old_tab` the tab that a duplicated one was copied from, `previous`
    the visit that ended with a reload in the same tab. A visitor can claim any of them, and reaches only what is
    stored for the own session.
    """

    reason: Reason = 'unknown'
    visit: Identifier | None = None
    old_tab: Identifier | None = None
    previous: Identifier | None = None

    @property
    def is_complete(self) -> bool:
        """Whether the report names what its reason needs."""
        return not (
            self.reason in {'unknown', 'subpage'}  # for the server to say
            or (self.reason == 'rejoin' and self.visit is None)
            or (self.reason == 'duplicate' and self.old_tab is None)
        )

    def relevant(self) -> Report:
        """Return the report without what its reason has no use for."""
        reason = self.reason
        return Report(
            reason,
            self.visit if reason == 'rejoin' else None,
            self.old_tab if reason == 'duplicate' else None,
            self.previous if reason == 'reload' else None,
        )


class AddressChanged(Message, frozen=True, tag='address'):
    """Back or forward changed the address. `made`: how many of the server's changes it held by then."""

    search: Search
    made: int
    moved: bool = False


class BrowserTold(Message, frozen=True, tag='browser'):
    """What the browser keeps or could not keep, or what another tab changed there.

    `browser` numbers the page's keeper, `made` counts the changes of it that the browser had made by then. `ask` is the
    number of the question that `items` answer, in one or several messages up to the `last`.
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
    """What was entered while the server was away, with the seal that the page got for its session and visit."""

    seal: Annotated[str, Meta(max_length=128)] | None
    values: list[Any]


class Again(Message, frozen=True, tag='again'):
    """What was sent into a connection that may have been dead already."""

    values: list[Any]


AnyMessage = Report | AddressChanged | BrowserTold | Typed | Again

UNKNOWN: Final = Report()

simulated: Final[dict[str, Report]] = {}
"""What NiceGUI's user simulation would have reported, if there were a browser: put here by tests, through
`nicegui_stash.testing`. By tab id, and once the page is open by client id."""


def decode(told: object) -> AnyMessage | None:
    """Return the message that a page sent; `None` for one that is unknown, malformed or incomplete."""
    try:
        message: AnyMessage = convert(told, AnyMessage)
    except (ValidationError, RecursionError):
        return None
    if isinstance(message, Report):
        return message.relevant() if message.is_complete else None
    return message


def identifier(value: object) -> str | None:
    """Return what a browser claims to be the id of a tab or a visit, `None` if it cannot be one."""
    try:
        return convert(value, Identifier)
    except ValidationError:
        return None
