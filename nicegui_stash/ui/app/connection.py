"""The connection to one open page: it receives the page's messages, and keeps its page objects up to date."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, assert_never

from nicegui import Client
from nicegui.element import Element

from ...model.schema import Schema
from ...model.scopes import Owner, Scope
from ...model.tokens import Tokens
from ...session.registry import Registry
from ...session.session import Session
from .. import nicegui_private
from ..carryover.handover import Handover
from ..contracts.keeper import Keeper
from ..contracts.page_object import TakesEntries
from ..page.page_object import PageObject
from ..page.present import RoomPresent
from ..page.status import Status
from ..page.texts import TEXTS
from ..page.transforms import guard
from ..remember.memory import Memory
from ..scopes.browser import Browser
from ..scopes.url import Address
from ..visit.allowance import Allowance
from ..visit.messages import (
    UNKNOWN,
    AddressChanged,
    Again,
    AnyMessage,
    Lost,
    Report,
    StorageReport,
    Typed,
    Unsent,
    decode,
    identifier,
    is_report,
    simulated,
)
from ..visit.visit import Visit

log = logging.getLogger('nicegui_stash')

REPORT_TIMEOUT = 1.0
"""Seconds after the connect for which the server waits for the browser's report."""
ARRIVAL_LOOKS = (0.2, 0.6, 1.4)
"""Seconds after which a new page reads changes that another server accepted just before, and puts within 1 s."""
ACKNOWLEDGE_PAUSE = 0.1
"""Seconds between two answers to a report: a flood of reports must not cause a flood of answers."""


class Connection:
    """One client and its page objects, from its request to its end. An `OpenPage`, and an `ActivityWatcher`."""

    # Class attributes for later steps: most requested pages never get to them.
    _connected = False
    _reported = False
    _acknowledge_from = 0.0
    _allowance: Allowance | None = None
    _floods = False
    _watches_opaque = False
    _watches_session = False
    _status: Status | None = None
    _status_scheduled = False
    _browser: Browser | None = None
    _address: Address | None = None
    _handover: Handover | None = None
    _texts: tuple[tuple[Element, Mapping[str, str]], ...] = ()
    _memory: Memory | None = None
    _present: RoomPresent | None = None

    def __init__(
        self, client: Client, registry: Registry, tokens: Tokens, session_id: str, *, exists: bool, watch: float
    ) -> None:
        """`watch`: seconds to watch the store after a rejoin, while the old server may still drain."""
        self.visit = Visit(client, registry, session_id, exists=exists)
        self.page_objects: list[PageObject] = []
        self._client = client
        self._registry = registry
        self._tokens = tokens
        self._watch = watch
        self._identified = asyncio.Event()
        self._asking: list[Callable[[], None]] = []  # called around each event, and before each message
        client.on_connect(self._connect)
        if self.visit.joins:
            self._connect()

    # ---- page objects

    def find(self, schema: Schema, key: str) -> PageObject | None:
        """Return the client's page object of a class and key, if it has one already."""
        for page_object in self.page_objects:
            if page_object.schema is schema and page_object.slice_id.key == key:
                return page_object
        return None

    def add(self, page_object: PageObject) -> None:
        """Add a page object; after each event its opaque values are checked for changes in place."""
        self.page_objects.append(page_object)
        self._watch_session()
        self._watches_opaque = self._watches_opaque or page_object.schema.is_opaque

    def _watch_session(self) -> None:
        if not self._watches_session:
            self._watches_session = True
            for session in self.visit.sessions:
                session.watch(self)

    def leave(self, page_object: PageObject, *, left: bool = True) -> None:
        """Close a page object when its part of the page was cleared, unless the client's end has closed it already.

        `left`: it was a view, and the visit to it is over; a kept object may be kept again.
        """
        if not self.visit.ended and page_object in self.page_objects:
            page_object.close(left=left)
            self.page_objects.remove(page_object)
            self.status_changed()  # its refused values are gone

    def enter(self, session: Session) -> None:
        """Continue with another session that has the same values."""
        if not self.visit.ended:
            self.visit.session.unwatch(self)
            self.visit.enter(session)
            session.watch(self)
            for page_object in self.page_objects:
                page_object.follow(session)
            if self._memory is not None:
                self._memory.follow(session)

    # ---- the room of the page

    def enter_room(self, name: str) -> Session:
        """Show a room to the page objects that are made from now on; return its document."""
        self.visit.room_name, room = name, self._registry.room(name)
        self._open('room', room)
        return room

    def _open(self, owner: Owner, document: Session) -> None:
        """Show the document of another owner from now on."""
        self.visit.open(owner, document)
        if self._watches_session:
            document.watch(self)

    @contextmanager
    def deciding(self) -> Generator[None]:
        """Let nothing from the browser reach the room meanwhile; leave it if an exception says that it is closed."""
        visit = self.visit
        visit.is_deciding = True
        try:
            yield
        except BaseException:
            self.leave_room()
            raise
        finally:
            visit.is_deciding = False
        self._count_present()
        if visit.identified:
            for page_object in list(self.page_objects):
                visit.guarded(page_object.pin)

    def leave_room(self) -> None:
        """Close the page objects that show the room; what is changed in them from now on reaches nobody."""
        if not self.visit.has('room'):
            return
        if self._present is not None:
            self._present.end()
            self._present.count = 0
            self._present = None
        nowhere = self._registry.nowhere('the page has left its room')
        for page_object in [each for each in self.page_objects if 'room' in each.documents]:
            page_object.documents['room'].move_to(nowhere)
            self.leave(page_object, left=False)
        self.visit.session_of('room').unwatch(self)
        self.visit.leave('room')

    def present(self, name: str | None) -> RoomPresent:
        """Return who has the room open, and count the page from when it is connected. `name`: who is signed in."""
        if self._present is None:
            self._present = RoomPresent(self.visit, name)
            self._count_present()
        return self._present

    def _count_present(self) -> None:
        if self._present is not None and self._connected and not self.visit.is_deciding:
            self._present.begin()

    # ---- who is signed in

    def ask_from_now_on(self, ask: Callable[[], None] | None) -> None:
        """Ask who is signed in, before and after each event; `None` to ask no longer."""
        self._asking[:] = [] if ask is None else [ask]

    @property
    def asks_who(self) -> bool:
        """Whether it is asked who is signed in."""
        return bool(self._asking)

    def show_person(self, document: Session) -> None:
        """Show the document of a person, or of a guest, also to the page objects that are there already."""
        self._show_instead('user', document)

    def leave_person(self) -> None:
        """Show nothing of the person any more; what is changed in these fields from now on reaches nobody."""
        self.visit.has_left = True
        self._show_instead('user', self._registry.nowhere('the person has signed out'))

    def _show_instead(self, owner: Owner, document: Session) -> None:
        visit = self.visit
        if visit.has(owner) and self._watches_session:
            visit.session_of(owner).unwatch(self)
        self._open(owner, document)
        for page_object in [each for each in self.page_objects if owner in each.documents]:
            visit.guarded(partial(page_object.move, owner, document))
        if self._present is not None:
            self._present.is_now(None if visit.has_left else visit.person_name)
        self.activity_changed()

    # ---- values that the client keeps, and typed values

    def keeper(self, scope: Scope) -> Keeper:
        """Return the keeper of a scope whose values the client keeps; create it at the first call."""
        if scope.kept_by == 'browser':
            return self.browser
        self._address = self._address or Address(self._client)
        return self._address

    @property
    def browser(self) -> Browser:
        """The keeper of the browser's storage, created at the first use."""
        self._browser = self._browser or Browser(self.visit, self._tokens, self.allows.expect)
        return self._browser

    @property
    def handover(self) -> Handover:
        """The handover of typed values, created at the first use."""
        self._handover = self._handover or Handover(self)
        return self._handover

    @property
    def memory(self) -> Memory:
        """What the page remembers of elements that are bound to no field, created at the first use."""
        if self._memory is None:
            self._watch_session()
            self._memory = Memory(self.visit, self._watch)
        return self._memory

    def remembers(self, element: Element) -> bool:
        """Whether the page remembers what a person sets on an element."""
        return self._memory is not None and self._memory.roll.has(element)

    def discard_unsaved(self, page_object: TakesEntries, fields: Collection[str]) -> None:
        """Have the browser drop what it shows of these fields and is not saved: too large to be sent, or refused."""
        if self._handover is not None:
            self._handover.discard_unsaved(page_object, fields)

    # ---- connect, hear, dispatch

    def _connect(self) -> None:
        """React to the first connect only: NiceGUI fires it on every reconnect of the same client.

        No event and no disconnect comes before it, so both are watched from here on.
        """
        self.allows.connected()
        if self._connected:
            return
        self._connected = True
        visit, client = self.visit, self._client
        client.on_disconnect(self._leave)
        nicegui_private.around_each_event(client, self.guard, self._handled, self._asking)
        if not visit.in_place:
            visit.tab = identifier(client.tab_id) or client.id  # the browser may send anything
        for session in visit.sessions:
            session.touch()
        self._count_present()
        if self._memory is not None:
            self._memory.settle()
        if not visit.joins:
            self.handover.begin()
        if visit.identified:
            self._identified_now()
        elif nicegui_private.is_simulated(client):
            self._identify(simulated.get(client.id) or simulated.get(visit.tab, UNKNOWN))
        else:
            asyncio.get_running_loop().call_later(REPORT_TIMEOUT, self._identify, UNKNOWN)

    def guard(self, element: object) -> None:
        """Have a value that the app's `forward=` cannot take marked on its element."""
        guard(element, lambda: self.page_objects)

    def _handled(self, message: dict[str, Any]) -> None:
        self.handover.handled(message)
        self.handover.look_soon()
        loop = asyncio.get_running_loop()
        if self._watches_opaque:
            loop.call_soon(self._save_opaque)
        if self._memory is not None:
            loop.call_soon(self._memory.look)
        if self.asks_who:
            loop.call_soon(self._ask_who)

    def _ask_who(self) -> None:
        for ask in self._asking:
            ask()

    def _save_opaque(self) -> None:
        for page_object in self.page_objects:
            if page_object.schema.is_opaque:
                self.visit.guarded(page_object.save_opaque)

    def _leave(self) -> None:
        """Put pending changes without delay: the next page may be on another server, which reads the store."""
        self._save_opaque()
        if self._memory is not None:
            self._memory.look()
        if not self.visit.ended:
            for session in self.visit.sessions:
                session.hurry()

    def hear(self, message: dict[str, Any]) -> None:
        """Take a message that the page sent beside its events. One that is not of our family is counted and dropped."""
        if not self._connected or self.visit.ended:
            return
        told = message.get('told')
        if not self.allows.admits(told, asyncio.get_running_loop().time()):
            self._drop()
            return
        with nicegui_private.hearing(self._client):
            self._hear(message, told)

    def _hear(self, message: dict[str, Any], told: object) -> None:
        self._ask_who()
        self._handled(message)
        known = decode(told)
        if isinstance(known, Typed | Again) and (self.visit.is_deciding or not self.allows.admits_repeat(type(known))):
            self._drop()
            return
        if known is not None:
            self.dispatch(known)
            return
        self._registry.count('malformed_messages')
        if is_report(told):
            self._take(UNKNOWN)  # the page waits for an answer to its report, whatever it says

    @property
    def allows(self) -> Allowance:
        """What the page may still send."""
        self._allowance = self._allowance or Allowance(asyncio.get_running_loop().time())
        return self._allowance

    def _drop(self) -> None:
        """Count a message that exceeds what a page may send; say so once per page."""
        self._registry.count('dropped_messages')
        if not self._floods:
            self._floods = True
            log.warning(
                'session %s: a page sends more than our scripts do; the excess is dropped', self.visit.session.key
            )

    def dispatch(self, message: AnyMessage) -> None:
        """Hand a message to its receiver."""
        match message:
            case Report():
                self._take(message)
            case AddressChanged():
                if self._address is not None:
                    self._address.receive(message)
            case StorageReport():
                if self._browser is not None:
                    self._browser.receive(message)
            case Typed():
                self.handover.receive(message)
            case Again():
                self.handover.repeat(message)
            case Unsent():
                self.handover.note_unsent(message)
            case Lost():
                self.handover.note_lost(message)
            case _:
                assert_never(message)

    # ---- identify

    def _take(self, report: Report) -> None:
        visit = self.visit
        if not self._reported:
            self._reported = True
            if visit.joins:
                self.handover.begin()
            # a report after REPORT_TIMEOUT: bindings correct the page
            if not visit.identified or visit.report is UNKNOWN:
                self._identify(report)
        now = asyncio.get_running_loop().time()
        if now >= self._acknowledge_from:  # a browser repeats its report at a reconnect
            self._acknowledge_from = now + ACKNOWLEDGE_PAUSE
            self.handover.acknowledge()

    def _identify(self, report: Report) -> None:
        visit = self.visit
        if visit.ended or (visit.identified and report is UNKNOWN):
            return
        visit.identify(report)
        for page_object in list(self.page_objects):
            visit.guarded(page_object.locate)
        visit.identified = True
        self._identified_now()

    def _identified_now(self) -> None:
        """Begin what needs the tab and the visit, on a connected page."""
        visit = self.visit
        for page_object in list(self.page_objects):
            visit.guarded(page_object.pin)
        if self._memory is not None:
            visit.guarded(self._memory.identified)
        self._count_returns()
        self._identified.set()
        if visit.report.reason == 'rejoin':
            self._look_again()
        elif (visit.exists or visit.room_name) and self._registry.store.guarantee != 'process':
            self._registry.spawn(self._look_after_arrival())

    def _count_returns(self) -> None:
        """Count how the page and its classes came back; a report that comes too late is not counted again."""
        if not self._identified.is_set():
            for page_object in self.page_objects:
                self._count(page_object)
            if self.visit.in_place:
                self._registry.count('returns_in_place')

    def begun(self, page_object: PageObject) -> None:
        """Count how a class came back that the page begins to show after its report."""
        if self._identified.is_set():
            self._count(page_object)

    def _count(self, page_object: PageObject) -> None:
        recovery = page_object.recovery
        self._registry.count_recovery(recovery.status, recovery.reason)

    async def wait_until_identified(self) -> bool:
        """Wait for the client to connect and report; return whether it is still there."""
        client = self._client
        if not client.is_deleted:  # up to NiceGUI 3.16, waiting for a deleted client never returns
            await client.connected()
        if not client.is_deleted:
            await self._identified.wait()
        if self._browser is not None and not client.is_deleted:
            await self._browser.ready()
        return not client.is_deleted

    # ---- watch

    async def _look_after_arrival(self) -> None:
        """Read the store a few times: the page before may be on another server, which learns late that it was left."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        for seconds in ARRIVAL_LOOKS:
            await asyncio.sleep(begin + seconds - loop.time())
            if self.visit.ended:
                return
            await self.visit.look_at_store()

    def _look_again(self) -> None:
        """Follow the store after a rejoin until the old server must have drained; keep fields changed here since."""
        for page_object in self.page_objects:
            page_object.watch_touched(watch=True)
        self._registry.spawn(self._watch_store())

    async def _watch_store(self) -> None:
        loop = asyncio.get_running_loop()
        deadline, pause = loop.time() + self._watch, 0.2
        while not self.visit.ended and loop.time() < deadline:
            await asyncio.sleep(pause)
            pause = min(1.0, pause * 2)
            await self.visit.look_at_store()
        for page_object in self.page_objects:
            page_object.watch_touched(watch=False)

    # ---- texts

    @property
    def texts(self) -> Mapping[str, str]:
        """What a visitor reads: in English, unless an indicator that is shown has other texts; the newest counts."""
        if not self._texts:
            return TEXTS
        shown = [texts for element, texts in self._texts if not element.is_deleted]
        return {**TEXTS, **{name: text for texts in shown for name, text in texts.items()}}

    def add_texts(self, indicator: Element, texts: Mapping[str, str]) -> None:
        """Use an indicator's texts on the elements of the page too, as long as it is shown."""
        self._texts = (*(each for each in self._texts if not each[0].is_deleted), (indicator, texts))
        for page_object in self.page_objects:
            page_object.show_marks_again()
        if self._handover is not None:
            self._handover.mark_unsent()

    # ---- status

    async def flush(self) -> None:
        """Submit opaque values changed in place, and wait until all changes are durable.

        Raises `ValueNotStorable` for a value that does not fit, and `StoreError` if the store cannot take them.
        """
        refused = [error for page_object in self.page_objects for error in page_object.submit_opaque()]
        session, *others = self.visit.sessions
        await (asyncio.gather(session.flush(), *(each.flush() for each in others)) if others else session.flush())
        for error in refused:
            raise error

    @property
    def status(self) -> Status:
        """The bindable status, created at the first use and kept up to date from then on."""
        if self._status is None:
            self._status = Status()
            self._status.update(self.visit.sessions, self.page_objects)
        return self._status

    def activity_changed(self, *, settled: bool = True) -> None:
        """Report newly durable events to the browser, and bring the status up to date."""
        if self._status is not None:
            self._schedule_status()
        if settled and self._handover is not None:
            self._handover.settle()
            self._handover.look_soon()  # a change elsewhere may have drawn rows

    def status_changed(self) -> None:
        """Do the same after a page object's held or refused changes may have changed."""
        if self._handover is not None:
            self._handover.settle()
            self._handover.refusals_changed()
        self._schedule_status()

    def _schedule_status(self) -> None:
        """Bring the bindable status up to date, once per turn of the loop, if it is used."""
        if self._status is not None and not self._status_scheduled and not self.visit.ended:
            self._status_scheduled = True
            asyncio.get_running_loop().call_soon(self._update_status)

    def _update_status(self) -> None:
        self._status_scheduled = False
        if not self.visit.ended:
            self.visit.guarded(partial(self.status.update, self.visit.sessions, self.page_objects))

    # ---- end

    def end(self) -> None:
        """Close everything: NiceGUI has deleted the client."""
        self.visit.ended = True
        page_objects, self.page_objects = self.page_objects, []
        for page_object in page_objects:
            page_object.close()
        if self._handover is not None:
            self._handover.end()
        if self._memory is not None:
            self._memory.end()
        if self._present is not None:
            self._present.end()
        if self._watches_session:
            for session in self.visit.sessions:
                session.unwatch(self)
        self.visit.end()
        self._identified.set()


def connection_behind(page_object: PageObject) -> Connection:
    """Return the connection of the page that a page object is on, also when that page is gone."""
    connection = page_object.open_page
    if not isinstance(connection, Connection):
        raise TypeError(f'{type(connection).__name__} is not a connection')
    return connection
