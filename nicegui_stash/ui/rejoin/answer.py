"""The answer to a page that comes back in place: its elements alone, or the order to reload."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from fastapi import Response
from nicegui import Client
from starlette.background import BackgroundTask

from .. import nicegui_private
from .claim import Claim

MEDIA_TYPE: Final = 'application/vnd.nicegui-stash+json'
UNKNOWN_PAGE: Final = '0' * 24
"""Stands in a page for the digest of what surrounds its content, until the page function is done."""


def mark_page(client: Client) -> None:
    """Write the digest of a page into its first HTML, so that it can come back in place later."""

    def write() -> None:
        if (page := nicegui_private.surroundings_of(client)) is not None:
            nicegui_private.replace_in_body(client, UNKNOWN_PAGE, page)

    nicegui_private.before_response(client, write)


def answer_in_place(client: Client, claim: Claim, is_building: Callable[[], bool]) -> None:
    """Answer with the content of a page, where the page that asks has the same surroundings; else have it reload.

    `is_building`: whether elements are still to come.
    """

    def answer(response: Response) -> Response:
        content = nicegui_private.content_of(response)
        if content is None:
            return response  # the page that asks does not know this answer, and reloads
        if nicegui_private.surroundings_of(client) != claim.page:
            return _refusal(client, 'the page around its elements is another one')
        if is_building():
            return _refusal(client, 'it is built when it is connected')
        told = {
            'client': client.id,
            'next': content.next_message,
            'title': client.resolve_title(),
            'elements': content.elements,
            'imports': content.imports,
            'components': content.components,
            'bound': content.bound,
        }
        return _answer(told)

    nicegui_private.after_response(client, answer)


def _refusal(client: Client, why: str) -> Response:
    return _answer({'reload': why}, BackgroundTask(client.delete))


def _answer(told: dict[str, Any], background: BackgroundTask | None = None) -> Response:
    text = json.dumps(told, ensure_ascii=False, separators=(',', ':'))
    body = text.encode('utf-8', 'surrogatepass')
    return Response(body, media_type=MEDIA_TYPE, headers={'Cache-Control': 'no-store'}, background=background)
