"""Nothing typed is lost: what a page's browser has to remember, for how long, and what it brings back."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from fastapi import Request

from .. import nicegui_private
from ..contracts.page_object import TakesEntries
from ..visit.messages import ACKNOWLEDGE, Again, Typed
from ..visit.scripts import nonce_attribute, typed_address
from ..visit.visit import Visit
from .merge import Verdict, merge
from .targets import Bound, find_bound
from .typed import TypedValue, parse_values

log = logging.getLogger('nicegui_stash')

BOUND = 'nicegui-stash-bound'
"""The prop of a page's content that tells what is bound; our script takes it out before anything is rendered."""
PATIENCE = 2.0
"""Seconds for which what was typed waits for its element, once the page is built, and for the session to be read."""
MOST_LOST = 1000
"""Events that a drop may swallow on their way; of more than that the last ones count."""
RELOADING = {b'max-age=0', b'no-cache'}
"""What a browser says to caches when it asks for a page again, as it does for `location.reload()`."""


class HandsOver(Protocol):
    """What the carry-over asks of the connection to an open page."""

    @property
    def visit(self) -> Visit: ...

    @property
    def page_objects(self) -> Sequence[TakesEntries]: ...

    @property
    def handover(self) -> Handover: ...

    async def wait_until_identified(self) -> bool:
        """Wait for the client to connect and report; return whether it is still there."""
        ...


class Handover:
    """The server's half for one client: addresses and durability go to the browser, typed values come from it."""

    def __init__(self, connection: HandsOver) -> None:
        self._connection = connection
        self._visit = connection.visit
        self._bound: dict[str, Bound] = {}
        self._told: dict[int, str] = {}
        self._counted = -1
        self._delivered = False
        self._number = 0  # of the last event that was handled, as the browser counts
        self._lost: set[int] = set()  # what was sent before it, and has not arrived
        self._due: tuple[int, int | None] | None = None
        self._next: tuple[int, int | None] | None = None
        self._building = 0
        self._owes_end = False  # of building, to who reported while it was going on
        self._received = False
        self._verdicts: dict[str, Verdict] = {}
        self._settled = False
        self._overruled: list[TakesEntries] = []
        self._changed = asyncio.Event()

    # ---- addresses

    def deliver(self) -> None:
        """Put into the first HTML of a reload what is bound: it may bring values, and never connect.

        Any other page has nothing to place yet, and is told when it connects.
        """
        if new := self._find_new():
            self._delivered = True
            html = f'<script type="application/json" class="nicegui-stash-bound">{json.dumps(new)}</script>'
            nicegui_private.add_to_body(self._visit.client, html)

    def begin(self) -> None:
        """Tell from now on what is bound, unless there is no browser: its script is there, and not before."""
        if not nicegui_private.is_simulated(self._visit.client):
            self._delivered = True
            self.announce()

    def look(self) -> None:
        """Tell of bound elements if there can be new ones."""
        if not self._visit.ended and self._counted != nicegui_private.element_count(self._visit.client):
            self.announce()

    def announce(self) -> None:
        """Tell the browser which elements are bound, as far as it does not know.

        While the page is built it comes in one message with the elements: a person may type before the next one comes.
        """
        client = self._visit.client
        if not self._delivered or client.is_deleted or not (new := self._find_new()):
            return
        props = client.content.props
        if self._building:
            props[BOUND] = self._told
            return
        if BOUND in props:  # and may have to be sent again
            with props.suspend_updates():
                props[BOUND] = self._told
        self._call(f'bind({json.dumps(new, separators=(",", ":"))})')

    def acknowledge(self) -> None:
        """Answer the browser's report, and say whether the page is built."""
        is_built = not self._building
        self._owes_end = not is_built
        self._visit.client.run_javascript(f'{ACKNOWLEDGE}({json.dumps(self._visit.seal())}, {json.dumps(is_built)})')

    def _call(self, call: str) -> None:
        self._visit.client.run_javascript(f'window.__niceguiStash?.typed?.{call}')

    def _find_new(self) -> dict[int, str]:
        self._counted = nicegui_private.element_count(self._visit.client)
        self._bound = find_bound(self._connection.page_objects)
        found = {bound.element.id: address for address, bound in self._bound.items()}
        new = {id_: address for id_, address in found.items() if self._told.get(id_) != address}
        self._told = found
        if new:
            self._changed.set()
        return new

    @contextmanager
    def building(self) -> Generator[None]:
        """Let what was typed wait for its elements, however long the page or a view takes to be built."""
        self._building += 1
        try:
            yield
        finally:
            self.announce()
            self._building -= 1
            if self._owes_end and not self._building and not self._visit.ended:
                self._owes_end = False
                self._call('built()')  # what the elements were made to show has gone before

    def end(self) -> None:
        """Let go of the elements: timers may still hold the visit."""
        self._bound = {}
        self._overruled = []

    # ---- durability

    def handled(self, message: dict[str, Any]) -> None:
        """Note that a message was handled, so that the browser can be told when what it changed is durable."""
        number = message.get('stash')
        if type(number) is int:
            self._count(number)
            if 'told' not in message:  # what a page tells changes nothing, or does so when it is merged
                self._note()

    def _count(self, number: int) -> None:
        """Note which numbers are missing; one may come late, over a connection that counts as broken by now."""
        begun = self._number or not self._visit.joins  # else this began to listen to a page that was open already
        if number > self._number + 1 and begun:
            oldest = number - MOST_LOST
            self._lost = {each for each in self._lost if each >= oldest}
            self._lost.update(range(max(self._number + 1, oldest), number))
        self._lost.discard(number)
        self._number = max(self._number, number)

    def _note(self) -> None:
        noted = (self._number, self._visit.session.accepted)
        if self._due is None:
            self._due = noted
        else:
            self._next = noted
        self.settle()

    def settle(self) -> None:
        """Tell the browser up to which event everything is durable, if that is news: it may forget that then."""
        while self._due is not None and not self._visit.ended:
            number, accepted = self._due
            session = self._visit.session
            if any(page_object.has_unsaved for page_object in self._connection.page_objects):
                self._due = (number, None)
                return
            accepted = session.accepted if accepted is None else accepted
            if session.pending and session.settled < accepted:
                self._due = (number, accepted)
                return
            self._due, self._next = self._next, None
            self._call(f'durable({number})')

    # ---- what was typed while the server was away

    def receive(self, sent: Typed) -> None:
        """Take what the browser hands over after a rejoin."""
        if self._received:  # repeated at a reconnect
            self._answer(self._verdicts)
            if self._settled:
                self._answer(None)
            return
        self._received = True
        self._visit.registry.spawn(self._merge_all(sent))

    def _answer(self, verdicts: dict[str, Verdict] | None) -> None:
        """Tell what became of values; `None`: everything is settled, and what was not named is rejected."""
        if not self._visit.ended:
            self._call(f'settle({json.dumps(verdicts)})')

    async def _merge_all(self, typed: Typed) -> None:
        visit = self._visit
        if not await self._connection.wait_until_identified():
            return
        if typed.seal is not None and visit.is_seal(typed.seal):
            await visit.look_at_store()  # the page may be older than what somebody else has written
            await asyncio.sleep(0)  # until what was read is shown
            await self._merge_as_built({value.address: value for value in parse_values(typed.values)})
        self._settled = True
        self._answer(None)
        await self._tell_overruled()

    def repeat(self, sent: Again) -> None:
        """Have done what a short drop has swallowed on its way; the browser cannot know what else has arrived."""
        values = parse_values(sent.values)
        lost, self._lost = self._lost, set()
        self.announce()
        for value in sorted(values, key=lambda value: value.number):
            bound = self._bound.get(value.address)
            if value.number in lost and bound is not None:
                self._merge(bound, value, validated=False)
        self._note()
        if self._overruled:
            self._visit.registry.spawn(self._tell_overruled())

    async def _tell_overruled(self) -> None:
        overruled, self._overruled = self._overruled, []
        for page_object in overruled:
            await page_object.notify_beside()

    async def _merge_as_built(self, waiting: dict[str, TypedValue]) -> None:
        """Merge values as soon as their elements are there and the session is read; give up after a while."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE
        while waiting and not self._visit.ended:
            self._changed.clear()
            self.announce()
            if self._building:
                deadline = loop.time() + PATIENCE
            is_late = not self._building and loop.time() > deadline
            if is_late and (gone := sum(self._find(address) is None for address in waiting)):
                log.warning('what was typed is gone, as the page does not have these elements any more: %d', gone)
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
        if bound is None:
            return 'rejected' if is_late else None
        if not bound.page_object.is_read:
            return 'free' if is_late else None
        return self._merge(bound, value)

    def _merge(self, bound: Bound, value: TypedValue, *, validated: bool = True) -> Verdict:
        rejected = len(bound.page_object.recovery.rejected)
        with self._visit.in_client():
            verdict = merge(bound, value, validated=validated)
        if len(bound.page_object.recovery.rejected) > rejected and bound.page_object not in self._overruled:
            self._overruled.append(bound.page_object)
        return verdict


def offer(connection: HandsOver, request: Request, nonce: str) -> None:
    """Give a page what it carries typed values over with: in its first HTML, or later if it is open already."""
    visit = connection.visit
    headers = dict(reversed(request.headers.raw))  # of one that comes twice the first counts, as for NiceGUI
    prefix = headers.get(b'x-forwarded-prefix', b'').decode('latin-1') + request.scope.get('root_path', '')
    address = typed_address(prefix)
    if visit.joins:
        arguments = json.dumps([address, visit.seal(), nonce])
        visit.client.run_javascript(f'window.__niceguiStash?.join(...{arguments})')
        return
    attribute = nonce_attribute(nonce)
    nicegui_private.add_to_body(
        visit.client, f'<script{attribute} src="{address}" data-seal="{visit.seal()}"></script>'
    )
    if headers.get(b'cache-control') in RELOADING:
        nicegui_private.before_response(visit.client, connection.handover.deliver)
