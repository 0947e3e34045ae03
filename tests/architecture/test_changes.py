from __future__ import annotations

from pathlib import Path

import pytest

from .changes import ROOT, Change, changes, holds, listed

ALL = pytest.mark.parametrize('change', changes(), ids=lambda change: change.change)


def test_ten_changes_are_listed() -> None:
    assert len({each.change for each in changes()}) == 10


@ALL
def test_a_change_touches_at_most_four_files(change: Change) -> None:
    assert 1 <= len(change.files) <= 4


@ALL
def test_each_file_of_a_change_holds_what_is_named(change: Change) -> None:
    missing = [f'{file}: {what}' for file, what in change.files.items() if not holds(ROOT / file, what)]
    assert missing == []


@ALL
def test_the_example_of_a_change_has_traces_in_its_files_alone(change: Change) -> None:
    traced = change.traced()
    assert traced
    assert traced <= set(change.files)


@ALL
def test_a_file_that_is_a_model_for_a_new_one_belongs_to_the_change(change: Change) -> None:
    assert set(change.like) <= set(change.files)


def test_the_architecture_shows_the_list() -> None:
    assert listed() in (ROOT / 'docs/architecture.md').read_text(encoding='utf-8')


# ---- that these tests can fail


def test_a_name_is_held_where_it_is_defined_and_not_where_it_is_used(tmp_path: Path) -> None:
    file = tmp_path / 'module.py'
    file.write_text('A: int = used\nclass B:\n    c = 1\n    async def d(self): ...\n', encoding='utf-8')
    found = [name for name in ('A', 'used', 'B', 'c', 'B.c', 'B.d', 'B.e', '= used') if holds(file, name)]
    assert found == ['A', 'B', 'B.c', 'B.d', '= used']


def test_a_trace_elsewhere_is_found(tmp_path: Path) -> None:
    package = tmp_path / 'house'
    package.mkdir()
    for name, text in {'a.py': 'bell = 1', 'b.py': 'bells = 2', 'c.js': 'ring(bell);'}.items():
        (package / name).write_text(text, encoding='utf-8')
    assert Change('a bell', '', r'\bbell\b', {}).traced(package) == {'house/a.py', 'house/c.js'}
