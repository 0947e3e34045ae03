"""What filesystems of fsspec raise: each has its own errors, of which only some are the system's."""

from __future__ import annotations

import ftplib
from typing import Final

from ..errors import OutcomeUnknown, Refused, StoreError, Unavailable
from .oserrors import reason_of, store_error

_LOOK: Final = 'look at url and storage_options'
_NOT_LET_IN: Final = frozenset({401, 403})
_NO_SUCH_FILE: Final = '550'


def is_absence(error: Exception) -> bool:
    """Whether an error means that the object, or the folder for it, does not exist.

    fsspec turns each reply of an FTP server into `FileNotFoundError`, also that of one which hangs up. Taken for the
    absence of an object, that would replace the object.
    """
    if isinstance(error, FileNotFoundError):
        return not isinstance(error.__cause__, ftplib.Error) or _is_of_absence(error.__cause__)
    return _is_of_absence(error)


def translated(operation: str, key: str, error: Exception, *, attempted: bool) -> StoreError:
    """Translate an error. Of one that is not known, only that is sure: whether a put was `attempted`."""
    if isinstance(error, FileNotFoundError) and isinstance(error.__cause__, ftplib.Error):
        error = error.__cause__
    if isinstance(error, OSError):
        return store_error(operation, key, error, attempted=attempted)
    if isinstance(error, NotImplementedError):
        return Refused(operation, key, 'the filesystem has no such operation')
    if isinstance(error, (TypeError, ValueError, ImportError)):
        return Refused(operation, key, reason_of(error), _LOOK)
    if _is_refusal(error):
        return Refused(operation, key, reason_of(error), f'the server does not allow it; {_LOOK}')
    return (OutcomeUnknown if attempted else Unavailable)(operation, key, reason_of(error))


def _is_of_absence(error: BaseException) -> bool:
    return isinstance(error, ftplib.error_perm) and str(error).startswith(_NO_SUCH_FILE)


def _is_refusal(error: Exception) -> bool:
    """Whether a server does not let us in: of FTP, of HTTP by the status, of SSH by the name of paramiko's error."""
    return (
        isinstance(error, ftplib.error_perm)
        or getattr(error, 'status_code', None) in _NOT_LET_IN
        or type(error).__name__ in {'AuthenticationException', 'BadHostKeyException', 'ForbiddenOperation'}
    )
