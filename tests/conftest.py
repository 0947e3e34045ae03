"""What holds for every test: the marks that come from its folder, and that nothing is skipped where it counts."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from nicegui import app
from nicegui.testing import User

HERE = Path(__file__).parent
EVERY_TEST_COUNTS = bool(os.environ.get('CI'))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE / 'browser' in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure in CI, where everything that a test needs is installed."""
    report = yield
    if EVERY_TEST_COUNTS and report.skipped and not hasattr(report, 'wasxfail'):
        report.outcome = 'failed'
        report.longrepr = f'skipped, but CI runs every test: {report.longrepr}'
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Do the same for a whole file that skips itself, as `pytest.importorskip` does."""
    report = yield
    if EVERY_TEST_COUNTS and report.skipped:
        report.outcome = 'failed'
        report.longrepr = f'skipped, but CI runs every test: {report.longrepr}'
    return report


def pytest_configure() -> None:
    """Let NiceGUI's user wait longer for what it should see than 0.3 s, which a busy machine does not keep."""
    for look in (User.should_see, User.should_not_see):
        look.__kwdefaults__['retries'] = 600  # a minute


@pytest.fixture(autouse=True)
def handlers_of_one_app() -> Iterator[None]:
    """Take back what an app answers to errors, such as the demo to a 404: NiceGUI resets the rest, but not that."""
    known = dict(app.exception_handlers)
    yield
    app.exception_handlers.clear()
    app.exception_handlers.update(known)
