"""Apps on an event loop whose clock counts only what is waited for."""

from __future__ import annotations

import pytest

from tests.steady import count_only_waiting


@pytest.fixture(autouse=True)
async def steady_clock() -> None:
    """A page of a busy machine is answered within its `recover_timeout` as well."""
    count_only_waiting()
