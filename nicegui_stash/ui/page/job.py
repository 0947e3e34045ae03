"""A job of a page: work that goes on without the page, run by one process at a time, and resumed after its end."""

# pyright: reportUnknownMemberType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import cast
from uuid import uuid4

import msgspec
from nicegui import app
from nicegui.binding import BindableProperty

from ...errors import StashError, StoreError, ValueNotStorable
from ...model.document import SESSION_PART, Slice
from ...model.lease import JobState, Lease, Sight
from ...model.operations import Written
from ...model.recovery import stored_value
from ...model.scopes import SESSION
from ...session.process import this_process
from .. import nicegui_private
from .page_object import PageObject

Work = Callable[[], Awaitable[object]]
BEATS = 3
"""How often a lease is renewed, and looked at, within its `ttl`."""
LOOK = 5.0
"""Seconds until a look at the store counts as not answered."""


class Job:
    """A job of a page, as `stash.job(...)` returns it. `state` can be bound.

    `state` is `idle`, `running` (here, in another tab or on another server), `interrupted` (the process that ran it has
    ended) or `failed` (its function raised; see the log).
    """

    state: JobState = cast(JobState, BindableProperty())  # the type of its value

    def __init__(self, leased: LeasedField | None, work: Work, *, ttl: float = 30.0, resume: bool = False) -> None:
        """Follow a lease; without one, as in a script that runs for no visitor, the job stays idle."""
        self.state = 'idle'
        self._leased = leased
        self._work = work
        self._ttl = ttl
        self._resume = resume
        self._sight = Sight()
        self._watching = False
        if leased is not None:
            leased.follow(self._show)

    async def start(self) -> bool:
        """Start the job, or resume one that was interrupted; return whether it runs here now.

        `False`: it runs already, or another tab or server was quicker, or this server is about to end. Raises
        `StoreError` if the store cannot say who is first; nothing runs then.
        """
        leased = self._leased
        if leased is None or leased.jobs.refuses or self._judge() == 'running':
            return False
        started: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        leased.spawn(_Run(leased, self._work, self._ttl).run(leased.lease(), started))
        return await started

    async def cancel(self) -> None:
        """Stop the job, or give up an interrupted one; it is idle then.

        Its function gets `asyncio.CancelledError`: here at once, on another server at its next renewal. Raises
        `StoreError` if the store cannot take the request now; it is made later.
        """
        leased = self._leased
        if leased is None or await leased.jobs.cancel(leased.lease().run):
            return
        seen, is_running = leased.lease(), self._judge() == 'running'
        if seen.state == 'idle':
            return

        def stop(lease: Lease) -> Lease | None:
            if is_running:  # it may have been renewed meanwhile
                return msgspec.structs.replace(lease, cancelled=True) if lease.run == seen.run else None
            return Lease() if lease == seen else None

        await leased.change(stop)

    def _judge(self) -> JobState:
        """Return the state as far as it is known without a look at the store."""
        if self._leased is None:
            return 'idle'
        lease, jobs = self._leased.lease(), self._leased.jobs
        if jobs.runs_here(lease.run):
            return 'running'
        return self._sight.state(lease, gone=jobs.is_gone(lease.run, lease.process))

    def _show(self) -> None:
        """Show the state after a change of the lease, and watch a lease that is held elsewhere."""
        leased, self.state = self._leased, self._judge()
        if leased is None:
            return
        if self._is_held_elsewhere(leased) and not self._watching:
            self._watching = True
            leased.spawn(self._watch(leased))
        if self.state == 'interrupted' and self._resume:
            leased.spawn(self._start_again())

    async def _start_again(self) -> None:
        with suppress(StashError):  # the store is away: whoever opens the page next tries again
            await self.start()

    @staticmethod
    def _is_held_elsewhere(leased: LeasedField) -> bool:
        lease = leased.lease()
        return lease.state == 'running' and not leased.jobs.runs_here(lease.run)

    async def _watch(self, leased: LeasedField) -> None:
        """Look at a lease that is held elsewhere until it is released, or the page is gone.

        Also at one that counts as interrupted, but more rarely: its holder may only have been slow, or another server
        may resume the job.
        """
        try:
            while not leased.is_closed and self._is_held_elsewhere(leased):
                if await leased.read():
                    self._sight.look(leased.lease(), elapsed=leased.elapsed, wall=leased.wall)
                if self._judge() != self.state:
                    self._show()
                ttl = leased.lease().ttl
                await asyncio.sleep(ttl / BEATS if self.state == 'running' else ttl)
        finally:
            self._watching = False
        if not leased.is_closed:
            self._show()


class LeasedField:
    """The field of a page object that holds a lease: who reads and replaces it, compared with what it was."""

    def __init__(self, page_object: PageObject, field: str) -> None:
        """Raises `StashError` for a field that cannot hold a lease that all tabs see."""
        schema = page_object.schema
        stored = schema.fields.get(field)
        if stored is None or stored.codec.annotation is not Lease or stored.scope is not SESSION:
            raise StashError(
                f'{schema.name}.{field} holds no lease; write {field}: Lease = stored(Lease()), without a scope'
            )
        self.page_object = page_object
        self.jobs = page_object.visit.registry.jobs
        self.spawn = page_object.visit.registry.spawn
        self._stored = stored

    @property
    def is_closed(self) -> bool:
        return self.page_object.closed

    @property
    def elapsed(self) -> float:
        """Seconds of a clock that nobody sets."""
        return asyncio.get_running_loop().time()

    @property
    def wall(self) -> float:
        """Seconds since the epoch."""
        return self.page_object.visit.registry.now

    def lease(self) -> Lease:
        """Return the lease as this process knows it."""
        return self._of(self.page_object.session.document.slice(self.page_object.slice_id))

    def _of(self, found: Slice | None) -> Lease:
        raw = stored_value(self._stored, found.data) if found is not None else None
        with suppress(ValueNotStorable):  # what another version of the library wrote
            return Lease() if raw is None else cast(Lease, self._stored.codec.decode(raw))
        return Lease()

    def follow(self, show: Callable[[], None]) -> None:
        """Call a function now and after each change of the lease, until the page is gone."""

        def changed() -> bool:
            if not self.is_closed:
                show()
            return not self.is_closed

        self.page_object.listen().watch(self._stored.name, changed)
        show()

    async def read(self) -> bool:
        """Read the lease from the store; return whether the store answered."""
        session = self.page_object.session
        before = session.reads
        await session.revalidate(LOOK)
        return session.reads > before

    async def change(self, decide: Callable[[Lease], Lease | None]) -> None:
        """Replace the lease by what a function makes of the present one, unless that is `None`; return when durable.

        The function is called again if another server wrote meanwhile. Raises `StoreError`, as `stash.update` does.
        """

        def change(found: Slice) -> list[Written]:
            lease = decide(self._of(found))
            return [] if lease is None else [(SESSION_PART, self._stored.name, self._stored.codec.encode(lease)[1])]

        await self.page_object.session.update(self.page_object.slice_id, change)


class _Run:
    """One run of a job in this process: it takes the lease, renews it, and releases it at the end."""

    def __init__(self, leased: LeasedField, work: Work, ttl: float) -> None:
        self._leased = leased
        self._work = work
        self._ttl = ttl
        self._id = uuid4().hex
        self._is_held = False
        self._is_cancelled = False

    async def run(self, before: Lease, started: asyncio.Future[bool]) -> None:
        """Take the lease if it is still this one, say so, and work."""
        task = cast('asyncio.Task[None]', asyncio.current_task())
        alive = self._leased.jobs.alive(self._id, task, started, self._cancelled)
        with nicegui_private.acting(person=False), alive:  # also where an event has started it
            try:
                started.set_result(await self._take(before))
            except StashError as error:
                started.set_exception(error)
            finally:
                if not started.done():
                    started.set_result(False)
            if self._is_held:
                await self._hold(task)

    async def _take(self, before: Lease) -> bool:
        def take(lease: Lease) -> Lease | None:
            self._is_held = lease == before
            return self._renewed() if self._is_held else None

        try:
            await self._leased.change(take)
        except StoreError:  # it was accepted, and will be put: without this a lease would stay that nobody holds
            with suppress(StashError):
                await self._leased.change(lambda lease: before if lease.run == self._id else None)
            self._is_held = False
            raise
        return self._is_held

    async def _hold(self, task: asyncio.Task[None]) -> None:
        state: JobState = 'interrupted'
        renewing = self._leased.spawn(self._renew(task))
        try:
            await self._work()
            state = 'idle'
        except asyncio.CancelledError:
            state = 'idle' if self._is_cancelled else 'interrupted'
        except Exception as error:  # noqa: BLE001 it is the app's code and may raise anything
            state = 'failed'
            app.handle_exception(error)
        finally:
            renewing.cancel()
            with suppress(StashError):  # what is accepted is put when the store is back
                await self._leased.change(lambda lease: Lease(state) if lease.run == self._id else None)

    async def _renew(self, task: asyncio.Task[None]) -> None:
        """Renew the lease until the end; cancel the task if it is lost, or if somebody asks for that."""
        while True:
            await asyncio.sleep(self._ttl / BEATS)
            try:
                await self._leased.change(self._renewal)
            except StashError:
                await self._store_is_back()
            if not self._is_held or self._is_cancelled:
                task.cancel()
                return

    async def _store_is_back(self) -> None:
        """Wait until the last renewal is durable: another one would only pend as well."""
        while True:
            await asyncio.sleep(self._ttl / BEATS)
            with suppress(StoreError):
                await self._leased.page_object.session.flush()
                return

    def _renewal(self, lease: Lease) -> Lease | None:
        self._is_held = lease.run == self._id
        self._is_cancelled = self._is_cancelled or (self._is_held and lease.cancelled)
        return self._renewed() if self._is_held else None

    def _renewed(self) -> Lease:
        return Lease('running', self._id, this_process(), int(self._leased.wall * 1000), float(self._ttl))

    def _cancelled(self) -> None:
        self._is_cancelled = True
