"""One client's visit: whose session it shows, which tab and visit it is, and what has to be told to its pages."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

from nicegui import Client

from ...model.tokens import Tokens
from ...session.registry import Registry
from ...session.session import Session
from .. import nicegui_private
from ..app import session_rotation
from ..carryover.handover import Handover
from ..carryover.typed import is_typed
from ..contracts.keeper import Keeper
from ..page.status import Status
from ..scopes.browser import Browser, is_of_browser
from ..scopes.url import Address, is_of_address
from .report import UNKNOWN, Report, identifier, parse_report, simulated

if TYPE_CHECKING:
    from ...model.schema import Schema
    from ..page.page_object import PageObject

log = logging.getLogger('nicegui_stash')

REPORT_TIMEOUT = 1.0
"""Seconds after the connect for which the server waits for the browser's report."""
ARRIVAL_LOOKS = (0.2, 0.6, 1.4)
"""Seconds after which a new page looks for what another server accepted just before it, and puts within 1 s."""


class Visit:
    """A person's stay on one open page; all stored classes of the page share it.

    Its id is that of NiceGUI's client until a report says that it continues another visit.
    """

    # Most pages that are requested get no further than this: what comes later belongs to the class until it does.
    tab = ''
    report: Report = UNKNOWN
    loaded = False
    identified = False
    """Whether it is known which tab and which visit this is."""
    ended = False
    _connected = False
    _reported = False
    _acknowledge_from = 0.0
    _watches_opaque = False
    _status: Status | None = None
    _status_scheduled = False
    _browser: Browser | None = None
    _address: Address | None = None
    _handover: Handover | None = None
    sent: session_rotation.Sent | None = None
    """Where the browser was sent for another session, once it was."""

    def __init__(
        self,
        client: Client,
        registry: Registry,
        tokens: Tokens,
        session_id: str,
        *,
        exists: bool,
        watch: float,
    ) -> None:
        self.client = client
        self.registry = registry
        self.session_id = session_id
        self.exists = exists
        self.session: Session | None = registry.session(session_id, exists=exists)
        self.id = client.id
        self.page_objects: list[PageObject] = []
        self._watch = watch
        self._settled = asyncio.Event()
        self._tokens = tokens
        client.on_connect(self._connect)
        self.joins = client.has_socket_connection  # the first class has come to a page that is open already
        if self.joins:
            self._connect()

    def find(self, schema: Schema, key: str) -> PageObject | None:
        """Return what this client has already made of a class: there is one instance per client."""
        for page_object in self.page_objects:
            if page_object.schema is schema and page_object.slice_id.key == key:
                return page_object
        return None

    def leave(self, page_object: PageObject, *, left: bool = True) -> None:
        """Close an instance when its part of the page was cleared; with the client gone it is closed already.

        `left`: it was a view, so that the visit to it is over; an object may be kept again.
        """
        if not self.ended and page_object in self.page_objects:
            page_object.close(left=left)
            self.page_objects.remove(page_object)
            self.schedule_status()  # a value that it did not take is gone with it

    def find_session(self) -> Session:
        return self.session or self.registry.session(self.session_id)

    def enter(self, session: Session) -> None:
        """Go on in another session, with what is shown here."""
        if not self.ended:
            self.session = session
            for page_object in self.page_objects:
                page_object.follow(session)

    def seal(self) -> str:
        """Return what binds typed values to the session and the visit, for the browser to keep."""
        session = self.find_session()
        session.seal = session.seal or self.registry.seal(self.session_id)
        return f'{self.id}.{session.seal}'

    def is_seal(self, seal: str) -> bool:
        """Whether the browser brings the seal of this session and visit."""
        visit, _, sealed = seal.rpartition('.')
        return visit == self.id and self.registry.is_seal(sealed, self.session_id)

    async def wait_until_identified(self) -> bool:
        """Wait for the client to connect and report; return whether it is still there."""
        if not self.client.is_deleted:  # up to NiceGUI 3.16, who waits for a deleted client waits for ever
            await self.client.connected()
        if not self.client.is_deleted:
            await self._settled.wait()
        if self._browser is not None and not self.client.is_deleted:
            await self._browser.ready()
        return not self.client.is_deleted

    @property
    def handover(self) -> Handover:
        """What carries typed values over; it is made when there is something to tell or to take."""
        self._handover = self._handover or Handover(self)
        return self._handover

    def _connect(self) -> None:
        """React to the first connect only: NiceGUI fires it on every reconnect of the same client.

        There is no event and no leave before it, so that both are watched from here on.
        """
        if self._connected:
            return
        self._connected = True
        self.client.on_disconnect(self._leave)
        nicegui_private.after_each_event(self.client, self._handled)
        self.tab = identifier(self.client.tab_id) or self.client.id  # the browser may send anything
        self.find_session().touch()
        if not self.joins:
            self.handover.begin()
        if nicegui_private.is_simulated(self.client):
            self._identify(simulated.get(self.client.id) or simulated.get(self.tab, UNKNOWN))
        else:
            asyncio.get_running_loop().call_later(REPORT_TIMEOUT, self._identify, UNKNOWN)

    def add(self, page_object: PageObject) -> None:
        """Show one more class on this page, and look after each event whether its opaque values changed in place."""
        self.page_objects.append(page_object)
        self._watches_opaque = self._watches_opaque or page_object.schema.is_opaque

    def _handled(self, message: dict[str, Any]) -> None:
        self.handover.handled(message)
        loop = asyncio.get_running_loop()
        loop.call_soon(self.handover.look)
        if self._watches_opaque:
            loop.call_soon(self._save_opaque)

    def keeper(self, scope: str) -> Keeper:
        """Return what keeps the values of this scope in the browser; it is made when the first class asks."""
        if scope == 'browser':
            return self.browser
        self._address = self._address or Address(self.client)
        return self._address

    @property
    def browser(self) -> Browser:
        """What the browser keeps; it is asked when the first class has something there."""
        self._browser = self._browser or Browser(self, self._tokens)
        return self._browser

    @property
    def owners(self) -> list[str]:
        """Return the session, and those whose values it took along at sign-in: what a browser keeps may be theirs."""
        return [self.session_id, *session_rotation.former(self.client.request)]

    def _save_opaque(self) -> None:
        for page_object in self.page_objects:
            if page_object.schema.is_opaque:
                self._guarded(page_object.save_opaque)

    def _leave(self) -> None:
        """Put what is pending without spacing: the next page may be another server's, which reads the store."""
        self._save_opaque()
        if self.session is not None:
            self.session.hurry()

    def hear(self, message: dict[str, Any]) -> None:
        """Take what the page tells beside its events; it may be anything."""
        if self._connected and not self.ended:
            self._handled(message)
            self._receive(message.get('told'))

    def _receive(self, sent: Any) -> None:
        if is_of_browser(sent):
            if self._browser is not None:
                self._browser.receive(sent)
        elif is_of_address(sent):
            if self._address is not None:
                self._address.receive(sent)
        elif is_typed(sent):
            self.handover.receive(sent)
        else:
            self._take(parse_report(sent))

    def _take(self, report: Report) -> None:
        if not self._reported:
            self._reported = True
            if self.joins:
                self.handover.begin()
            # one that came too late to be waited for: what it brings is corrected through bindings
            if not self.identified or (self.report is UNKNOWN and report is not UNKNOWN):
                self._identify(report)
        now = asyncio.get_running_loop().time()
        if now >= self._acknowledge_from:  # a browser repeats a report at a reconnect; a flood gets no flood back
            self._acknowledge_from = now + 0.1
            self.handover.acknowledge()

    def _identify(self, report: Report) -> None:
        if self.ended or (self.identified and report is UNKNOWN):
            return
        self.report = report
        self.id = report.visit or self.client.id
        for page_object in list(self.page_objects):
            self._guarded(page_object.locate)
        self.identified = True
        self._settled.set()
        if report.reason == 'rejoin':
            self._look_again()
        elif self.exists and self.registry.store.guarantee != 'process':
            self.registry.spawn(self._look_after_arrival())

    async def _look_after_arrival(self) -> None:
        """Look a few times: the page before may have been another server's, which learns later that it was left."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        for seconds in ARRIVAL_LOOKS:
            await asyncio.sleep(begin + seconds - loop.time())
            if self.ended:
                return
            await self.look_at_store()

    def _look_again(self) -> None:
        """After a rejoin the old server may still be draining: look until it must be done, and follow it.

        Fields that were changed here since are not touched.
        """
        for page_object in self.page_objects:
            page_object.touched = set()
        self.registry.spawn(self._watch_store())

    async def _watch_store(self) -> None:
        loop = asyncio.get_running_loop()
        deadline, pause = loop.time() + self._watch, 0.2
        while not self.ended and loop.time() < deadline:
            await asyncio.sleep(pause)
            pause = min(1.0, pause * 2)
            await self.look_at_store()
        for page_object in self.page_objects:
            page_object.touched = None

    async def flush(self) -> None:
        """Submit opaque values that were changed in place, and wait until all is durable. Raises `ValueNotStorable`."""
        refused = [error for page_object in self.page_objects for error in page_object.submit_opaque()]
        await self.find_session().flush()
        for error in refused:
            raise error

    async def look_at_store(self) -> None:
        """Show what other servers have changed."""
        await self.find_session().revalidate(1.0)

    @property
    def status(self) -> Status:
        """The bindable status; it is made, and from then on kept up to date, when somebody asks for it."""
        if self._status is None:
            self._status = Status()
            self._status.update(self.find_session(), self.page_objects)
        return self._status

    def schedule_status(self) -> None:
        """Bring the bindable status up to date, once per turn of the loop, and say what the browser may forget."""
        if self._handover is not None:
            self._handover.settle()
        if self._status is not None and not self._status_scheduled and not self.ended:
            self._status_scheduled = True
            asyncio.get_running_loop().call_soon(self._update_status)

    def _update_status(self) -> None:
        self._status_scheduled = False
        if self.session is not None:
            self._guarded(partial(self.status.update, self.session, self.page_objects))

    @contextmanager
    def in_client(self) -> Generator[None]:
        """Be in the client's context, as far as there still is one."""
        with nullcontext() if self.client.is_deleted else self.client:
            yield

    def _guarded(self, step: Callable[[], None]) -> None:
        """Run a step within the client; what the app's handlers raise goes to NiceGUI's exception handlers."""
        self.client.safe_invoke(step)

    def end(self) -> None:
        """Close everything: NiceGUI has deleted the client."""
        self.ended = True
        page_objects, self.page_objects = self.page_objects, []
        for page_object in page_objects:
            page_object.close()
        if self._handover is not None:
            self._handover.end()
        self.session = None
        self.identified = True
        self._settled.set()
