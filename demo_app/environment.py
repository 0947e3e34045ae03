"""What the demo reads from its environment."""

from __future__ import annotations

import os
import sys

URL = os.environ.get('NICEGUI_STASH_URL', 'memory://')  # a folder, or any other store, keeps state over a restart
PORT = int(os.environ.get('PORT', '8080'))

# This secret signs cookies: a real app reads a random one from its environment, without a default.
SECRET = os.environ.get('DEMO_STORAGE_SECRET', 'known to everyone, and good enough for a demo')

IS_IN_MEMORY = URL.startswith('memory:')


def has_screen() -> bool:
    """Whether a browser could open here: not in CI, not on a headless machine."""
    if os.environ.get('CI'):
        return False
    return sys.platform != 'linux' or bool(os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY'))
