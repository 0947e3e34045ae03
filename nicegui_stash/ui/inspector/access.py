"""Who may see the inspector. For everybody else its address does not exist, whatever the method."""

# pyright: reportUnknownMemberType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable

from fastapi import Depends, HTTPException, Request
from nicegui import app, ui
from starlette.types import Receive, Scope, Send

from ...errors import ConfigurationError
from .. import nicegui_private

log = logging.getLogger('nicegui_stash')

Allow = Callable[[Request], bool | Awaitable[bool]]
"""Whether the sender of a request may see the inspector; it may be async."""


class Guard:
    """Asks the app who may see the page. Only `True` lets anybody in; whatever goes wrong does not."""

    def __init__(self, allow: Allow) -> None:
        if not callable(allow):
            raise ConfigurationError(
                'allow', f'it is of type {type(allow).__name__}', 'Pass a function of the request that returns a bool'
            )
        self._allow = allow

    async def admits(self, request: Request) -> bool:
        try:
            answer = self._allow(request)
            if inspect.isawaitable(answer):
                answer = await answer
        except HTTPException:  # as the app's own check may raise it
            return False
        except Exception as error:  # noqa: BLE001 the app's function may raise anything
            app.handle_exception(error)
            return False
        if answer is not True and answer:  # such as a redirect to the sign-in page
            log.warning('allow= of the inspector returned %s: only True lets anybody in', type(answer).__name__)
        return answer is True

    async def require(self, request: Request) -> None:
        """Raise what NiceGUI answers as it answers for an address without a page."""
        if not await self.admits(request):
            raise nicegui_private.not_found(request)


class Nothing:
    """Answers as if nothing were there. Else another method or a final slash would show that there is something."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raise nicegui_private.not_found(Request(scope, receive, send))


def add_guarded_page(
    path: str, guard: Guard, build: Callable[[Request], Awaitable[None]], title: str, module: str
) -> None:
    """Serve a page to those whom the guard admits. NiceGUI makes no client for anybody else's request.

    `module` is that of the app: NiceGUI's user simulation unloads the modules of pages, with all that they are in.
    """

    async def inspector(request: Request) -> None:
        await build(request)

    inspector.__module__ = module
    slashed = f'{path.rstrip("/")}/'
    for address in {path, slashed}:
        app.remove_route(address)
    ui.page(path, title=title, markdown=False, dependencies=[Depends(guard.require)])(inspector)
    for address in {path, slashed}:
        app.router.add_route(address, Nothing(), include_in_schema=False)  # pyright: ignore[reportArgumentType]
