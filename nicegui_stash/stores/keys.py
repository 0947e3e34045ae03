"""What a key may look like, checked before it becomes a path or part of a URL."""

from __future__ import annotations

import re

_SEGMENT = r'(?!\.{1,2}(?:/|\Z))[A-Za-z0-9_.-]+'
_KEY = re.compile(rf'{_SEGMENT}(?:/{_SEGMENT})*')


def is_key(text: str) -> bool:
    """Whether a text is a key: relative, `/`-separated, of `A-Za-z0-9_.-`, no segment empty, `.` or `..`."""
    return _KEY.fullmatch(text) is not None


def check_key(key: str) -> str:
    """Return the key itself, or raise `ValueError` if it is none: it could leave the store's folder."""
    if _KEY.fullmatch(key) is None:
        raise ValueError(f'{key!r} is no key: letters, digits, "-", "_" and ".", in non-empty segments between "/"')
    return key


def folder_of(prefix: str) -> str:
    """The folder that holds every key of a prefix, `''` for all; `ValueError` if it is no possible folder of a key."""
    folder = prefix.rpartition('/')[0]
    return check_key(folder) if folder else ''
