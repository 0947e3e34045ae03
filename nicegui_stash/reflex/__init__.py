"""The Reflex edge: a plugin that keeps the states of an app in any of our stores.

`rxconfig.py` imports this while Reflex loads its configuration, so everything is imported at its first use.
"""

from typing import TYPE_CHECKING

from ..lazy_names import lazy_names

__all__ = ['StashPlugin', 'stash_state', 'stash_var']

if TYPE_CHECKING:
    from .declared import stash_state, stash_var
    from .plugin import StashPlugin
else:
    __getattr__, __dir__ = lazy_names(__name__, {'declared': ['stash_state', 'stash_var'], 'plugin': ['StashPlugin']})
