"""All errors of `nicegui_stash`: one root, and children that carry what a program needs."""

from __future__ import annotations

import logging
import re

_KEY = re.compile(r'\[(?!\d+\]|\.\.\.\]).*\]', re.DOTALL)


class StashError(Exception):
    """The root of all errors of this library."""


class ConfigurationError(StashError):
    """A setting cannot work, so nothing was started. Change it as `remedy` says."""

    def __init__(self, setting: str, reason: str, remedy: str) -> None:
        super().__init__(f'{setting}: {reason}. {remedy}')
        self.setting = setting
        self.reason = reason
        self.remedy = remedy


class DeclarationError(StashError, TypeError):
    """A class declares something that cannot be stored; raised when the class is decorated."""

    def __init__(self, cls: str, field: str | None, reason: str) -> None:
        super().__init__(f'{cls}.{field}: {reason}' if field else f'{cls}: {reason}')
        self.cls = cls
        self.field = field
        self.reason = reason


class ValueNotStorable(StashError, ValueError):
    """A value does not fit its field; the stored value is unchanged. Store something the annotation admits.

    `path` says where inside the value, in JSON path form: `$` is the value itself, `$[1].name` a part of it.
    `quotes_value` says that `reason` may hold the value, or a part of it, and so must not be logged.
    """

    def __init__(self, field: str, path: str, reason: str, *, quotes_value: bool = True) -> None:
        where = '' if path == '$' else f' at {path}'
        super().__init__(f'{field}{where}: {reason}')
        self.field = field
        self.path = path
        self.reason = reason
        self.quotes_value = quotes_value

    @property
    def without_value(self) -> str:
        """The message without the value, to be logged: no reason that quotes it, and no keys of a dict in the path."""
        path = '' if self.path == '$' else ' at ' + _KEY.sub('[...]', self.path)
        reason = 'the value does not match its annotation' if self.quotes_value else self.reason
        return f'{self.field}{path}: {reason}'


class ValueTooLarge(ValueNotStorable):
    """A value, or the document it would make, exceeds its limit in bytes; the stored value is unchanged."""

    def __init__(self, field: str, path: str, reason: str) -> None:
        super().__init__(field, path, reason, quotes_value=False)


class TooMuchPending(ValueNotStorable):
    """The store has been away for so long that no more changes can be kept in memory; this one was refused."""

    def __init__(self, field: str, path: str, reason: str) -> None:
        super().__init__(field, path, reason, quotes_value=False)


class RowGone(ValueNotStorable):
    """A value was entered into a row that is no longer in its field; nothing is stored. Draw the rows again."""

    def __init__(self, field: str) -> None:
        super().__init__(field, '$', 'this row is no longer there', quotes_value=False)


class DocumentError(StashError):
    """A stored object cannot be used as a document; it is left unchanged."""


class MalformedDocument(DocumentError):
    """The bytes are not a document: not JSON, not an object, or of the wrong shape. They are quarantined."""


class UnknownFormat(DocumentError):
    """The document has a format that this version does not know, as after a rollback. It is never replaced.

    `hint` says what to do.
    """

    def __init__(self, found: int) -> None:
        super().__init__(f'document format {found} is not known to this version of nicegui_stash')
        self.found = found
        self.hint = (
            'a newer version wrote it: deploy that version again'
            if found > 0
            else 'formats count from 1, so no version wrote it: restore the object, or remove it'
        )


class CannotOpen(DocumentError):
    """The document is sealed, and cannot be opened here. It is never replaced. `hint` says what to do."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.hint = hint


class StoreError(StashError):
    """An operation on the store did not succeed. `operation` is get, put, delete, list or open."""

    def __init__(self, operation: str, key: str, reason: str, hint: str = '') -> None:
        super().__init__(f'{operation} {key}: {reason}' + (f' ({hint})' if hint else ''))
        self.operation = operation
        self.key = key
        self.reason = reason
        self.hint = hint


class Conflict(StoreError):
    """The mode of a put did not hold, or so the store says: read again before the next put.

    It proves nothing about our own bytes: store libraries retry by themselves, and the second attempt of a put that
    was applied conflicts with the first.
    """


class OutcomeUnknown(StoreError):
    """A put may or may not have been applied; handled like a conflict."""


class Unavailable(StoreError):
    """The store did not answer in time or cannot be reached; the operation was not applied. Try again later."""


class Refused(StoreError):
    """The store answered that it will not do this: permissions, quota, read-only. Trying again soon is useless."""


class _WithoutFrames(logging.Filter):
    """Write errors as text: a record that a handler keeps would keep their frames, and so sessions and values."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(str(each) if isinstance(each, BaseException) else each for each in record.args)
        if record.exc_info:
            record.exc_text = logging.Formatter().formatException(record.exc_info)  # which any formatter adds
            record.exc_info = None
        return True


logging.getLogger('nicegui_stash').addFilter(_WithoutFrames())
