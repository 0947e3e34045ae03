"""The NiceGUI edge: the only code that imports nicegui."""

from .app.open_session import OpenSession
from .page.indicator import Indicator
from .page.job import Job
from .page.on_change import Change
from .page.present import Present
from .page.status import Status, Trouble
from .page.steps import Steps
from .stash import Stash

__all__ = ['Change', 'Indicator', 'Job', 'OpenSession', 'Present', 'Stash', 'Status', 'Steps', 'Trouble']
