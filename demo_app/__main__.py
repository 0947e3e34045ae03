"""Run the demo, below a supervisor where its state outlives a process."""

from __future__ import annotations

import sys

from . import supervisor
from .environment import IS_IN_MEMORY, PORT, SECRET, has_screen

if not IS_IN_MEMORY and not supervisor.number:
    sys.exit(supervisor.supervise())

# only now: the supervisor needs no framework
from nicegui import ui

from . import board, counter, form, home, job, lost, notebook, outage, settings, together, two, ways, wizard
from .frame import MARK

# importing a module registers its page
PAGES = (home, counter, form, wizard, board, together, notebook, job, settings, two, ways, lost)

if supervisor.number:
    supervisor.end_with_supervisor()

ui.run(
    title='nicegui_stash',
    favicon=MARK,
    port=PORT,
    storage_secret=SECRET,
    dark=None,
    reload=False,
    show=has_screen() and supervisor.number < 2,
)

if outage.is_redeploying:  # the server has drained; the supervisor starts the next one
    sys.exit(supervisor.REDEPLOYED)
