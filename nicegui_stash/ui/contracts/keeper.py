"""Keepers of values outside the store, and the page object as they need it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from msgspec import Raw

from ...model.document import SliceId
from ...model.recovery import Problem
from ...model.schema import Schema
from .page_object import Cause


class KeptFields(Protocol):
    """The fields of one page object that the client keeps."""

    @property
    def schema(self) -> Schema: ...

    @property
    def slice_id(self) -> SliceId: ...

    @property
    def defaults(self) -> Mapping[str, Raw]:
        """The JSON of every field's default."""
        ...

    def raw(self, name: str) -> Raw:
        """Return the JSON of a field as shown."""
        ...

    @property
    def closed(self) -> bool: ...

    def is_unsaved(self, name: str) -> bool:
        """Whether a change waits for `save()`, with `auto=False`."""
        ...

    def show(self, raws: Mapping[str, Raw | Problem], cause: Cause, *, own: bool) -> list[Problem]:
        """Show kept values; a field with a problem gets its default. Return the problems.

        `own`: a person caused it on this page, so the changes that follow are changes of this page.
        """
        ...

    def note_kept(self, version: int, age: float, problem: Problem | None) -> None:
        """Record that values came back, or the problem of migrating them. `age` is in seconds."""
        ...

    def note_unkept(self, name: str, why: str) -> None:
        """Record that the client does not keep a field's value."""
        ...

    def clear_unkept(self, name: str) -> None:
        """Remove the record of `note_unkept`."""
        ...


class Keeper(Protocol):
    """Keeps the fields of one scope for all stored classes of one open page."""

    def begin(self, kept: KeptFields) -> None:
        """Show the kept values of a page object, and follow them. Raises `StashError` for a name that is taken."""
        ...

    def keep(self, kept: KeptFields, name: str, raw: Raw) -> None:
        """Accept a checked change. Raises `ValueTooLarge`."""
        ...

    def reset(self, kept: KeptFields) -> None:
        """Delete the kept values of a page object; its fields have their defaults."""
        ...

    def end(self, kept: KeptFields) -> None:
        """Stop following; the kept values stay."""
        ...

    def has_answered(self, kept: KeptFields) -> bool:
        """Whether the client has sent the kept values."""
        ...

    def is_pending(self, kept: KeptFields) -> bool:
        """Whether building should wait, because the client has not sent the kept values yet."""
        ...
