"""The session cookie: its session id, and the ids of sessions that this one took over."""

from __future__ import annotations

import time
from typing import Any, Final

from fastapi import Request

FORMER: Final = 'nicegui_stash_former'
"""The cookie's entry with the ids of sessions that this one took over, the last first: see `former`."""
RENEWED: Final = 'nicegui_stash_renewed'


def former(request: Request) -> list[str]:
    """Return the ids of sessions that this one took over: the browser may have tokens made for them."""
    return list(request.session.get(FORMER, ()))


def renew_cookie(session: dict[str, Any], session_id: str) -> None:
    """Send the session cookie again once a day, if it names the session.

    Starlette sends it only for a modified session, and for 14 days: without this an active visitor would lose the
    session in the third week.
    """
    today = int(time.time() // 86400)
    if session.get(RENEWED) != today and session.get('id') == session_id:
        session[RENEWED] = today
