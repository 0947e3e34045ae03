"""The store of the stores page does what the contract asks for."""

from __future__ import annotations

from typing import Any

import pytest

from nicegui_stash.stores import Store
from nicegui_stash.testing import StoreConformance

from .examples import named


class TestTheStoreOfTheDocumentation(StoreConformance):
    @pytest.fixture
    def store(self) -> Store:
        names: dict[str, Any] = {}
        exec(named('stores.md', 'own').code, names)  # noqa: S102 it is our own page
        return names['open_dict']('dict://', {})
