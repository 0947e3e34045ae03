"""Under which path and name the state of an element is stored."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final

from nicegui import Client
from nicegui.element import Element

from ...model.document import SliceId
from .. import nicegui_private

NAME: Final = 'stash.remember'
"""The stored name of what elements show; no class has it, since it is no identifier."""
VERSION: Final = 1
_PARAMETER: Final = re.compile(r'\{(\w+)(?::(\w+))?\}')
_LONGEST: Final = 100


def slice_of(element: Element) -> SliceId:
    """Return the slice of the page, or of the view of `ui.sub_pages`, that an element is on."""
    path, view = page_path(element.client), nicegui_private.view_path(element)
    return SliceId(NAME, VERSION, shortened(path if view is None else f'{path}#{view}'))


def page_path(client: Client) -> str:
    """Return the path of a page with its parameters; what `{_:path}` catches belongs to the views within the page."""
    values = client.request.path_params

    def value_of(parameter: re.Match[str]) -> str:
        return '' if parameter[2] == 'path' else str(values.get(parameter[1], ''))

    return _PARAMETER.sub(value_of, client.page.path).rstrip('/') or '/'


def given_name(key: str | int) -> str:
    """Return the name of an element to which the app gave a key."""
    return f'key {shortened(str(key))}'


def found_name(element: Element) -> str:
    """Return the name of an element without a key, which others of its like may have as well."""
    if markers := nicegui_private.markers_of(element):
        return f'marker {shortened(" ".join(markers))}'
    props = element.props
    label = props.get('label') or props.get('title') or props.get('aria-label') or getattr(element, 'text', None) or ''
    if not label:
        return element.tag
    return f'{element.tag} {shortened(str(label))}'.rstrip()


def shortened(text: str) -> str:
    """Return a text, of a long one its beginning and a digest.

    >>> shortened('orders'), len(shortened('x' * 1000))
    ('orders', 100)
    """
    if len(text) <= _LONGEST:
        return text
    return f'{text[: _LONGEST - 16]}{blake2b(text.encode(errors="surrogatepass"), digest_size=8).hexdigest()}'
