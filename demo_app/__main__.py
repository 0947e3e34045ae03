"""Run the demo, and run it again after a redeploy."""

from __future__ import annotations

import os
import sys

from nicegui import ui

from . import board, counter, form, home, job, notebook, outage, settings, wizard
from .frame import MARK

PAGES = (home, counter, form, wizard, board, notebook, job, settings)  # importing a module has registered its page

# This secret signs cookies: a real app reads a random one from its environment, without a default.
SECRET = os.environ.get('DEMO_STORAGE_SECRET', 'known to everyone, and good enough for a demo')


def has_screen() -> bool:
    """Whether a browser could open here: not in CI, not on a headless machine, and not again after a redeploy."""
    if os.environ.get('CI') or os.environ.get('DEMO_REDEPLOYED'):
        return False
    return sys.platform != 'linux' or bool(os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY'))


ui.run(
    title='nicegui_stash',
    favicon=MARK,
    port=int(os.environ.get('PORT', '8080')),
    storage_secret=SECRET,
    dark=None,
    reload=False,
    show=has_screen(),
)

if outage.is_redeploying:  # the server has drained; a new process takes over
    os.environ['DEMO_REDEPLOYED'] = '1'
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 our own command, without a shell
