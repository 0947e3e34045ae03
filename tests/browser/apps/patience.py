"""Let nothing run out on a busy machine that an app would wait for: what it says then is another thing.

A page says 'unknown', or shows a default, where the browser's report or the store come later than it waits for them.
What a test claims is what comes of them, and never that they take less than a second. A test of what happens when they
do not come sets the time itself.
"""

from __future__ import annotations

import os
import sys

from nicegui import app, core, ui

SECONDS = 30.0
WAITED_FOR = {
    'nicegui_stash.ui.app.connection': ('REPORT_TIMEOUT', SECONDS),
    'nicegui_stash.ui.scopes.browser': ('ANSWER_TIMEOUT', SECONDS),
    'nicegui_stash.ui.carryover.handover': ('PATIENCE', SECONDS / 3),  # some tests wait for its end
}

# read by Stash, unless an app or a test says otherwise
for option in ('RECOVER_TIMEOUT', 'REVALIDATE_TIMEOUT'):
    os.environ.setdefault(f'NICEGUI_STASH_{option}', str(SECONDS))
ui.page.__init__.__kwdefaults__['response_timeout'] = 2 * SECONDS  # type: ignore[index]


def be_patient() -> None:
    """Wait longer for what a browser has to say. Once NiceGUI has begun: it gives a socket up after two seconds."""
    core.sio.eio.ping_timeout = float(os.environ.get('PING_TIMEOUT', 4 * SECONDS))
    for module, (name, seconds) in WAITED_FOR.items():
        if module in sys.modules:
            setattr(sys.modules[module], name, float(os.environ.get(name, seconds)))
    if looks := os.environ.get('ARRIVAL_LOOKS'):
        connection = sys.modules['nicegui_stash.ui.app.connection']
        setattr(connection, 'ARRIVAL_LOOKS', (*connection.ARRIVAL_LOOKS, *map(float, looks.split(','))))  # noqa: B010


app.on_startup(be_patient)
