"""Durable server-side UI state for NiceGUI: a page class declares the fields that must survive.

Most names are imported at their first use, so that a part of the core can be imported without NiceGUI.
"""

from typing import TYPE_CHECKING

from .errors import (
    CannotOpen,
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
from .lazy_names import lazy_names

__all__ = [
    'CannotOpen',
    'Change',
    'ConfigurationError',
    'Conflict',
    'DeclarationError',
    'DocumentError',
    'Indicator',
    'Job',
    'Lease',
    'MalformedDocument',
    'OpenSession',
    'OutcomeUnknown',
    'Present',
    'Problem',
    'Recovery',
    'Refused',
    'Rejected',
    'Stash',
    'StashError',
    'Statistics',
    'Status',
    'Steps',
    'StoreError',
    'TooMuchPending',
    'Trouble',
    'Unavailable',
    'UnknownFormat',
    'ValueNotStorable',
    'ValueTooLarge',
    'stored',
]

if TYPE_CHECKING:
    from .model.fields import stored
    from .model.lease import Lease
    from .model.recovery import Problem, Recovery, Rejected
    from .session.registry import Statistics
    from .ui import Change, Indicator, Job, OpenSession, Present, Stash, Status, Steps, Trouble
else:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            'model.fields': ['stored'],
            'model.lease': ['Lease'],
            'model.recovery': ['Problem', 'Recovery', 'Rejected'],
            'session.registry': ['Statistics'],
            'stores': [],
            'ui': ['Change', 'Indicator', 'Job', 'OpenSession', 'Present', 'Stash', 'Status', 'Steps', 'Trouble'],
        },
    )
