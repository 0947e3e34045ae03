"""Exit codes of the commands."""

from typing import Final

FINE: Final = 0
FOUND: Final = 1
"""Something was found that needs a look."""
WRONG: Final = 2
"""The call is wrong."""
AWAY: Final = 3
"""The store does not answer."""
INTERRUPTED: Final = 130
