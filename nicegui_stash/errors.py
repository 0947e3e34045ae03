"""Everything that `nicegui_stash` raises: one root, children that carry what a program would ask for."""

from __future__ import annotations

import logging
import re

_KEY = re.compile(r'\[(?!\d+\]|\.\.\.\]).*\]', re.DOTALL)
_TELLS_NO_VALUE = re.compile(
    r'Expected `[^`]*`(, got `[^`]*`| of (length|at (least|most) length) [\d, got]+)?$'
    r'|Object missing required field `\w+`$'
    r'|Invalid (RFC3339 encoded \w+|ISO8601 duration|UUID|decimal string|base64 encoded string)$'
    r'|\d+ bytes of JSON are more|\d+ characters in the (address|browser) are more'
    r'|the document would exceed|the store is away'
    r'|this row is no longer there'
    r'|NaN and infinity cannot|a \w[\w.]* would come|its keys would come back|it is nested too deeply'
)


class StashError(Exception):
    """The root of all errors of this library."""


class ConfigurationError(StashError):
    """A setting cannot work; nothing was started. Change the setting as `remedy` says."""

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
    """

    def __init__(self, field: str, path: str, reason: str) -> None:
        where = '' if path == '$' else f' at {path}'
        super().__init__(f'{field}{where}: {reason}')
        self.field = field
        self.path = path
        self.reason = reason

    @property
    def without_value(self) -> str:
        """What may be logged of it: a reason can quote the value, as for an enum, and a path the keys of a dict."""
        path = '' if self.path == '$' else ' at ' + _KEY.sub('[...]', self.path)
        reason = self.reason if _TELLS_NO_VALUE.match(self.reason) else 'the value is none that its annotation admits'
        return f'{self.field}{path}: {reason}'


class ValueTooLarge(ValueNotStorable):
    """A value, or the document it would make, exceeds its limit in bytes; the stored value is unchanged."""


class TooMuchPending(ValueNotStorable):
    """The store has been away for so long that no more changes can be kept in memory; this one was refused."""


class RowGone(ValueNotStorable):
    """A value was entered into a row that is no longer in its field; nothing is stored. Draw the rows again."""

    def __init__(self, field: str) -> None:
        super().__init__(field, '$', 'this row is no longer there')


class DocumentError(StashError):
    """A stored object cannot be used as a document; it is left as it is."""


class MalformedDocument(DocumentError):
    """The bytes are no document at all: not JSON, not an object, or of the wrong shape. They are quarantined."""


class UnknownFormat(DocumentError):
    """The document has a format this version does not know, as after a rollback. It is never replaced.

    `hint` says what to do about it.
    """

    def __init__(self, found: int) -> None:
        super().__init__(f'document format {found} is not known to this version of nicegui_stash')
        self.found = found
        self.hint = (
            'a newer version wrote it: deploy that version again'
            if found > 0
            else 'formats count from 1, so no version wrote it: restore the object, or remove it'
        )


class StoreError(StashError):
    """An operation on the store did not succeed. `operation` is get, put, delete, list or open."""

    def __init__(self, operation: str, key: str, reason: str, hint: str = '') -> None:
        super().__init__(f'{operation} {key}: {reason}' + (f' ({hint})' if hint else ''))
        self.operation = operation
        self.key = key
        self.reason = reason
        self.hint = hint


class Conflict(StoreError):
    """The condition of a put did not hold, or the store says so: read again before putting again.

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
        return True


logging.getLogger('nicegui_stash').addFilter(_WithoutFrames())
