"""Which bucket or container a URL names, and which folder within."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...errors import ConfigurationError
from ..urls import without_credentials

_PLACE = re.compile(
    r'[a-z0-9]+://(?P<container>[\w.-]+)(?:@(?P<account>[\w-]+)\.(?:dfs|blob)\.core\.windows\.net)?/*'
    r'(?P<root>[^?#@]*)',
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Place:
    """A bucket or container, and the root of all keys within: empty, or ending in `/`.

    `account` is that of Azure, where the URL names it: `abfs://container@account.dfs.core.windows.net/folder`.
    """

    container: str
    root: str = ''
    account: str = ''


def place_of(url: str) -> Place:
    """Take a URL apart. Raises `ConfigurationError`, which never shows credentials."""
    found = _PLACE.fullmatch(url.strip())
    root = found['root'].strip('/') if found else ''
    if found is None or '//' in root or {'.', '..'} & set(root.split('/')):
        scheme = url.partition('://')[0]
        raise ConfigurationError(
            'url',
            f'{without_credentials(url)!r} names no bucket',
            f'Write {scheme}://bucket or {scheme}://bucket/folder; credentials belong into storage_options',
        )
    return Place(found['container'], f'{root}/' if root else '', found['account'] or '')
