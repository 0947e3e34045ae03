"""`migrate --dry-run` says what recovering every stored session would do, and changes nothing."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from nicegui_stash.errors import Unavailable
from nicegui_stash.stores import MemoryStore, SQLiteStore, opening
from nicegui_stash.stores.opening import open_store
from nicegui_stash.testing import FaultyStore

from .conftest import APP, Run, Write, cart, document, keep, key_of, rows, slice_of


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob('*') if path.is_file() and path.suffix == '.json'}


def line_of(text: str) -> int:
    """The number of a line of the app."""
    return next(number for number, line in enumerate(APP.splitlines(), 1) if text in line)


def test_each_session_is_counted_by_what_recovering_it_would_do(dry_run: Run, folder: Path) -> None:
    for number in range(3):
        keep(folder, f'current {number}', cart(3, size=number))
    keep(folder, 'old', cart(1, items=['socks']))
    keep(folder, 'newer than that', document({'Cart': {'1': {'': slice_of()}, '2': {'': slice_of(size=1)}}}))
    failing = keep(folder, 'failing', cart(1, size='the private size'))
    newest = keep(folder, 'newest', cart(12, size=1))
    keep(folder, 'elsewhere', document({'Other': {'1': {'': slice_of(size=1)}}}))
    keep(folder, 'nothing', document({}))
    keep(folder, 'forgotten', document({}, erased=True))
    keep(folder, 'gone', document({'Cart': {'1': {'': slice_of(size='the private size')}}}, days=31))
    foreign = keep(folder, 'foreign', document({}, format=7))
    broken = keep(folder, 'broken', b'{"format": 1, "seen"')
    before = everything(folder)
    code, table, said = dry_run()
    assert rows(table) == {
        'current already: nothing to do': 3,
        'would migrate from version 1': 1,
        'would migrate from version 2': 1,
        f'WOULD BE DISCARDED, from version 1: ValueError in to_dicts (shop.py:{line_of("int(values")})': 1,
        'only a newer version 12 is stored: left alone, the page starts with its defaults': 1,
        'nothing stored for this class': 2,
        'erased': 1,
        'expired: unseen for ttl': 1,
        'format 7, of a newer nicegui_stash: left alone': 1,
        'no document: would be quarantined': 1,
    }
    assert table.startswith('Cart, version 3, 13 sessions in state\n')
    shown = [line.strip() for line in table.splitlines() if line.strip().endswith('.json')]
    assert sorted(shown) == sorted([failing, newest, foreign, broken])
    assert 'private' not in table + said
    assert code == 1
    assert everything(folder) == before


def test_without_a_loss_the_exit_code_is_0(dry_run: Run, folder: Path) -> None:
    keep(folder, 'old', cart(1, items=['socks'], size='4'))
    keep(folder, 'broken', b'')
    code, table, said = dry_run()
    assert (code, said) == (0, '')
    assert rows(table) == {'would migrate from version 1': 1, 'no document: would be quarantined': 1}


def test_a_store_without_sessions_is_told_so(dry_run: Run) -> None:
    assert dry_run() == (0, 'Cart, version 3, 0 sessions in state\n', '')


def test_fields_that_would_fall_back_are_counted_with_the_reason_and_without_the_value(
    dry_run: Run, folder: Path
) -> None:
    keep(folder, 'old', cart(1, items=['a', 'b'], size='16'))
    wrong = [keep(folder, f'wrong {number}', cart(3, items=[{'private key': number}])) for number in range(5)]
    renamed = keep(folder, 'renamed', cart(3, color=5))
    keep(folder, 'draft', cart(2, visits={'one': {'draft': 7}, 'two': {'draft': 8}, 'three': {'draft': 'fine'}}))
    invalid = keep(folder, 'invalid', cart(2, size=99))
    code, table, _ = dry_run()
    assert rows(table.partition('fall back')[2]) == {
        'Cart.items at $[0][...]: Expected `str`, got `int`': 5,
        'Cart.colour: Expected `str`, got `int`': 1,
        'Cart.draft: Expected `str`, got `int`': 1,
        f'Cart.size: validate= raised ZeroDivisionError in <lambda> (shop.py:{line_of("validate=")})': 1,
    }
    assert sum(key in table for key in wrong) == 3
    assert renamed in table
    assert invalid in table
    assert 'private' not in table
    assert code == 0


def test_a_draft_that_only_an_older_version_has_is_looked_at_too(dry_run: Run, folder: Path) -> None:
    """It is migrated when its page comes back, although the slice was migrated before."""
    old = slice_of(visits={'one': {'size': 'large'}, 'two': {'draft': 'half'}})
    keep(folder, 'both', document({'Cart': {'1': {'': old}, '3': {'': slice_of(size=1)}}}))
    code, table, _ = dry_run()
    assert list(rows(table).values()) == [1, 1]
    assert 'WOULD BE DISCARDED, from a tab or visit of version 1: ValueError in to_dicts' in table
    assert code == 1


def test_each_key_of_a_class_is_a_slice_of_its_own(app: Write, dry_run: Run, folder: Path) -> None:
    app(APP.replace("'/', version", "'/{shop}', key='shop', version").replace('build(self)', 'build(self, shop: str)'))
    keys = {'7': slice_of(size=1), '8': slice_of(size=2), '9': slice_of(size='x')}
    keep(folder, 'one', document({'Cart': {'1': keys, '3': {'7': slice_of()}}}))
    code, table, _ = dry_run()
    assert 'slices  on recovery' in table
    assert [count for what, count in rows(table).items() if 'DISCARDED' not in what] == [1, 1]
    assert (code, table.count('DISCARDED')) == (1, 1)


def test_a_renamed_class_is_looked_for_under_both_names(app: Write, run: Run, folder: Path) -> None:
    app(APP.replace('class Cart', 'class Basket').replace('version=3', "version=3, name='Basket', renamed_from='Cart'"))
    keep(folder, 'one', cart(2, size=1))
    keep(folder, 'two', cart(3, size=1))
    keep(folder, 'three', document({'Basket': {'3': {'': slice_of()}}}))
    keep(folder, 'four', cart(4, size=1))
    code, table, _ = run('state', 'shop:Basket', '--dry-run')
    assert rows(table) == {
        'current already: nothing to do': 1,
        'would migrate from version 2 of Cart': 1,
        'would migrate from version 3 of Cart': 1,
        'only a newer version 4 is stored: left alone, the page starts with its defaults': 1,
    }
    assert code == 0


def test_what_has_no_room_beside_the_old_version_would_be_discarded(
    dry_run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('NICEGUI_STASH_MAX_DOCUMENT_BYTES', '500')
    keep(folder, 'large', cart(2, items=[{'name': 'x' * 300}]))
    code, table, _ = dry_run()
    assert code == 1
    assert 'beside the old one the document would exceed max_document_bytes=500' in table


def test_ttl_comes_from_the_environment(dry_run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(folder, 'one', document({'Cart': {'3': {'': slice_of()}}}, days=3))
    assert 'current already: nothing to do' in rows(dry_run()[1])
    monkeypatch.setenv('NICEGUI_STASH_TTL', '2d')
    assert rows(dry_run()[1]) == {'expired: unseen for ttl': 1}


# ---- which objects, in which store


def test_only_sessions_below_the_prefix_are_looked_at(dry_run: Run, folder: Path) -> None:
    keep(folder, 'one', cart(1))
    keep(folder, 'two', cart(3), prefix='shop/')
    keep(folder, 'three', cart(3), prefix='shop/eu/')
    keep(folder, 'four', b'{', prefix='quarantine/')
    (folder / 'state' / 'readme.json').write_text('{')
    assert rows(dry_run()[1]) == {'would migrate from version 1': 1}
    _, table, _ = dry_run('--prefix', 'shop/')
    assert rows(table) == {'current already: nothing to do': 1}
    assert table.startswith('Cart, version 3, 1 session in state (prefix shop)\n')


def test_a_database_is_looked_at(app: Write, run: Run, folder: Path) -> None:
    async def fill() -> None:
        store = SQLiteStore(folder / 'stash.db')
        await store.put(key_of('one'), cart(1, items=['socks']), mode='create')
        await store.aclose()

    asyncio.run(fill())
    code, table, _ = run('sqlite:///stash.db', 'shop:Cart', '--dry-run')
    assert code == 0
    assert rows(table) == {'would migrate from version 1': 1}


def test_a_store_in_memory_is_looked_at(app: Write, run: Run) -> None:
    store = MemoryStore('dry-run')
    for person in ('one', 'two'):
        asyncio.run(store.put(key_of(person), cart(2), mode='create'))
    code, table, _ = run('memory://dry-run', 'shop:Cart', '--dry-run')
    assert (code, rows(table)) == (0, {'would migrate from version 2': 2})


def test_a_store_without_conditional_puts_is_looked_at_where_that_is_allowed(
    app: Write, run: Run, folder: Path
) -> None:
    url = f'dir::file://{folder}'
    store = open_store(url, allow_lost_updates=True)
    asyncio.run(store.put(key_of('one'), cart(2), mode='create'))
    code, _, said = run(url, 'shop:Cart', '--dry-run')
    assert code == 2
    assert 'has no conditional put' in said
    code, table, _ = run(url, 'shop:Cart', '--dry-run', '--allow-lost-updates')
    assert (code, rows(table)) == (0, {'would migrate from version 2': 1})


def test_storage_options_reach_the_store(app: Write, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []

    def make(url: str, options: Any) -> MemoryStore:
        given.append((url, dict(options)))
        return MemoryStore('options')

    monkeypatch.setitem(opening._FACTORIES, 'bucket', make)
    code, _, _ = run(
        'bucket://b', 'shop:Cart', '--dry-run', '--storage-options', json.dumps({'key': 'k', 'anon': False})
    )
    assert (code, given) == (0, [('bucket://b', {'key': 'k', 'anon': False})])


def faulty(monkeypatch: pytest.MonkeyPatch) -> FaultyStore:
    store = FaultyStore(MemoryStore('faulty-dry-run'))
    asyncio.run(store.inner.delete(key_of('one')))
    asyncio.run(store.inner.put(key_of('one'), cart(3), mode='create'))
    monkeypatch.setitem(opening._FACTORIES, 'faulty', lambda url, options: store)
    return store


def test_a_session_that_cannot_be_read_is_a_loss(app: Write, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    faulty(monkeypatch).fail_next('get', Unavailable('get', key_of('one'), 'the line is cut'))
    code, table, _ = run('faulty://', 'shop:Cart', '--dry-run')
    assert (code, rows(table)) == (1, {'COULD NOT BE READ: the line is cut': 1})
    assert key_of('one') in table


def test_a_store_that_does_not_list_has_an_exit_code_of_its_own(
    app: Write, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    faulty(monkeypatch).down = True
    code, table, said = run('faulty://', 'shop:Cart', '--dry-run')
    assert (code, table) == (3, '')
    assert said.startswith('the store does not answer: list')
