"""Typed values survive a lost server: the browser remembers them until they are durable, and brings them back."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from fastapi import Request
from nicegui import ui

from ...model.recovery import Rejected
from .. import nicegui_private
from ..contracts.page_object import TakesEntries
from ..visit.messages import ACKNOWLEDGE, Again, Lost, Typed, Unsent
from ..visit.scripts import nonce_attribute, typed_address
from ..visit.visit import Visit
from .merge import Verdict, merge
from .targets import Bound, find_bound, find_field
from .typed import TypedValue, parse_values

log = logging.getLogger('nicegui_stash')

BOUND = 'nicegui-stash-bound'
"""The prop of a page's content that lists bound elements; our script removes it before anything is rendered."""
PATIENCE = 2.0
"""Seconds for which a typed value waits for its element, once the page is built, and for the session to be read."""
MOST_LOST = 1000
"""How many events a drop of the connection may lose; of more, only the last ones are repeated."""
_WINDOW = (1 << MOST_LOST + 1) - 1
MAX_BITS = 100
"""Of the number of an event; a page can send one of thousands of digits, which would be kept."""
Noted = tuple[int, tuple[int, ...] | None]
"""The number of an event, and what each document of the page had accepted by then; `None`: that is not known yet."""
RELOADING = {b'max-age=0', b'no-cache'}
"""The `Cache-Control` of a request that reloads a page, as for `location.reload()`."""


class HandsOver(Protocol):
    """The connection to an open page, as the carry-over needs it."""

    @property
    def visit(self) -> Visit: ...

    @property
    def page_objects(self) -> Sequence[TakesEntries]: ...

    @property
    def handover(self) -> Handover: ...

    @property
    def texts(self) -> Mapping[str, str]:
        """What a visitor reads, in the language of the page."""
        ...

    def guard(self, element: object) -> None:
        """Have a value that the app's `forward=` cannot take marked on its element."""
        ...

    async def wait_until_identified(self) -> bool:
        """Wait for the client to connect and report; return whether it is still there."""
        ...


class Handover:
    """The server's half for one client: sends addresses and durability to the browser, merges its typed values."""

    def __init__(self, connection: HandsOver) -> None:
        self._connection = connection
        self._visit = connection.visit
        self._bound: dict[str, Bound] = {}
        self._announced: dict[int | str, str] = {}
        self._counted = -1
        self._looks_soon = False
        self._delivered = False
        self._number = 0  # of the last handled event, in the browser's count
        self._refused: set[str] = set()  # addresses of elements whose value the browser may not forget
        self._unsent: frozenset[str] = frozenset()  # addresses of elements whose value is too large to be sent
        self._lost = 0  # one bit for each earlier number that has not arrived, by its distance from the last
        self._due: Noted | None = None
        self._next: Noted | None = None
        self._building = 0
        self._must_report_built = False  # the browser's report came during building
        self._received = False
        self._verdicts: dict[str, Verdict] = {}
        self._settled = False
        self._overruled: list[TakesEntries] = []
        self._was_lost = False
        self._changed = asyncio.Event()
        nicegui_private.on_changed_options(self._visit.client, self._options_changed)

    # ---- addresses

    def deliver(self) -> None:
        """Put the addresses into the first HTML of a reload: it may bring values, and never connect.

        Any other page has no values to place yet, and gets the addresses when it connects.
        """
        if new := self._find_new():
            self._delivered = True
            html = f'<script type="application/json" class="nicegui-stash-bound">{json.dumps(new)}</script>'
            nicegui_private.add_to_body(self._visit.client, html)

    def begin(self) -> None:
        """Announce bound elements from now on, as the script has loaded; do nothing without a browser."""
        if not nicegui_private.is_simulated(self._visit.client):
            self._delivered = True
            self.announce()

    def look_soon(self) -> None:
        """Announce bound elements in the next turn of the loop, if the page has new elements then."""
        if not self._looks_soon:
            self._looks_soon = True
            asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        self._looks_soon = False
        if not self._visit.ended and self._counted != nicegui_private.element_count(self._visit.client):
            self.announce()

    def _options_changed(self) -> None:
        """Announce the addresses of choices that have other options: what is chosen there now is chosen of these."""
        self._counted = -1
        self.look_soon()

    def announce(self) -> None:
        """Send the browser the bound elements that it does not know yet.

        While the page is built, they go in one message with the elements: a person may type before the next message.
        """
        client = self._visit.client
        if not self._delivered or client.is_deleted or not (new := self._find_new()):
            return
        props = client.content.props
        if self._building:
            props[BOUND] = self._announced
            return
        if BOUND in props:  # NiceGUI may send the props again
            with props.suspend_updates():
                props[BOUND] = self._announced
        self._call(f'bind({json.dumps(new, separators=(",", ":"))})')

    def acknowledge(self) -> None:
        """Answer the browser's report, with the seal and whether the page is built."""
        is_built = not self._building
        self._must_report_built = not is_built
        self._visit.client.run_javascript(f'{ACKNOWLEDGE}({json.dumps(self._visit.seal())}, {json.dumps(is_built)})')

    def _call(self, call: str) -> None:
        self._visit.client.run_javascript(f'window.__niceguiStash?.typed?.{call}')

    def _find_new(self) -> dict[int | str, str]:
        client = self._visit.client
        self._counted = nicegui_private.element_count(client)
        self._bound = find_bound(self._connection.page_objects, client.elements.values())
        found = {bound.key: address + '~' * (not bound.is_as_stored) for address, bound in self._bound.items()}
        new = {key: address for key, address in found.items() if self._announced.get(key) != address}
        self._announced = found
        if new:
            self._changed.set()
            if self._unsent:
                self.mark_unsent()
        return new

    @property
    def is_building(self) -> bool:
        """Whether elements of the page, or of a view, are still to come."""
        return self._building > 0

    @contextmanager
    def building(self) -> Generator[None]:
        """Let typed values wait for their elements, however long the page or a view takes to build."""
        self._building += 1
        try:
            yield
        finally:
            self.announce()
            self._building -= 1
            if self._must_report_built and not self._building and not self._visit.ended:
                self._must_report_built = False
                self._call('built()')  # the elements' values were sent before

    def end(self) -> None:
        """Release the elements: timers may still hold the visit."""
        self._bound = {}
        self._overruled = []

    # ---- durability

    def handled(self, message: dict[str, Any]) -> None:
        """Note a handled message, so that the browser can be notified when its changes are durable."""
        number = message.get('stash')
        if type(number) is int and number.bit_length() <= MAX_BITS:
            self._count(number)
            if 'told' not in message:  # our own messages change nothing, or only when they are merged
                self._note()

    def _count(self, number: int) -> None:
        """Note which numbers are missing; one may arrive late, over a connection that counts as broken by now."""
        is_complete = self._number or not self._visit.joins  # else the page was open before we counted
        ahead = number - self._number
        if ahead > 0:
            kept = self._lost << ahead if ahead <= MOST_LOST else 0
            skipped = (1 << min(ahead, MOST_LOST + 1)) - 2 if is_complete else 0
            self._lost = (kept | skipped) & _WINDOW
            self._number = number
        elif ahead >= -MOST_LOST:
            self._lost &= ~(1 << -ahead)

    def _note(self) -> None:
        noted = (self._number, tuple(session.accepted for session in self._visit.sessions))
        if self._due is None:
            self._due = noted
        else:
            self._next = noted
        if any(page_object.schema.has_elsewhere for page_object in self._connection.page_objects):
            asyncio.get_running_loop().call_soon(self.settle)  # behind the changes of address and browser
        else:
            self.settle()

    def settle(self) -> None:
        """Notify the browser up to which event everything is newly durable; it then forgets those values."""
        while self._due is not None and not self._visit.ended:
            number, accepted = self._due
            sessions = self._visit.sessions
            if any(page_object.has_unsaved for page_object in self._connection.page_objects):
                self._due = (number, None)
                return
            if accepted is None:
                accepted = tuple(session.accepted for session in sessions)
            if any(each.pending and each.settled < last for each, last in zip(sessions, accepted, strict=False)):
                self._due = (number, accepted)
                return
            self._due, self._next = self._next, None
            self._tell_durable(number)

    def _tell_durable(self, number: int) -> None:
        """Let the browser forget values up to this event, except refused ones: they are marked again after a crash."""
        elements = self._refused_elements
        self._refused = {address for address, bound in self._bound.items() if bound.element.id in elements}
        refused = f',{json.dumps(sorted(self._refused))}' if self._refused else ''
        self._call(f'durable({number}{refused})')

    @property
    def _refused_elements(self) -> set[int]:
        return {id_ for page_object in self._connection.page_objects for id_ in page_object.refused_elements}

    def refusals_changed(self) -> None:
        """Let the browser forget values that are refused no longer."""
        if self._refused and self._due is None and not self._refused_elements:
            self._note()

    # ---- values that are too large to be sent

    def note_unsent(self, sent: Unsent) -> None:
        """Say of these elements, to the page and to its status, that what they show is not saved."""
        self._unsent = frozenset(sent.addresses)
        self.announce()
        self.mark_unsent()

    def mark_unsent(self) -> None:
        """Have the status count these elements, and the browser mark them in the page's language."""
        found = {address: bound for address in sorted(self._unsent) if (bound := self._find(address)) is not None}
        for page_object in self._connection.page_objects:
            page_object.mark_unsent(
                [(bound.field, bound.element) for bound in found.values() if bound.page_object is page_object]
            )
        if found:
            self._call(f'tooLarge({json.dumps(dict.fromkeys(found, self._connection.texts["too_large"]))})')

    def note_lost(self, sent: Lost) -> None:
        """Say that edits of a table or grid may be lost: only values of bound elements are carried over."""
        if not self._was_lost:
            self._was_lost = True
            log.warning('%d edits in a table may be lost: the page did not learn that they are stored', sent.edits)
            with self._visit.in_client():
                ui.notify(self._connection.texts['edits_lost'], type='warning')

    def discard_unsaved(self, page_object: TakesEntries, fields: Collection[str]) -> None:
        """Have the browser drop what it holds of these fields, which are reset, and show what the server has.

        It holds what it did not send, as it is too large, and what the server refused after a crash.
        """
        refused = {address for address, verdict in self._verdicts.items() if verdict == 'refused'}
        held = ((address, self._find(address)) for address in self._unsent | refused)
        found = {
            address for address, bound in held if bound and bound.page_object is page_object and bound.field in fields
        }
        if found:
            self._unsent -= found
            self.mark_unsent()
            self._call(f'discard({json.dumps(sorted(found))})')

    # ---- values typed while the server was away

    def receive(self, sent: Typed) -> None:
        """Merge the values that the browser brings after a rejoin."""
        if self._received:  # repeated at a reconnect
            self._answer(self._verdicts)
            if self._settled:
                self._answer(None)
            return
        self._received = True
        self._visit.registry.spawn(self._merge_all(sent))

    def _answer(self, verdicts: dict[str, Verdict] | None) -> None:
        """Send verdicts to the browser; `None`: all is settled, and every value without a verdict is rejected."""
        if not self._visit.ended:
            self._call(f'settle({json.dumps(verdicts)})')

    async def _merge_all(self, typed: Typed) -> None:
        visit = self._visit
        if not await self._connection.wait_until_identified():
            return
        if typed.seal is not None and visit.is_seal(typed.seal):
            await visit.look_at_store()  # others may have written since the page was loaded
            await asyncio.sleep(0)  # until the page shows it
            await self._merge_as_built({value.address: value for value in parse_values(typed.values)})
        self._settled = True
        self._answer(None)
        await self._notify_overruled()

    def repeat(self, sent: Again) -> None:
        """Handle events that a short drop of the connection lost; the browser cannot know which ones arrived."""
        values = parse_values(sent.values)
        lost, last, self._lost = self._lost, self._number, 0
        known = self._bound  # rows that came or went since may have given their elements other addresses
        self.announce()
        for value in sorted(values, key=lambda value: value.number):
            distance = last - value.number
            if not (0 < distance <= MOST_LOST and lost >> distance & 1):
                continue
            bound = known.get(value.address)
            if bound is None or bound.element.is_deleted:
                bound = self._find(value.address)
            if bound is None:
                self._reject(value)
            else:
                self._merge(bound, value, validated=False)
        self._note()
        if self._overruled:
            self._visit.registry.spawn(self._notify_overruled())

    async def _notify_overruled(self) -> None:
        overruled, self._overruled = self._overruled, []
        for page_object in overruled:
            await page_object.notify_again()

    async def _merge_as_built(self, waiting: dict[str, TypedValue]) -> None:
        """Merge values as soon as their elements exist and the session is read; give up after `PATIENCE`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE
        while waiting and not self._visit.ended:
            self._changed.clear()
            self.announce()
            if self._building:
                deadline = loop.time() + PATIENCE
            is_late = not self._building and loop.time() > deadline
            if is_late and (gone := sum(self._find(address) is None for address in waiting)):
                log.warning('%d typed values are lost: the page no longer has their elements', gone)
            found: dict[str, Verdict] = {}
            for address, value in waiting.items():
                if (verdict := self._verdict(value, is_late=is_late)) is not None:
                    found[address] = verdict
            waiting = {address: value for address, value in waiting.items() if address not in found}
            if found:
                self._verdicts |= found
                self._answer(found)
                self._note()
            if waiting:
                with suppress(TimeoutError):  # the session may have been read meanwhile
                    await asyncio.wait_for(self._changed.wait(), 0.1)

    def _find(self, address: str) -> Bound | None:
        bound = self._bound.get(address)
        return None if bound is None or bound.element.is_deleted else bound

    def _verdict(self, value: TypedValue, *, is_late: bool) -> Verdict | None:
        bound = self._find(value.address)
        if bound is None and is_late:
            self._reject(value)
            return 'rejected'
        if bound is None:
            return None
        if not bound.page_object.is_read:
            return 'free' if is_late else None
        return self._merge(bound, value)

    def _reject(self, value: TypedValue) -> None:
        """Record a value whose element is gone, as its browser sent it."""
        if (found := find_field(value.address, self._connection.page_objects)) is not None:
            page_object, name = found
            page_object.recovery.note_rejected(Rejected(name, value.arguments, '$[...]', value.size))
            self._overrule(page_object)

    def _overrule(self, page_object: TakesEntries) -> None:
        if page_object not in self._overruled:
            self._overruled.append(page_object)

    def _merge(self, bound: Bound, value: TypedValue, *, validated: bool = True) -> Verdict:
        rejected = len(bound.page_object.recovery.rejected)
        self._connection.guard(bound.element)
        with self._visit.in_client():
            verdict = merge(bound, value, validated=validated)
        if len(bound.page_object.recovery.rejected) > rejected:
            self._overrule(bound.page_object)
        return verdict


def offer(connection: HandsOver, request: Request, nonce: str, page: str = '') -> None:
    """Give a page the script that carries typed values over: in its first HTML, or later if it is open already.

    `page` stands for the page's digest; without one it comes back by a reload.
    """
    visit = connection.visit
    headers = dict(reversed(request.headers.raw))  # the first of repeated headers counts, as in NiceGUI
    prefix = headers.get(b'x-forwarded-prefix', b'').decode('latin-1') + request.scope.get('root_path', '')
    address, limit = typed_address(prefix, in_place=bool(page)), visit.registry.policy.max_value_bytes
    if visit.joins:
        arguments = json.dumps([address, visit.seal(), nonce, limit])
        visit.client.run_javascript(f'window.__niceguiStash?.join(...{arguments})')
        return
    attribute = nonce_attribute(nonce)
    if page:
        attribute += f' data-page="{page}"'
    nicegui_private.add_to_body(
        visit.client, f'<script{attribute} src="{address}" data-seal="{visit.seal()}" data-limit="{limit}"></script>'
    )
    if headers.get(b'cache-control') in RELOADING:
        nicegui_private.before_response(visit.client, connection.handover.deliver)
