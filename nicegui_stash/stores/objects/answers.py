"""The one place where what an object storage server answers becomes an error of the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ...errors import Conflict, OutcomeUnknown, Refused, StoreError, Unavailable


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back instead of success, in words that hold no URL and no credential.

    `status` is HTTP's, `None` where none came; `code` is the server's own word for it, as `SlowDown`, or the kind of
    error where no server spoke; `refusal` says what is definitely wrong where no server had to be asked.
    """

    status: int | None = None
    code: str = ''
    refusal: str = ''

    def __str__(self) -> str:
        return self.refusal or ' '.join(filter(None, (str(self.status or ''), self.code))) or 'no answer'

    @property
    def has_no_place(self) -> bool:
        """Whether the bucket or container itself is not there."""
        return self.code in _NO_PLACE


_NO_PLACE: Final = {'NoSuchBucket', 'ContainerNotFound', 'ContainerBeingDeleted', 'ContainerDisabled'}
_TRANSIENT: Final = {'RequestTimeout', 'IncompleteBody', 'Throttling', 'ThrottlingException', 'OperationAborted'}
"""Codes that some servers send with a status that would mean a refusal."""

_CONFLICTS: Final = {409, 412}
_REFUSALS: Final = {
    301: 'look at the region',
    307: 'look at the region',
    400: 'look at url, region and storage_options',
    401: 'look at the credentials',
    403: 'give these credentials the right to read, write, list and delete objects there',
    404: 'look at url and storage_options',
    405: 'look at the endpoint: it does not speak this protocol, or forbids writing',
    411: 'the server does not understand this kind of put',
    413: 'the object is larger than the server takes',
    501: 'the server does not know conditional puts',
}
_NO_PLACE_HINT: Final = 'make the bucket or container, or correct the URL'


def is_absent(answer: Answer) -> bool:
    """Whether the object is not there, while its bucket or container is."""
    return answer.status == 404 and not answer.has_no_place


def answered_error(operation: str, key: str, answer: Answer, *, replaces: bool = False) -> StoreError:
    """Translate an answer by its status, as the kinds of error of the libraries differ; `replaces`: a put with an etag.

    409 and 412 are a conflict, and 404 for a put that replaces. A put that was not answered, or by 429 or 5xx, is
    unknown: a library that repeats it may have had the first one applied, and some servers answer a lost race so.
    """
    reason = str(answer)
    if answer.refusal:
        return Refused(operation, key, reason, 'look at url and storage_options')
    if answer.has_no_place:
        return Refused(operation, key, reason, _NO_PLACE_HINT)
    if operation == 'put' and (answer.status in _CONFLICTS or (replaces and answer.status == 404)):
        return Conflict(operation, key, reason)
    hint = _REFUSALS.get(answer.status or 0)
    if hint is not None and answer.code not in _TRANSIENT:
        return Refused(operation, key, reason, hint)
    return (OutcomeUnknown if operation == 'put' else Unavailable)(operation, key, reason)
