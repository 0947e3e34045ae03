"""`show`: sizes by class and field, documents as trees, and no value unless it is asked for."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nicegui_stash.session.keys import room_key, user_key

from .conftest import Run, _runner, document, keep, slice_of

CART = {'Cart': {'1': {'': slice_of(items=['x' * 20], size=7)}}}
BOARD = {'Board': {'2': {'a': slice_of({'visit-1': {'draft': 'half a secret'}}, done=True)}}}


@pytest.fixture
def show(folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    return _runner('show', capsys)


def test_the_table_has_each_field_with_its_sizes_largest_first(folder: Path, show: Run) -> None:
    keep(folder, 'one', document(CART))
    big = keep(folder, 'two', document({'Cart': {'1': {'': slice_of(items=['x' * 1000])}}, **BOARD}))
    code, table, said = show('state')
    assert (code, said) == (0, '')
    assert table.startswith('state: 2 sessions, 1.')
    lines = [line.split() for line in table.splitlines()]
    fields = [line for line in lines if 'version' in line]
    assert fields[0] == ['2', '1.0', 'KB', '1.0', 'KB', 'Cart.items,', 'version', '1']
    assert {line[-3] for line in fields} == {'Cart.items,', 'Cart.size,', 'Board.done,', 'Board.draft,'}
    assert next(line[-1] for line in lines if line and line[-1].endswith('.json')) == big


def test_a_session_is_a_tree_of_classes_parts_and_fields_without_values(folder: Path, show: Run) -> None:
    key = keep(folder, 'one', document({**CART, **BOARD}, days=3))
    code, text, _ = show('state', '--', key.rpartition('/')[2][:15])
    assert code == 0
    lines = text.splitlines()
    assert lines[0].startswith(f'{key}  ')
    assert lines[0].endswith(', put 3 d ago')
    assert lines[1].startswith('  Cart, version 1: 25 B, seen ')
    assert lines[2].split() == ['items', '24', 'B', 'list']
    assert lines[3].split() == ['size', '1', 'B', 'number']
    assert lines[4].startswith("  Board, version 2, key 'a': ")
    assert lines[5].split() == ['done', '4', 'B', 'true', 'or', 'false']
    assert re.match(r'    visit #[0-9a-f]{8}: seen ', lines[6])
    assert 'visit-1' not in text, 'with the ids of an open page it could be taken over'
    assert lines[7].split() == ['draft', '15', 'B', 'text']
    assert 'secret' not in text


def test_values_are_printed_on_request(folder: Path, show: Run) -> None:
    keep(folder, 'one', document(BOARD))
    text = show('state', '--largest', '1', '--values')[1]
    assert '"half a secret"' in text
    assert 'visit visit-1: ' in text


def test_the_largest_sessions_come_first_and_one_class_only(folder: Path, show: Run) -> None:
    keep(folder, 'one', document(CART))
    big = keep(folder, 'two', document({**CART, 'Board': {'1': {'': slice_of(text='x' * 500)}}}))
    _, text, _ = show('state', '--largest', '1', '--class', 'Board')
    assert text.startswith(big)
    assert text.count('.json') == 1
    assert 'Cart' not in text
    assert 'text' in text


def test_an_object_that_is_no_document_is_named_and_the_others_are_shown(folder: Path, show: Run) -> None:
    keep(folder, 'one', document(CART))
    damaged, newer = keep(folder, 'two', b'{"format": 1'), keep(folder, 'three', b'{"format": 9}')
    code, table, _ = show('state')
    assert code == 1
    assert f'COULD NOT BE READ: {damaged}: not a document' in table
    assert f'COULD NOT BE READ: {newer}: format 9, of a newer nicegui_stash' in table
    assert 'Cart.items' in table
    code, tree, _ = show('state', '--', damaged)
    assert code == 1
    assert 'COULD NOT BE READ: not a document' in tree


def test_a_damaged_document_is_shown_as_far_as_it_can_be_read(folder: Path, show: Run) -> None:
    body = document({'Cart': {'1': {'': slice_of(note='a text')}}}).replace(b'a text', b'a \xff text')
    keep(folder, 'one', re.sub(rb'"seen":\d+', b'"seen":9007199254740992', body))
    assert show('state')[0] == 0
    code, text, _ = show('state', '--largest', '1', '--values')
    assert (code, '"a \ufffd text"' in text) == (0, True)


def test_an_erased_session_and_an_empty_store_are_said_to_be_so(folder: Path, show: Run) -> None:
    (folder / 'state').mkdir()
    assert show('state')[:2] == (0, 'state: 0 sessions, 0 B\n')
    key = keep(folder, 'one', document({}, erased=True))
    assert show('state', '--', key)[1].rstrip().endswith(', erased')


@pytest.mark.parametrize(
    ('arguments', 'complaint'),
    [
        (['state', 'zzz'], "no session in state begins with 'zzz'"),
        (['state', 'abc', '--largest', '2'], 'it was given together with --largest'),
        (['state', '--values'], 'the table has sizes only'),
        (['state', '--largest', '0'], 'it must be a whole number above 0'),
        (['elsewhere'], "there is no folder 'elsewhere'"),
    ],
)
def test_a_wrong_call_is_answered_with_what_to_write(
    folder: Path, show: Run, arguments: list[str], complaint: str
) -> None:
    (folder / 'state').mkdir()
    code, _, said = show(*arguments)
    assert code == 2
    assert complaint in said


def test_letters_that_the_terminal_has_not_are_escaped(folder: Path) -> None:
    keep(folder, 'one', document({'Cart': {'1': {'': slice_of(note='\u6f22')}}}))
    done = subprocess.run(
        [sys.executable, '-m', 'nicegui_stash', 'show', 'state', '--largest', '1', '--values'],
        cwd=folder,
        env={'PYTHONPATH': str(Path(__file__).parents[2]), 'PYTHONIOENCODING': 'cp1252'},
        capture_output=True,
        check=True,
        text=True,
    )
    assert '\\u6f22' in done.stdout


@pytest.mark.parametrize(('option', 'key_of'), [('room', room_key), ('user', user_key)])
def test_a_room_or_a_person_is_found_by_name(
    folder: Path, show: Run, monkeypatch: pytest.MonkeyPatch, option: str, key_of: Callable[[str, str], str]
) -> None:
    monkeypatch.setenv('NICEGUI_STASH_SECRETS', 'new, old')
    keep(folder, 'one', document(CART))
    path = folder / 'state' / key_of('old', 'garden')
    path.parent.mkdir(parents=True)
    path.write_bytes(document(BOARD))
    code, text, _ = show('state', f'--{option}', 'garden')
    assert (code, text.split()[0]) == (0, key_of('old', 'garden'))
    assert 'Board' in text
    assert 'Cart' not in text
    code, _, said = show('state', f'--{option}', 'yard')
    assert code == 2
    assert f"no {option} in state has the name 'yard'" in said
    assert show('state', f'--{option}', 'garden', '--largest', '1')[0] == 2
    monkeypatch.delenv('NICEGUI_STASH_SECRETS')
    code, _, said = show('state', f'--{option}', 'garden')
    assert code == 2
    assert 'no secret' in said
