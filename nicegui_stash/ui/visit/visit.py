"""A visit: whose session a client shows, which tab and which visit it is. Data; it knows no page object."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext

from nicegui import Client

from ...errors import StashError
from ...model.scopes import Owner
from ...session.registry import Registry
from ...session.session import Session
from .cookie import former
from .messages import UNKNOWN, Report


class Visit:
    """A person's stay on one open page; all stored classes of the page share it.

    Its id is the id of NiceGUI's client, until a report names the visit that it continues. `exists`: something may be
    stored for the session. `joins`: the first stored class came to a page that was open already.
    """

    # Class attributes for later steps: most requested pages never get to them.
    tab = ''
    report: Report = UNKNOWN
    loaded = False
    """Whether the session was read, or the page has waited for that long enough."""
    identified = False
    """Whether the tab and the visit are known."""
    in_place = False
    """Whether the page came back within its document; then tab and visit are known from the request on."""
    ended = False
    room_name = ''
    """The name of what the page is about, if it has a room."""
    is_deciding = False
    """Whether `prepare()` has not decided yet if the visitor may open the room."""
    person_name: str | None = None
    """Who is signed in, as the app says; `None` for nobody."""
    signed_in = ''
    """Who was signed in when the page was requested, as its seal says."""
    has_left = False
    """Whether the person of this page has signed out since."""
    _documents: Mapping[Owner, Session] = {}
    """Those of other owners than the session."""

    def __init__(self, client: Client, registry: Registry, session_id: str, *, exists: bool) -> None:
        self.client = client
        self.registry = registry
        self.session_id = session_id
        self.exists = exists
        self._session: Session | None = registry.session(session_id, exists=exists)
        self.id: str = client.id
        self.joins = client.has_socket_connection

    def session_of(self, owner: Owner) -> Session:
        """Return the document of an owner. Raises `StashError` for a room, if the page has none."""
        if owner == 'session':
            return self.session
        if owner not in self._documents:
            raise StashError(
                "this page has no room; name it with room=, as in @stash.page('/board/{board}', room='board')"
            )
        return self._documents[owner]

    @property
    def sessions(self) -> tuple[Session, ...]:
        """The documents of all owners."""
        return (self.session, *self._documents.values())

    @property
    def session(self) -> Session:
        """The document of the browser session, held in memory while the visit lasts."""
        return self._session or self.registry.session(self.session_id)

    def enter(self, session: Session) -> None:
        """Continue with another session."""
        self._session = session

    def open(self, owner: Owner, document: Session) -> None:
        """Show the document of another owner from now on."""
        self._documents = {**self._documents, owner: document}

    def leave(self, owner: Owner) -> None:
        self._documents = {each: document for each, document in self._documents.items() if each != owner}

    def has(self, owner: Owner) -> bool:
        return owner in self._documents

    def name_of(self, owner: Owner) -> str:
        """Return what tells the document of an owner from others that a page of this address may show."""
        match owner:
            case 'room':
                return self.room_name
            case 'user':
                is_guest = self.person_name is None or owner not in self._documents
                return '' if is_guest else self._documents[owner].key
            case _:
                return ''

    def end(self) -> None:
        """Release the documents: the page is gone."""
        self.ended = True
        self.identified = True
        self._session = None
        self._documents = {}

    @property
    def owners(self) -> list[str]:
        """Return the session's id, and those of sessions it took over at sign-in: the browser may have their tokens."""
        return [self.session_id, *former(self.client.request)]

    def seal(self) -> str:
        """Return the text that binds typed values to the session and the visit; the browser keeps it."""
        if self.signed_in:
            return f'{self.id}.{self.registry.seal(self._sealed)}'
        session = self.session
        session.seal = session.seal or self.registry.seal(self.session_id)
        return f'{self.id}.{session.seal}'

    @property
    def _sealed(self) -> str:
        return f'{self.session_id}\0user\0{self.signed_in}'

    def is_sealed(self, seal: str) -> bool:
        """Whether a seal was given to this session, and to the person who is signed in, or to nobody."""
        if self.registry.is_seal(seal, self.session_id):
            return True
        return bool(self.signed_in) and self.registry.is_seal(seal, self._sealed)

    def is_seal(self, seal: str) -> bool:
        """Whether this is the seal of this session and visit."""
        visit, _, sealed = seal.rpartition('.')
        return visit == self.id and self.is_sealed(sealed)

    def identify(self, report: Report) -> None:
        """Take the browser's report, and continue the visit that it names, if any."""
        self.report = report
        self.id = report.visit or self.client.id

    def resume(self, visit: str, tab: str) -> None:
        """Continue a visit within the request of a page that comes back in place."""
        self.identify(Report('rejoin', visit=visit))
        self.tab = tab
        self.identified = self.in_place = True

    async def look_at_store(self) -> None:
        """Read the changes of other servers from the store."""
        await self.revalidate(1.0)

    async def revalidate(self, timeout: float) -> None:
        """Look whether someone else wrote, for `timeout` seconds; what is not known yet is read."""
        others = [each for owner, each in self._documents.items() if not (owner == 'user' and self.has_left)]
        if not others:
            await self.session.revalidate(timeout)
            return
        # nothing is stored for a visitor without a cookie
        documents = [self.session, *others] if self.exists else others
        await asyncio.gather(*(document.revalidate(timeout) for document in documents))

    def in_client(self) -> AbstractContextManager[object]:
        """Return the client's context, or an empty one if the client is deleted."""
        client = self.client
        return nullcontext() if client.is_deleted else client.content.default_slot  # what the client itself enters

    def guarded(self, step: Callable[[], None]) -> None:
        """Run a step within the client; exceptions of the app's handlers go to NiceGUI's exception handlers."""
        self.client.safe_invoke(step)
