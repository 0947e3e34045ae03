"""The demo as `python -m demo_app` runs it, for a simulated user."""

from runpy import run_module

run_module('demo_app', run_name='__main__')
