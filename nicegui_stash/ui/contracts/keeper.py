"""What keeps values for a page where they are not in the store, and what it asks of a page object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from msgspec import Raw

from ...model.document import SliceId
from ...model.recovery import Problem
from ...model.schema import Schema
from .page_object import Cause


class KeptFields(Protocol):
    """The fields of one page object, as far as the client keeps them."""

    @property
    def schema(self) -> Schema: ...

    @property
    def slice_id(self) -> SliceId: ...

    @property
    def defaults(self) -> Mapping[str, Raw]:
        """The JSON of every field where nothing is kept."""
        ...

    @property
    def raws(self) -> Mapping[str, Raw]:
        """The JSON of every field as it is shown."""
        ...

    @property
    def closed(self) -> bool: ...

    def is_unsaved(self, name: str) -> bool:
        """Whether a change waits for `save()`, with `auto=False`."""
        ...

    def show(self, raws: Mapping[str, Raw | Problem], cause: Cause, *, own: bool) -> list[Problem]:
        """Show what is kept; a field with a problem gets its default. Return the problems.

        `own`: a person did it on this page, so that what follows from it is a change of this page.
        """
        ...

    def note_kept(self, version: int, age: float, problem: Problem | None) -> None:
        """Put on record that something came back, or that it could not be migrated. `age` is in seconds."""
        ...

    def blame(self, name: str, why: str) -> None:
        """Put on record that a value is not kept, until one of this field is again."""
        ...

    def forgive(self, name: str) -> None:
        """Take back what `blame` has put on record."""
        ...


class Keeper(Protocol):
    """Keeps the fields of one scope for all stored classes of one open page."""

    def begin(self, kept: KeptFields) -> None:
        """Show what is kept for a page object, and follow it. Raises `StashError` for a name that is taken."""
        ...

    def keep(self, kept: KeptFields, name: str, raw: Raw) -> None:
        """Accept a checked change. Raises `ValueTooLarge`."""
        ...

    def reset(self, kept: KeptFields) -> None:
        """Keep nothing of a page object any more; its fields have their defaults."""
        ...

    def end(self, kept: KeptFields) -> None:
        """Stop following; what is kept stays."""
        ...

    def awaits(self, kept: KeptFields) -> bool:
        """Whether building should wait, because what is kept of this page object is not known yet."""
        ...
