"""Every Python example of README.md and docs/ runs, and every page that it declares can be opened."""

from __future__ import annotations

import gc
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from nicegui import Client

from .conftest import Running
from .examples import PYTHON, ROOT, Example, named, program_of

APPS = [example for example in PYTHON if not example.is_test]
TESTS = [example for example in PYTHON if example.is_test]


@pytest.fixture(scope='module', autouse=True)
def collect_what_others_left() -> None:
    """Let asyncio complain now of what earlier modules left, as the log is read here."""
    gc.collect()


def test_there_are_examples() -> None:
    assert len(APPS) > 20
    assert len({example.word('for') for example in TESTS}) == 1, 'the test modules are run together, beside one program'


def test_no_name_stands_for_two_examples() -> None:
    names = [(example.page, example.name) for example in PYTHON if example.name]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize('example', APPS, ids=str)
async def test_an_example_runs_and_its_pages_open(
    example: Example, running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(program_of(example)) as user:
        for path in list(Client.page_routes.values()):
            if '{' not in path and path != '/_stash':  # others are opened by the test of the example
                await user.open(path)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


STEADY = """
import pytest
from tests.conftest import pytest_configure
from tests.steady import count_only_waiting

@pytest.fixture(autouse=True)
async def steady_clock():
    count_only_waiting()
"""
"""What the tests of this project have on a busy machine, and a reader's own may do without."""


def test_the_test_modules_pass(tmp_path: Path) -> None:
    (tmp_path / 'conftest.py').write_text(STEADY, encoding='utf-8')
    (tmp_path / 'pytest.ini').write_text(named('howto/testing.md', 'pytest.ini').code, encoding='utf-8')
    for example in TESTS:
        (tmp_path / 'main.py').write_text(named(example.page, example.word('for')).code, encoding='utf-8')
        (tmp_path / f'test_{example.name}.py').write_text(example.code, encoding='utf-8')
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(('PYTEST', 'NICEGUI'))}
    done = subprocess.run(
        [sys.executable, '-m', 'pytest', '-v', '-p', 'no:cacheprovider'],
        cwd=tmp_path,
        env={**inherited, 'PYTHONPATH': str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for example in TESTS:
        assert f'test_{example.name}.py::' in done.stdout, f'{example} has no test that ran'
