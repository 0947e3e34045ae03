"""Tools for tests of apps and of your own stores: a conformance suite, a store that fails on demand. Needs pytest."""

from typing import TYPE_CHECKING

import pytest

from ..lazy_names import lazy_names

# Before the import of the suite, so that its failing assertions show their values.
pytest.register_assert_rewrite('nicegui_stash.testing.conformance')

__all__ = ['FaultyStore', 'Gate', 'PlainStoreConformance', 'StoreConformance', 'hop', 'rejoin', 'reload', 'restart']

if TYPE_CHECKING:
    from .conformance import PlainStoreConformance, StoreConformance
    from .faults import FaultyStore, Gate
    from .simulation import hop, rejoin, reload, restart
else:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            'conformance': ['PlainStoreConformance', 'StoreConformance'],
            'faults': ['FaultyStore', 'Gate'],
            'simulation': ['hop', 'rejoin', 'reload', 'restart'],
        },
    )
