"""The NiceGUI edge: the only code that imports nicegui."""

from .handle import OpenSession
from .listeners import Change
from .stash import Stash
from .status import Status

__all__ = ['Change', 'OpenSession', 'Stash', 'Status']
