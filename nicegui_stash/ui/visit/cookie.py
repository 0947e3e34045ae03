"""What the session cookie tells: whose session it is, and which sessions it took over."""

from __future__ import annotations

import time
from typing import Any, Final

from fastapi import Request

FORMER: Final = 'nicegui_stash_former'
"""What the cookie calls the ids of sessions that this one took over, the last first: see `former`."""
RENEWED: Final = 'nicegui_stash_renewed'


def former(request: Request) -> list[str]:
    """Return the sessions whose values a browser's session took along: what it keeps itself was made for them."""
    return list(request.session.get(FORMER, ()))


def renew_cookie(session: dict[str, Any], session_id: str) -> None:
    """Have the cookie of a request's session set anew once a day, if it is what says whose session this is.

    Starlette sets it only when the session was modified, and for 14 days: without this an active visitor would lose the
    identity in the third week.
    """
    today = int(time.time() // 86400)
    if session.get(RENEWED) != today and session.get('id') == session_id:
        session[RENEWED] = today
