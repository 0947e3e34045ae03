"""The scripts that pages load from our paths, once per browser: they are too long to be in every page."""

# pyright: reportUnknownMemberType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

import re
from functools import cache, lru_cache, partial
from hashlib import blake2b
from importlib.resources import files
from typing import Final
from urllib.parse import quote

from fastapi.responses import Response
from nicegui import app

FOLDER: Final = '/_nicegui/stash'
_TYPED: Final = tuple(f'carryover/{name}.js' for name in ('digest', 'focus', 'history', 'too_large', 'carryover'))
SCRIPTS: Final = {
    'rejoin.js': ('visit/rejoin.js', 'scopes/url.js'),
    'typed.js': _TYPED,
    'in_place.js': (*_TYPED, 'rejoin/in_place.js'),
}
"""By served name: the files for every page, for a page with stored fields, and for one that comes back in place."""
FOR_EVER: Final = 'public, max-age=31536000, immutable'

_NOT_RUN: Final = re.compile(r'(?m)^\s*//.*\n|^\s+| // .*$')
_SPACED: Final = re.compile(r'("(?:\\.|[^"\\])*"|`(?:\\.|[^`\\])*`)| *(=>|[=!]==?|=|&&|\|\||\?\??|[:;,(){}]) *')
"""Comments, indentation, empty lines, and spaces that part no words: a browser need not load them.

No literal of ours has ` // `, or is longer than a line; no regular expression has quotes, or spaces at such signs.
"""

_LOAD: Final = """{
const prefix = /"([^"]*)\\/_nicegui\\//.exec(document.querySelector("[type=importmap]")?.textContent)?.[1] ?? "";
document.write(`<scriptATTRIBUTE src="${prefix}ADDRESS"><\\/script>`);
}"""
"""Loads a script before anything else runs, below the prefix of NiceGUI's own scripts, which all pages share."""


def add_routes() -> None:
    """Make NiceGUI's app answer our paths, unless it does already."""
    answered = {getattr(route, 'path', None) for route in app.routes}
    for name in SCRIPTS:
        if (path := f'{FOLDER}/{name}') not in answered:
            app.add_api_route(path, partial(_answer, name), methods=['GET'], include_in_schema=False)


def shared_element(nonce: str) -> str:
    """Return the HTML that loads the script of every page first; an empty nonce means none."""
    attribute = nonce_attribute(nonce)
    load = _LOAD.replace('ATTRIBUTE', attribute).replace('ADDRESS', _address('rejoin.js'))
    return f'<script{attribute}>{load}</script>'


@lru_cache(maxsize=64)
def typed_address(prefix: str, *, in_place: bool) -> str:
    """Return the address of the script for pages with stored fields, below this prefix."""
    return quote(prefix, safe='/:@$*+,;=%') + _address('in_place.js' if in_place else 'typed.js')


def nonce_attribute(nonce: str) -> str:
    return f' nonce="{nonce}"' if nonce else ''


def _address(name: str) -> str:
    return f'{FOLDER}/{name}?v={_script(name)[1]}'


@cache
def _script(name: str) -> tuple[str, str]:
    folder = files('nicegui_stash.ui')
    script = _without_spaces('\n'.join(folder.joinpath(file).read_text(encoding='utf-8') for file in SCRIPTS[name]))
    return script, blake2b(script.encode(), digest_size=6).hexdigest()


def _without_spaces(script: str) -> str:
    """Return what a browser runs of a script, line by line as it is written; literals stay."""
    return _SPACED.sub(lambda found: found[1] or found[2], _NOT_RUN.sub('', script))


def _answer(name: str, v: str = '') -> Response:
    script, version = _script(name)  # in a rolling deploy, a page of another version may ask here for its script
    cached = FOR_EVER if v == version else 'no-store'
    return Response(script, media_type='text/javascript', headers={'Cache-Control': cached})
