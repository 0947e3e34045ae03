"""What `page`, `view` and `state` can be told about how a class is stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypedDict

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


VIEW_OPTIONS: Final = ViewOptions.__annotations__.keys() | StateOptions.__annotations__.keys()
