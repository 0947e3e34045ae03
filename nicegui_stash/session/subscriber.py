"""What a session tells the pages that show it."""

from __future__ import annotations

from typing import Literal, Protocol

from ..model.document import Part, SliceId
from ..model.operations import Set

Activity = Literal['saved', 'pending', 'saving', 'offline', 'refused']


class Subscriber(Protocol):
    """A page that shows a session's values. Called while a change is accepted: never raise or wait."""

    def changed(self, slice_id: SliceId, part: Part, name: str) -> None:
        """Somebody else changed one value."""

    def replaced(self) -> None:
        """The document may have changed anywhere: it was read, merged, reset or forgotten."""

    def rejected(self, operation: Set) -> None:
        """A change made before the first read was overruled by a stored value."""

    def activity_changed(self) -> None:
        """What `Session.activity` or `Session.problem` says has changed."""
