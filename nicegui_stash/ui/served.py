"""The scripts that pages load from a path of ours, once per browser: they are too long to be in every page."""

# pyright: reportUnknownMemberType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

from functools import cache, lru_cache
from hashlib import blake2b
from importlib.resources import files
from typing import Final
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import Response
from nicegui import app

PATH: Final = '/_nicegui/stash/typed.js'
SCRIPTS: Final = ('digest.js', 'focus.js', 'entered.js', 'typed.js')
FOR_EVER: Final = 'public, max-age=31536000, immutable'


def add_route() -> None:
    """Make NiceGUI's app answer our path, unless it does already."""
    if all(getattr(route, 'path', None) != PATH for route in app.routes):
        app.add_api_route(PATH, _answer, methods=['GET'], include_in_schema=False)


def served_element(request: Request, nonce: str, seal: str) -> str:
    """Return the HTML that loads the scripts into a page, below the prefix that this request came through."""
    prefix = request.headers.get('X-Forwarded-Prefix', '') + request.scope.get('root_path', '')
    return f'{_beginning(prefix, nonce)} data-seal="{seal}"></script>'


@lru_cache(maxsize=64)
def _beginning(prefix: str, nonce: str) -> str:
    prefix = quote(prefix, safe='/:@$*+,;=%')
    attribute = f' nonce="{nonce}"' if nonce else ''
    return f'<script{attribute} src="{prefix}{PATH}?v={_script()[1]}"'


@cache
def _script() -> tuple[str, str]:
    folder = files('nicegui_stash.ui')
    script = '\n'.join(folder.joinpath(name).read_text(encoding='utf-8') for name in SCRIPTS)
    return script, blake2b(script.encode(), digest_size=6).hexdigest()


def _answer(v: str = '') -> Response:
    script, version = _script()  # during a rolling deploy another server may be asked for its own version
    cached = FOR_EVER if v == version else 'no-store'
    return Response(script, media_type='text/javascript', headers={'Cache-Control': cached})
