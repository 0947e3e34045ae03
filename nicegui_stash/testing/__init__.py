"""For tests of apps and of third parties' stores: a conformance suite, a store that fails on demand. Needs pytest."""

import pytest

# Before the import below, so that a failing assertion of the suite shows its values.
pytest.register_assert_rewrite('nicegui_stash.testing.conformance')

from .conformance import PlainStoreConformance, StoreConformance  # noqa: E402  # after the registration above
from .faults import FaultyStore, Gate  # noqa: E402
from .simulation import hop, rejoin, reload, restart  # noqa: E402

__all__ = ['FaultyStore', 'Gate', 'PlainStoreConformance', 'StoreConformance', 'hop', 'rejoin', 'reload', 'restart']
