"""The NiceGUI edge: the only code that imports nicegui."""

from .handle import OpenSession
from .indicator import Indicator
from .listeners import Change
from .stash import Stash
from .status import Status, Trouble

__all__ = ['Change', 'Indicator', 'OpenSession', 'Stash', 'Status', 'Trouble']
