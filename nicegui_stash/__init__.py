"""Durable server-side UI state for NiceGUI: a page class declares the fields that must survive."""

from .errors import (
    ConfigurationError,
    Conflict,
    DeclarationError,
    DocumentError,
    MalformedDocument,
    OutcomeUnknown,
    Refused,
    StashError,
    StoreError,
    TooMuchPending,
    Unavailable,
    UnknownFormat,
    ValueNotStorable,
    ValueTooLarge,
)
from .fields import stored
from .recovery import Problem, Recovery, Rejected
from .registry import Statistics
from .ui import Change, OpenSession, Stash, Status

__all__ = [
    'Change',
    'ConfigurationError',
    'Conflict',
    'DeclarationError',
    'DocumentError',
    'MalformedDocument',
    'OpenSession',
    'OutcomeUnknown',
    'Problem',
    'Recovery',
    'Refused',
    'Rejected',
    'Stash',
    'StashError',
    'Statistics',
    'Status',
    'StoreError',
    'TooMuchPending',
    'Unavailable',
    'UnknownFormat',
    'ValueNotStorable',
    'ValueTooLarge',
    'stored',
]
