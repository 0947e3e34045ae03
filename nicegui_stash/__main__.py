"""`python -m nicegui_stash`: what can be asked of stored sessions without a server."""

import sys

from .cli import main

if __name__ == '__main__':
    sys.exit(main())
