"""Run a program of the documentation as it is, on the port of a test: `main.py` in the current folder."""

from __future__ import annotations

import os
import runpy
import sys
from functools import partial

from nicegui import ui

import patience  # noqa: F401 it registers itself

sys.argv = ['main.py']  # what NiceGUI executes again where the program has no page
ui.run = partial(ui.run, port=int(os.environ['PORT']), reload=False, show=False)  # type: ignore[assignment]
runpy.run_path('main.py', run_name='__main__')
