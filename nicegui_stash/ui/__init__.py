"""The NiceGUI edge: the only code that imports nicegui."""

from .app.open_session import OpenSession
from .page.history import History
from .page.indicator import Indicator
from .page.job import Job
from .page.on_change import Change
from .page.status import Status, Trouble
from .stash import Stash

__all__ = ['Change', 'History', 'Indicator', 'Job', 'OpenSession', 'Stash', 'Status', 'Trouble']
