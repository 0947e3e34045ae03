"""A visit: whose session a client shows, which tab and which visit it is. Data; it knows no page object."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext

from nicegui import Client

from ...model.scopes import Owner
from ...session.registry import Registry
from ...session.session import Session
from .cookie import former
from .messages import UNKNOWN, Report


class Visit:
    """A person's stay on one open page; all stored classes of the page share it.

    Its id is that of NiceGUI's client until a report says that it continues another visit. `exists` says whether
    anything can be stored for the session, `joins` whether its first class came to a page that was open already.
    """

    # Most pages that are requested get no further than this: what comes later belongs to the class until it does.
    tab = ''
    report: Report = UNKNOWN
    loaded = False
    """Whether the session was read, or as far as the page may be delayed by that."""
    identified = False
    """Whether it is known which tab and which visit this is."""
    ended = False

    def __init__(self, client: Client, registry: Registry, session_id: str, *, exists: bool) -> None:
        self.client = client
        self.registry = registry
        self.session_id = session_id
        self.exists = exists
        self._session: Session | None = registry.session(session_id, exists=exists)
        self.id: str = client.id
        self.joins = client.has_socket_connection

    def session_of(self, owner: Owner) -> Session:
        """Return the document of an owner. Today a visit has one owner: its browser session."""
        del owner
        return self.session

    @property
    def session(self) -> Session:
        """The document of the browser session; while the visit lasts it is held in memory."""
        return self._session or self.registry.session(self.session_id)

    def enter(self, session: Session) -> None:
        """Go on in another session."""
        self._session = session

    def end(self) -> None:
        """Let go of the session: the page is gone."""
        self.ended = True
        self.identified = True
        self._session = None

    @property
    def owners(self) -> list[str]:
        """Return the session, and those whose values it took along at sign-in: what a browser keeps may be theirs."""
        return [self.session_id, *former(self.client.request)]

    def seal(self) -> str:
        """Return what binds typed values to the session and the visit, for the browser to keep."""
        session = self.session
        session.seal = session.seal or self.registry.seal(self.session_id)
        return f'{self.id}.{session.seal}'

    def is_seal(self, seal: str) -> bool:
        """Whether the browser brings the seal of this session and visit."""
        visit, _, sealed = seal.rpartition('.')
        return visit == self.id and self.registry.is_seal(sealed, self.session_id)

    def identify(self, report: Report) -> None:
        """Continue the visit that the browser reports, if it reports one."""
        self.report = report
        self.id = report.visit or self.client.id

    async def look_at_store(self) -> None:
        """Show what other servers have changed."""
        await self.session.revalidate(1.0)

    @contextmanager
    def in_client(self) -> Generator[None]:
        """Be in the client's context, as far as there still is one."""
        with nullcontext() if self.client.is_deleted else self.client:
            yield

    def guarded(self, step: Callable[[], None]) -> None:
        """Run a step within the client; what the app's handlers raise goes to NiceGUI's exception handlers."""
        self.client.safe_invoke(step)
