"""What may be shown of a URL: everything but what could be a secret."""

from __future__ import annotations

import re

_USER = re.compile(r'://\S*@')
_QUERY = re.compile(r'[?#].*', re.DOTALL)


def without_credentials(url: str) -> str:
    """Leave out user, password, query and fragment; rather too much than too little, so nothing can be read from it."""
    return _QUERY.sub('?…', _USER.sub('://…@', url))


def scheme_of(url: str) -> str:
    """The scheme of a URL in lower case, `''` for a plain path."""
    match = re.match(r'([A-Za-z][A-Za-z0-9+.-]*)://', url)
    return match[1].lower() if match else ''
