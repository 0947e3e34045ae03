"""The one place where an operating system's error becomes an error of the store."""

from __future__ import annotations

import errno
from typing import Final

from ..errors import OutcomeUnknown, Refused, StoreError, Unavailable

_NO_RIGHT = 'give the user that runs the server the right to read and write there'
_NO_SPACE = 'make room, or let the store lie elsewhere'
_KEY_BELOW_KEY = 'here a key cannot lie below another key'

# Every other number may pass by itself, as a cable that is plugged in again.
_REFUSALS: Final = {
    errno.EACCES: _NO_RIGHT,
    errno.EPERM: _NO_RIGHT,
    errno.EROFS: 'it is mounted read-only',
    errno.ENOSPC: _NO_SPACE,
    errno.EDQUOT: _NO_SPACE,
    errno.EFBIG: 'the object is larger than a file may be there',
    errno.ENAMETOOLONG: 'shorten the key or the prefix',
    errno.ENOTDIR: _KEY_BELOW_KEY,
    errno.EISDIR: _KEY_BELOW_KEY,
    errno.EEXIST: _KEY_BELOW_KEY,
}

# Filesystems other than the system's own raise these without a number.
_NUMBERS: Final[dict[type[OSError], int]] = {
    PermissionError: errno.EACCES,
    NotADirectoryError: errno.ENOTDIR,
    IsADirectoryError: errno.EISDIR,
    FileExistsError: errno.EEXIST,
}


def reason_of(error: BaseException) -> str:
    """Say what went wrong in words that hold no path, URL or credential: the error's kind, or the system's sentence."""
    return error.strerror if isinstance(error, OSError) and error.strerror and error.errno else type(error).__name__


def store_error(operation: str, key: str, error: OSError, *, attempted: bool = False) -> StoreError:
    """Translate an `OSError`: a definite refusal is `Refused`, everything else `Unavailable`.

    `attempted`: the write itself was asked for, so that without a definite refusal the outcome is `OutcomeUnknown`.
    """
    hint = _REFUSALS.get(error.errno or _NUMBERS.get(type(error), 0))
    if hint is not None:
        return Refused(operation, key, reason_of(error), hint)
    return (OutcomeUnknown if attempted else Unavailable)(operation, key, reason_of(error))
