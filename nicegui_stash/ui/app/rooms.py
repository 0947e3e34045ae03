"""Which room a page is about: its `room=` names a parameter, or is a function of the request."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from inspect import iscoroutinefunction
from typing import Any, Final
from uuid import UUID

from fastapi import Request

from ...errors import DeclarationError, StashError
from ...model.schema import Schema

Room = str | Callable[[Request], str | int | UUID | None]
"""The name of a parameter of `build` or `prepare`, or a function that names the room of a request."""
MAX_NAME: Final = 500
"""How many characters the name of a room, or the id of a person, has at most."""


def require_room(schema: Schema, room: Room | None, parameters: Collection[str]) -> None:
    """Raise `DeclarationError` for a page whose fields are in a room that nothing names."""
    label = schema.cls.__qualname__
    if room is None:
        for name, stored in schema.fields.items():
            if stored.scope.owner == 'room':
                reason = "scope='room' needs the room's name; write @stash.page('/board/{board}', room='board')"
                raise DeclarationError(label, name, reason)
    elif isinstance(room, str):
        if room not in parameters:
            raise DeclarationError(label, None, f'room={room!r} has to be a parameter of build() or prepare()')
    elif not callable(room) or iscoroutinefunction(room):
        raise DeclarationError(
            label, None, f'room={room!r} must name a parameter, or be a plain function of the request'
        )


def room_of(room: Room, request: Request, arguments: Mapping[str, Any]) -> str:
    """Return the name of the room that a page was asked for. Raises `StashError` for what names none."""
    return room_name(arguments[room] if isinstance(room, str) else room(request))


def room_name(given: object) -> str:
    """Return the text by which a room is known. Raises `StashError` for what cannot be a name.

    >>> room_name(7)
    '7'
    """
    return text_of_name(given, 'a room has a text or a number as name', 'a room has a name')


def text_of_name(given: object, kinds: str, it: str) -> str:
    """Return the text by which the app names a room or a person.

    Raises `StashError`, which says that it must be of these `kinds`, or what the length of `it` must be.
    """
    if not isinstance(given, (str, int, UUID)) or isinstance(given, bool):
        raise StashError(f'{kinds}, not {type(given).__name__}; the page is not shown')
    name = str(given)
    if not 1 <= len(name) <= MAX_NAME:
        raise StashError(f'{it} of 1 to {MAX_NAME} characters, not {len(name)}; the page is not shown')
    return name
