"""A field that is notified of each change of its collection, and may refuse it."""

from __future__ import annotations

from typing import Any

from nicegui_stash.model.observed import observe


class Refused(Exception):
    pass


class Field:
    """Is notified of changes, and refuses them while `refusing`; equal names mean the same field."""

    def __init__(self, value: Any, name: str = '') -> None:
        self.told = 0
        self.refusing = False
        self.value = observe(value, self.changed, name)

    def changed(self, *_: Any) -> None:
        self.told += 1
        if self.refusing:
            raise Refused
