"""What `Stash.page`, `view` and `state` are told, and where from."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import FrameType
from typing import TypedDict

from ..errors import StashError
from ..schema import Migration


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
