"""Running an example as NiceGUI's user simulation sees it, in an empty folder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from nicegui.testing import User
from nicegui.testing.user_simulation import user_simulation

from tests.steady import count_only_waiting

Running = Callable[[str], AbstractAsyncContextManager[User]]


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Running:
    """Return what runs a program in an empty folder, with its state there, for `async with`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('NICEGUI_STASH_URL', str(tmp_path / 'stash'))
    monkeypatch.setenv('NICEGUI_STASH_RECOVER_TIMEOUT', '2.9')  # files on a busy disk; a page is answered within 3 s

    @asynccontextmanager
    async def run(code: str) -> AsyncIterator[User]:
        main = tmp_path / 'main.py'
        main.write_text(code, encoding='utf-8')
        failure: BaseException | None = None
        count_only_waiting()
        async with user_simulation(main_file=main) as user:
            try:
                yield user
            except BaseException as error:  # noqa: BLE001 NiceGUI stops the app only where nothing was raised
                failure = error
        if failure is not None:
            raise failure

    return run
