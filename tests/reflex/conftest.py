"""Lives of an app on one store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from nicegui_stash.reflex.options import ReflexOptions
from tests.reflex.life import Life

Start = Callable[..., Life]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f'sqlite:///{tmp_path / "stash.db"}'


@pytest.fixture
async def start(url: str) -> AsyncIterator[Start]:
    """Start a process of an app, by default on the store of this test; it ends with the test."""
    lives: list[Life] = []

    def run(root: type[Any], *, at: str = url, reflex: ReflexOptions | None = None, **options: Any) -> Life:
        lives.append(Life(at, root, reflex=reflex, **options))
        return lives[-1]

    yield run
    for life in lives:
        await life.stop()
