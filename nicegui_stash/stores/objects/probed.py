"""A store that is not written before it is known what its server makes of conditions."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor

from ...errors import ConfigurationError, OutcomeUnknown, Refused, StoreError, Unavailable
from ..base import ETag, Guarantee, Mode, NotModified, ObjectInfo, StoredObject
from .probe import ConditionsIgnored, probe
from .remote import RemoteStore

log = logging.getLogger('nicegui_stash')

TIME_AT_START = 20.0
"""Seconds that a start waits for the probe at most; most servers need a fraction of one."""
TIME_AT_PUT = 60.0
REFUSED_FOR = 30.0
"""Seconds after which a server that was refused is looked at again, as permissions may be mended meanwhile."""


class ProbedStore:
    """A remote store whose first put waits for the probe, unless `check` has done it at the start.

    Puts that begin while the probe or the check runs share its outcome. Reading needs none.
    """

    guarantee: Guarantee

    def __init__(self, make: Callable[[], RemoteStore], *, allow_lost_updates: bool = False) -> None:
        """Take what makes the store, and whether it may be used, with guarantee `none`, if it ignores conditions."""
        self._make = make
        self._store = make()
        self.guarantee = self._store.guarantee
        self.flush_interval = self._store.flush_interval
        self._allow_lost_updates = allow_lost_updates
        self._folder = ''
        self._known = False
        self._checking: Future[None] | None = None
        self._probing = asyncio.Lock()
        self._probes = 0
        self._failure: StoreError | None = None
        self._refused_until = 0.0

    def __repr__(self) -> str:
        return repr(self._store)

    def check(self, prefix: str = '') -> None:
        """Probe below a prefix of keys, by a client of its own in a thread. Puts wait for it. It blocks.

        Raises `ConfigurationError` for a definite refusal. A store that does not answer is probed before its first put.
        """
        self._folder = f'{prefix}/' if prefix else ''
        checking = self._checking = Future[None]()  # before the thread begins, so that no put comes between
        with ThreadPoolExecutor(1, thread_name_prefix='stash-probe') as thread:
            try:
                thread.submit(asyncio.run, self._check()).result()
            except Unavailable as error:
                log.warning('the store %r does not answer yet (%s); it is probed before the first put', self, error)
            except Refused as error:
                raise ConfigurationError(
                    'url', f'{self!r} cannot be used: {error.reason}', error.hint or 'Use another store'
                ) from error
            finally:
                checking.set_result(None)

    async def _check(self) -> None:
        store = self._make()
        try:
            await self._probe(store, TIME_AT_START)
        finally:
            await store.aclose()

    async def _probe(self, store: RemoteStore, patience: float) -> None:
        try:
            async with asyncio.timeout(patience):
                await probe(store, self._folder)
        except TimeoutError as error:
            raise Unavailable('put', f'{self._folder}probe', f'not done within {patience:.0f} s') from error
        except ConditionsIgnored as error:
            if not self._allow_lost_updates:
                raise
            self.guarantee = 'none'
            log.warning('%r: two servers lose changes of each other: %s', self, error.reason)
        self._store.quoted_etags = store.quoted_etags
        self._known = True

    async def get(self, key: str, *, unless: ETag | None = None) -> StoredObject | NotModified | None:
        """Read an object."""
        return await self._store.get(key, unless=unless)

    async def put(self, key: str, body: bytes, *, mode: Mode) -> ETag:
        """Write an object in its mode, once it is known that the server keeps to modes."""
        if not self._known:
            await self._find_out(key)
        return await self._store.put(key, body, mode=mode)

    async def delete(self, key: str) -> None:
        """Remove an object, if there is one."""
        await self._store.delete(key)

    def list(self, prefix: str = '') -> AsyncIterator[ObjectInfo]:
        """Iterate over the objects whose key starts with `prefix`."""
        return self._store.list(prefix)

    async def now(self, prefix: str = '') -> float:
        """Return the server's time, as it dates an object that is made for that."""
        key = f'{prefix}/' if prefix else ''
        key += f'probe/{uuid.uuid4().hex}-0'
        try:
            await self.put(key, b'now', mode='create')
            dates = [row.modified async for row in self.list(key)]
        except OutcomeUnknown as error:
            raise Unavailable('open', key, error.reason) from error
        finally:
            await self._store.delete(key)
        if not dates or dates[0] is None:
            raise Refused('open', key, 'the server does not date its objects')
        return dates[0]

    async def aclose(self) -> None:
        """Close the client."""
        await self._store.aclose()

    async def _find_out(self, key: str) -> None:
        """Probe, once for all that wait; raise for this key what the probe of all raised."""
        seen = self._probes
        async with self._probing:
            if self._checking is not None and not self._checking.done():
                await asyncio.shield(asyncio.wrap_future(self._checking))
            if not self._known and self._probes == seen and asyncio.get_running_loop().time() >= self._refused_until:
                await self._try()
            failure = None if self._known else self._failure
        if failure is not None:  # nothing of this key was attempted
            kind = Refused if isinstance(failure, Refused) else Unavailable
            raise kind('put', key, failure.reason, failure.hint) from failure

    async def _try(self) -> None:
        try:
            await self._probe(self._store, TIME_AT_PUT)
        except StoreError as error:
            self._failure = error
            if isinstance(error, Refused):
                self._refused_until = asyncio.get_running_loop().time() + REFUSED_FOR
        self._probes += 1
