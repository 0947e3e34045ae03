"""The look at a store before the app is served, which a store that hangs must not delay."""

from __future__ import annotations

import logging
import threading
from typing import Final

from ..stores.base import Checking, Store

log = logging.getLogger('nicegui_stash')

PATIENCE: Final = 3.0
"""Seconds that a start waits for its store at most."""


def check_at_start(store: Store, prefix: str) -> None:
    """Let a store be checked in a thread. Raises `ConfigurationError` for a refusal.

    If there is no answer in time, the app is served and its sessions wait for the store. A later refusal is logged.
    """
    if not isinstance(store, Checking):
        return
    check = _Check(store, prefix)
    thread = threading.Thread(target=check.run, name='stash-check', daemon=True)
    thread.start()
    thread.join(PATIENCE)
    check.give_up_waiting()


class _Check:
    """One check, and who tells what it found: the start while it waits, later the thread."""

    def __init__(self, store: Checking, prefix: str) -> None:
        self._store = store
        self._prefix = prefix
        self._lock = threading.Lock()
        self._is_late = False
        self._is_done = False
        self._error: Exception | None = None

    def run(self) -> None:
        error = None
        try:
            self._store.check(self._prefix)
        except Exception as raised:  # noqa: BLE001 a store may raise anything, and the start raises it again
            error = raised
        with self._lock:
            self._is_done = True
            self._error = error
            if self._is_late and error is not None:
                log.error('the store was refused after the start: %s', error)
            elif self._is_late:
                log.warning('the store %r has been checked; what was changed meanwhile is put now', self._store)

    def give_up_waiting(self) -> None:
        with self._lock:
            self._is_late = not self._is_done
            error = self._error
        if self._is_late:
            log.warning('the store %r has not answered within %g s; the app is served meanwhile', self._store, PATIENCE)
        if error is not None:
            raise error
