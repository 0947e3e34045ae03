"""The store of the stores page does what the contract asks for, and is opened through its entry point."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

from nicegui_stash.stores import ETag, Store, StoredObject, open_store
from nicegui_stash.testing import StoreConformance

from .examples import DOCS, named


class TestTheStoreOfTheDocumentation(StoreConformance):
    @pytest.fixture
    def store(self) -> Store:
        names: dict[str, Any] = {}
        exec(named('stores.md', 'own').code, names)  # noqa: S102 it is our own page
        return names['open_dict']('dict://', {})


async def test_it_is_opened_by_its_scheme_once_its_package_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / 'my_package.py').write_text(named('stores.md', 'own').code)
    found = re.search(
        r"^\[project\.entry-points\.'([\w.]+)'\]\n(dict = )'([\w:]+)'$",
        (DOCS / 'stores.md').read_text(encoding='utf-8'),
        re.MULTILINE,
    )
    assert found is not None
    group, entry = found.group(1, 3)
    information = tmp_path / 'my_package-1.0.dist-info'
    information.mkdir()
    (information / 'METADATA').write_text('Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n')
    (information / 'entry_points.txt').write_text(f'[{group}]\ndict = {entry}\n')
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    store = open_store('dict://anything')
    etag = await store.put('x', b'body', mode='create')
    assert await store.get('x') == StoredObject(b'body', ETag(etag))
    assert type(store).__module__ == 'my_package'
    await store.aclose()
