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
from .model.fields import stored
from .model.recovery import Problem, Recovery, Rejected
from .session.registry import Statistics
from .ui import Change, Indicator, OpenSession, Stash, Status, Trouble

__all__ = [
    'Change',
    'ConfigurationError',
    'Conflict',
    'DeclarationError',
    'DocumentError',
    'Indicator',
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
    'Trouble',
    'Unavailable',
    'UnknownFormat',
    'ValueNotStorable',
    'ValueTooLarge',
    'stored',
]
