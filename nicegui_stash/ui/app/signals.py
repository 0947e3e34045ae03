"""The signals that ask the process to end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

log = logging.getLogger('nicegui_stash')

_Handler = Callable[[int, FrameType | None], Any]


class SignalWatch:
    """Calls back on the event loop when a signal asks the process to end, before the server reacts to it."""

    def __init__(self, on_signal: Callable[[], None], moment: Callable[[], float] = lambda: 0.0) -> None:
        """`moment` says for how many seconds the server may go on at a first SIGTERM."""
        self._on_signal = on_signal
        self._moment = moment
        self._is_late = False
        self.before: dict[int, _Handler] = {}
        self.stopped = False
        self._loop = asyncio.get_running_loop()

    def start(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # signals need the main thread; the drains at shutdown happen anyway
        for number in (signal.SIGTERM, signal.SIGINT):
            before = signal.getsignal(number)
            if callable(before):
                self.before[number] = before
                signal.signal(number, self._handle)

    def stop(self) -> None:
        """Restore the handlers once all watches started later have stopped; pass signals on until then."""
        self.stopped = True
        for number in self.before:
            handler = signal.getsignal(number)
            while isinstance(watch := getattr(handler, '__self__', None), SignalWatch) and watch.stopped:
                handler = watch.before[number]
                signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if not self.stopped:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nothing is left to hurry
                self._loop.call_soon_threadsafe(self._on_signal)
                moment = self._moment() if number == signal.SIGTERM and not self._is_late else 0
                if moment:
                    self._is_late = True
                    self._loop.call_soon_threadsafe(self._loop.call_later, moment, self.before[number], number, frame)
                    return
        self.before[number](number, frame)
