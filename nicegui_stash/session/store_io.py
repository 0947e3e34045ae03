"""Reads and writes one object within a deadline, and turns what a store raises into one of five outcomes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from types import TracebackType
from typing import cast
from weakref import WeakKeyDictionary

import msgspec

from ..errors import Conflict, OutcomeUnknown, Refused, StoreError, Unavailable
from ..stores.base import ETag, Mode, NotModified, Store, StoredObject
from .telemetry import lookout, within_span

log = logging.getLogger('nicegui_stash')

DEADLINE = 30.0
"""Seconds until an operation counts as unanswered, whatever the store's own time limits."""


class Stored(msgspec.Struct, frozen=True):
    """The put was applied."""

    etag: ETag


class Read(msgspec.Struct, frozen=True):
    """The get was answered."""

    found: StoredObject | NotModified | None


class MustRead(msgspec.Struct, frozen=True):
    """A conflict or a lost answer. A conflict alone proves nothing, so both mean: read again."""

    error: StoreError


class Away(msgspec.Struct, frozen=True):
    """The store cannot be reached; nothing was applied."""

    error: StoreError


class Denied(msgspec.Struct, frozen=True):
    """The store refuses; nothing was applied."""

    error: StoreError


class Deadlines:
    """Raises `TimeoutError` within the operations of one event loop that get no answer in `DEADLINE` seconds.

    All have the same limit, so the oldest ends first, and one timer serves all. A timer for each, as `asyncio.timeout`
    has one, would cost a tenth of a put. A task has one operation at a time.
    """

    __slots__ = ('_begun', '_is_timed')

    def __init__(self) -> None:
        self._begun: dict[asyncio.Task[object], tuple[float, int]] = {}
        self._is_timed = False  # and not the timer itself, which would keep a closed event loop in memory

    def __enter__(self) -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        if task is None:
            raise RuntimeError('a store is read and written within a task')
        self._begun[task] = loop.time(), task.cancelling()
        if not self._is_timed:
            self._is_timed = True
            loop.call_later(DEADLINE, self._end_overdue)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        task = cast(asyncio.Task[object], asyncio.current_task())
        begun, cancelling = self._begun.pop(task)
        if begun < 0 and task.uncancel() <= cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _end_overdue(self) -> None:
        """Cancel what is overdue, and come back when the next one will be."""
        self._is_timed = False
        loop = asyncio.get_running_loop()
        for task, (begun, cancelling) in self._begun.items():
            if begun < 0:
                continue  # it is being cancelled
            if (left := begun + DEADLINE - loop.time()) > 0:
                self._is_timed = True
                loop.call_later(left, self._end_overdue)
                break
            self._begun[task] = -1.0, cancelling
            task.cancel()


_deadlines: WeakKeyDictionary[asyncio.AbstractEventLoop, Deadlines] = WeakKeyDictionary()


def _deadline() -> Deadlines:
    loop = asyncio.get_running_loop()
    found = _deadlines.get(loop)
    if found is None:
        found = _deadlines[loop] = Deadlines()
    return found


def read(
    store: Store, key: str, unless: ETag | None = None, *, is_limited: bool = False
) -> Awaitable[Read | Away | Denied]:
    """Get an object, unless it still has the given etag. `is_limited`: the caller sets a deadline itself."""
    work = _read(store, key, unless, is_limited=is_limited)
    return within_span('get', key, work) if lookout.is_watched else work


def write(store: Store, key: str, body: bytes, mode: Mode) -> Awaitable[Stored | MustRead | Away | Denied]:
    """Put an object, in the mode of `Store.put`."""
    work = _write(store, key, body, mode)
    return within_span('put', key, work) if lookout.is_watched else work


async def _read(store: Store, key: str, unless: ETag | None, *, is_limited: bool) -> Read | Away | Denied:
    try:
        if is_limited:  # a second limit would cost as much as an answer from nearby
            return Read(await store.get(key, unless=unless))
        with _deadline():
            return Read(await store.get(key, unless=unless))
    except Refused as error:
        return Denied(error)
    except StoreError as error:
        return Away(error)
    except TimeoutError as error:
        return Away(_caused(Unavailable('get', key, f'no answer within {DEADLINE:.0f} s'), error))
    except Exception as error:
        log.exception('the store failed in a way it does not declare: get %s', key)
        return Away(_caused(Unavailable('get', key, f'{type(error).__name__}'), error))


async def _write(store: Store, key: str, body: bytes, mode: Mode) -> Stored | MustRead | Away | Denied:
    try:
        with _deadline():
            return Stored(await store.put(key, body, mode=mode))
    except (Conflict, OutcomeUnknown) as error:
        return MustRead(error)
    except Refused as error:
        return Denied(error)
    except StoreError as error:
        return Away(error)
    except TimeoutError as error:
        return MustRead(_caused(OutcomeUnknown('put', key, f'no answer within {DEADLINE:.0f} s'), error))
    except Exception as error:
        log.exception('the store failed in a way it does not declare: put %s', key)
        return MustRead(_caused(OutcomeUnknown('put', key, f'{type(error).__name__}'), error))


def _caused(error: StoreError, cause: BaseException) -> StoreError:
    error.__cause__ = cause
    return error
