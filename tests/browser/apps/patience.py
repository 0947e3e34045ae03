"""Let a connection go on although its browser or this process has no turn for seconds, as on a busy machine.

NiceGUI gives one up after two seconds without an answer, unless `reconnect_timeout` is longer than five.
"""

from __future__ import annotations

from nicegui import app, core


def be_patient() -> None:
    core.sio.eio.ping_timeout = 120


app.on_startup(be_patient)
