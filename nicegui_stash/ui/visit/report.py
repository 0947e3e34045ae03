"""What the browser reports of a page load: untrusted input, turned into a small closed record."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, cast

from ...model.recovery import Reason

MESSAGE: Final = 'nicegui_stash'
"""The name of what a page sends beside NiceGUI's own events: its report, and whatever our scripts tell later."""
ACKNOWLEDGE: Final = 'window.__niceguiStash?.acknowledge'

_ID = re.compile(r'[A-Za-z0-9-]{8,64}')
_REASONS: Final[tuple[Reason, ...]] = ('visit', 'reload', 'history', 'rejoin', 'duplicate')


@dataclass(frozen=True, slots=True)
class Report:
    """Why a document was loaded.

    `visit` is the visit that a rejoin continues, `old_tab` the tab that a duplicated one was copied from, `previous`
    the visit that ended with a reload in the same tab. A visitor can claim any of them, and reaches only what is
    stored for the own session.
    """

    reason: Reason = 'unknown'
    visit: str | None = None
    old_tab: str | None = None
    previous: str | None = None


UNKNOWN: Final = Report()

simulated: Final[dict[str, Report]] = {}
"""What NiceGUI's user simulation reports when a page connects; `nicegui_stash.testing` puts it there.

By tab id, and once the page is open by client id."""


def parse_report(sent: object) -> Report:
    """Read a report; what is malformed or oversized in any way counts as no report at all."""
    if not isinstance(sent, dict):
        return UNKNOWN
    fields = cast(dict[str, Any], sent)
    reason = fields.get('reason')
    if reason not in _REASONS:
        return UNKNOWN
    visit, old_tab, previous = (identifier(fields.get(name)) for name in ('visit', 'old_tab', 'previous'))
    if (reason == 'rejoin' and visit is None) or (reason == 'duplicate' and old_tab is None):
        return UNKNOWN
    return Report(
        reason,
        visit if reason == 'rejoin' else None,
        old_tab if reason == 'duplicate' else None,
        previous if reason == 'reload' else None,
    )


def identifier(value: object) -> str | None:
    """Return what a browser claims to be the id of a tab or a visit, `None` if it cannot be one."""
    return value if isinstance(value, str) and _ID.fullmatch(value) else None
