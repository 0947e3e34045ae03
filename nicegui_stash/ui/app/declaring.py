"""What `Stash.page`, `view` and `state` are told, and where from."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any, TypedDict

from ...errors import DeclarationError, StashError
from ...model.schema import Migration, Schema, build_schema
from ..page.stored_property import StoredProperty, detach_copies
from .app_state import AppState


class StateOptions(TypedDict, total=False):
    """What `state`, `view` and `page` can be told about how a class is stored."""

    name: str | None
    version: int
    migrations: Mapping[int, Migration] | None
    renamed_from: str | None


class ViewOptions(StateOptions, total=False):
    """What `view` and `page` can be told besides."""

    key: str | tuple[str, ...] | None
    max_keys: int


VIEW_OPTIONS = ViewOptions.__annotations__.keys() | StateOptions.__annotations__.keys()


def caller() -> FrameType:
    """Return the frame that decorates: its place is the class's origin, its names resolve the class's annotations."""
    frame = inspect.currentframe()
    caller = frame.f_back.f_back if frame and frame.f_back else None
    if caller is None:
        raise StashError('a class is decorated in Python code, which has a frame')
    return caller


def declare(app_state: AppState, cls: type, frame: FrameType, *, path: str | None = None, **options: Any) -> Schema:
    """Make a class's declared fields bindable properties that are stored. Raises `DeclarationError`.

    A page that has several paths is declared once: all its decorators get the same schema.
    """
    if not isinstance(cls, type):  # pyright: ignore[reportUnnecessaryIsInstance]
        label = getattr(cls, '__qualname__', repr(cls))
        raise DeclarationError(label, None, 'it is no class; only @stash.page is given a path, above a class')
    if unknown := sorted(options.keys() - VIEW_OPTIONS - {'makes_itself'}):
        reason = f'{unknown[0]}= is no option of what is stored; those are {", ".join(sorted(VIEW_OPTIONS))}'
        raise DeclarationError(cls.__qualname__, None, reason)
    names = frame.f_locals
    if cls.__module__ not in sys.modules:  # NiceGUI's user simulation unloads the modules of pages
        names = {**frame.f_globals, **names}
    origin = f'{Path(frame.f_code.co_filename).absolute()}:{frame.f_lineno}'  # a script that is run again names itself
    schema = build_schema(cls, local_names=names, origin=origin, **options)
    if (known := app_state.declare(schema, path)) is not schema:
        if differing := sorted(name for name in VIEW_OPTIONS if getattr(known, name) != getattr(schema, name)):
            reason = f'its decorators differ in {" and ".join(differing)}; a page with several paths is stored once'
            raise DeclarationError(cls.__qualname__, None, reason)
        return known
    for name, stored in schema.fields.items():
        setattr(cls, name, StoredProperty(stored))
    detach_copies(cls)
    return schema
