"""Connections whose statements are counted, or wait at a gate, or end the process."""

from __future__ import annotations

import functools
import sqlite3
import threading
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

PATIENCE = 300
"""Seconds after which a thread at a gate goes on, so that a broken store fails a test and does not hang it."""

real_connect = sqlite3.connect


class Watched(sqlite3.Connection):
    """A connection that tells what it executes before it does so, and may be called back then and afterwards."""

    statements: ClassVar[list[str]] = []
    before: ClassVar[Callable[[str], None] | None] = None
    after: ClassVar[Callable[[str], None] | None] = None

    def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
        cls = type(self)
        cls.statements.append(sql)
        if cls.before is not None:
            cls.before(sql)
        cursor = super().execute(sql, *arguments)
        if cls.after is not None:
            cls.after(sql)
        return cursor


def watch(
    *, before: Callable[[str], None] | None = None, after: Callable[[str], None] | None = None
) -> tuple[type[Watched], Callable[..., sqlite3.Connection]]:
    """Return a class of its own, with its list of statements, and a function in the place of `sqlite3.connect`."""
    hooks = {'statements': [], 'before': before and staticmethod(before), 'after': after and staticmethod(after)}
    cls = type('Watching', (Watched,), hooks)
    return cls, functools.partial(real_connect, factory=cls)


class Gate:
    """Where the first commit waits until it is opened."""

    def __init__(self, statement: str = 'COMMIT') -> None:
        self.reached = threading.Event()
        self._statement = statement
        self._open = threading.Event()

    def __call__(self, sql: str) -> None:
        if sql == self._statement and not self.reached.is_set():
            self.reached.set()
            self._open.wait(PATIENCE)

    def open(self) -> None:
        self._open.set()


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What all connections execute from now on."""
    cls, connect = watch()
    monkeypatch.setattr(sqlite3, 'connect', connect)
    return cls.statements
