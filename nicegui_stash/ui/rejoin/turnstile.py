"""When a page may come back: a server that has just started must not be trampled by all its pages at once."""

from __future__ import annotations

import time
from typing import Final

from fastapi.responses import JSONResponse
from nicegui import app

from .. import nicegui_private

PATH: Final = '/_nicegui/stash/back'
PAGES_PER_SECOND: Final = 100
LONGEST: Final = 10.0
"""Seconds that a page waits at most: anybody can ask."""


class Turnstile:
    """Gives each page a time of its own, in the order in which they ask."""

    def __init__(self, pages_per_second: float = PAGES_PER_SECOND) -> None:
        self._interval = 1 / pages_per_second
        self._next = 0.0

    def wait(self, now: float) -> float:
        """Return the seconds after which the next page may come. `now` is in seconds, by a steady clock."""
        turn = min(max(now, self._next), now + LONGEST)
        self._next = turn + self._interval
        return turn - now


_turnstile = Turnstile()


def add_route() -> None:
    """Make NiceGUI's app answer pages that ask whether they may come back, unless it does already."""
    if all(getattr(route, 'path', None) != PATH for route in app.routes):
        app.add_api_route(PATH, _answer, methods=['GET'], include_in_schema=False)


async def _answer(client: str = '') -> JSONResponse:
    """Say whether this client is still here; if not, after how many milliseconds its page may come.

    It is async, as FastAPI has other functions answer in threads, where two pages could get one turn.
    """
    known = nicegui_private.is_known(client)
    wait = 0 if known else round(1000 * _turnstile.wait(time.monotonic()))
    return JSONResponse({'known': known, 'wait': wait}, headers={'Cache-Control': 'no-store'})
