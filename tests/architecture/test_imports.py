from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from .imports import PACKAGE, all_circles, circles, levels, read

ROOM = {
    'house/__init__.py': '',
    'house/low/__init__.py': '',
    'house/low/cellar.py': 'from __future__ import annotations\n',
    'house/high/__init__.py': '',
    'house/high/attic.py': 'from ..low import cellar\nfrom ..low.cellar import anything\nimport json\n',
    'house/high/roof.py': 'import house.high.attic\n',
}
"""A house without a circle."""
CLOSING = {
    'plain': 'from house.high.attic import stairs',
    'relative': 'from ..high import attic',
    'type checking only': 'from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ..high.attic import Stairs',
    'in a function': 'def climb():\n    from ..high.roof import chimney\n    return chimney',
    'in a method, for types': (
        'import typing\nclass Rat:\n    def climb(self):\n'
        '        if typing.TYPE_CHECKING:\n            import house.high.roof'
    ),
    'by name': "import importlib\ndef climb():\n    return importlib.import_module('..high.attic', __package__)",
}
"""What, written in the cellar, closes a circle with the attic."""


def built(root: Path, **changes: str) -> Path:
    for file, code in (ROOM | changes).items():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(code, encoding='utf-8')
    return root / 'house'


def test_the_package_has_no_circle_of_imports() -> None:
    found = all_circles(PACKAGE)
    assert not found, '\n'.join(found)


def test_no_module_imports_the_public_names_of_the_package() -> None:
    """They may be loaded lazily, by a name that is put together: a circle over them would be hidden."""
    assert [name for name, targets in read(PACKAGE).items() if PACKAGE.name in targets] == []


@pytest.mark.parametrize('script', ['imports.py', 'changes.py'])
def test_what_looks_at_the_package_imports_no_part_of_it(script: str) -> None:
    tree = ast.parse(Path(__file__).with_name(script).read_text(encoding='utf-8'))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {f'{node.module}' for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert names <= sys.stdlib_module_names | {'collections.abc'}


def test_every_module_is_looked_at() -> None:
    assert len(read(PACKAGE)) == len(list(PACKAGE.rglob('*.py'))) > 100


def test_a_house_whose_imports_lead_downwards_has_no_circle(tmp_path: Path) -> None:
    house = built(tmp_path)
    assert read(house)['house.high.attic'] == {'house.low.cellar'}
    assert all_circles(house) == []


@pytest.mark.parametrize('how', CLOSING)
def test_a_circle_is_found(how: str, tmp_path: Path) -> None:
    house = built(tmp_path, **{'house/low/cellar.py': CLOSING[how]})
    (found,) = circles(read(house))
    assert {'house.low.cellar', 'house.high.attic'} <= set(found)
    assert circles(levels(read(house))['house']) == [['house.high', 'house.low']]


def test_a_circle_of_packages_is_found_where_no_modules_form_one(tmp_path: Path) -> None:
    house = built(tmp_path, **{'house/low/drain.py': 'from ..high import roof'})
    assert circles(read(house)) == []
    assert circles(levels(read(house))['house']) == [['house.high', 'house.low']]


def test_a_package_that_imports_from_its_own_modules_is_not_in_a_circle_with_them(tmp_path: Path) -> None:
    house = built(tmp_path, **{'house/low/__init__.py': 'from .cellar import anything'})
    assert all_circles(house) == []


def test_a_module_that_imports_from_its_own_package_is_in_a_circle_with_it(tmp_path: Path) -> None:
    house = built(
        tmp_path,
        **{'house/low/__init__.py': 'from .cellar import anything', 'house/low/cellar.py': 'from . import anything'},
    )
    assert circles(read(house)) == [['house.low', 'house.low.cellar']]
