"""What an import loads: the core needs no UI framework, and a public name is imported at its first use."""

from __future__ import annotations

import ast
import pickle
import pkgutil
import subprocess
import sys
import typing
from importlib import import_module
from pathlib import Path

import pytest

import nicegui_stash
from nicegui_stash import stores, testing

PACKAGE = Path(nicegui_stash.__file__).parent
FRAMEWORK = ('nicegui', 'fastapi', 'starlette')
NEEDED_BY_NO_STORE_AND_NO_PAGE = ('fsspec', 'itsdangerous')


def loaded(program: str, *arguments: str) -> set[str]:
    """Return the packages that are in memory at the end of a program."""
    program += '\nimport sys; print(*{name.partition(".")[0] for name in sys.modules})'
    done = subprocess.run([sys.executable, '-c', program, *arguments], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def modules_of(*packages: str) -> list[str]:
    """Return the modules of these rooms, and of the rooms within them."""
    folders = [str(PACKAGE / package) for package in packages]
    prefixes = [f'nicegui_stash.{package}.' for package in packages]
    found = zip(folders, prefixes, strict=True)
    return [module.name for folder, prefix in found for module in pkgutil.walk_packages([folder], prefix)]


@pytest.mark.parametrize(
    'module',
    [
        'nicegui_stash',
        'nicegui_stash.model.document',
        'nicegui_stash.session.registry',
        'nicegui_stash.identity',
        'nicegui_stash.stores',
        'nicegui_stash.stores.opening',
        'nicegui_stash.testing.conformance',
        'nicegui_stash.testing.faults',
    ],
)
def test_a_part_of_the_core_loads_no_framework(module: str) -> None:
    found = loaded(f'import {module}')
    assert 'nicegui_stash' in found
    assert found.isdisjoint({*FRAMEWORK, *NEEDED_BY_NO_STORE_AND_NO_PAGE})


def test_only_a_database_loads_sqlite() -> None:
    program = 'from nicegui_stash.stores import open_store; open_store({!r})'
    assert 'sqlite3' not in loaded(program.format('state'))
    assert 'sqlite3' in loaded(program.format('sqlite:///stash.db'))


def test_no_module_of_the_core_loads_a_framework() -> None:
    modules = modules_of('model', 'session', 'maintenance', 'stores', 'hosting', 'cli')
    assert 'nicegui_stash.session.registry' in modules
    found = loaded('import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)', *modules)
    assert found.isdisjoint(FRAMEWORK)


def test_a_name_of_the_core_loads_no_framework() -> None:
    found = loaded('from nicegui_stash import Recovery, Statistics, StoreError, stored')
    assert found.isdisjoint(FRAMEWORK)


@pytest.mark.parametrize(
    ('arguments', 'code'),
    [
        (['--help'], 0),
        (['copy', 'state', 'sqlite:///stash.db'], 0),
        (['doctor', 'state'], 0),
        (['sweep', 'state', '--ttl', '30d'], 0),
        (['migrate', 'state', 'shop:Cart'], 2),
        (['migrate', 'state', 'no_such_form', '--dry-run'], 2),
    ],
    ids=lambda value: ' '.join(value) if isinstance(value, list) else None,
)
def test_a_command_that_needs_no_app_loads_no_framework(tmp_path: Path, arguments: list[str], code: int) -> None:
    (tmp_path / 'state').mkdir()
    program = (
        'import os, sys\n'
        'from nicegui_stash.cli import main\n'
        'os.chdir(sys.argv[1])\n'
        'try: code = main(sys.argv[3:])\n'
        'except SystemExit as error: code = error.code\n'
        'assert code == int(sys.argv[2]), code'
    )
    found = loaded(program, str(tmp_path), str(code), *arguments)
    assert found.isdisjoint({*FRAMEWORK, *NEEDED_BY_NO_STORE_AND_NO_PAGE})


def test_the_help_loads_no_command() -> None:
    program = (
        'import sys; from nicegui_stash.cli import main\n'
        'try: main(["--help"])\n'
        'except SystemExit: print(*[name for name in sys.modules if name.startswith("nicegui_stash.")])'
    )
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True, check=True)
    assert set(done.stdout.splitlines()[-1].split()) == {
        'nicegui_stash.cli',
        'nicegui_stash.cli.exit_codes',
        'nicegui_stash.errors',
        'nicegui_stash.lazy_names',
    }


# ---- names that are imported at their first use


PACKAGES = [nicegui_stash, stores, testing]  # and reflex, which only tests/reflex can import


def shown_to_type_checkers(file: str) -> dict[str, str]:
    """Return the module of each name that a package imports from below: at once, or for type checkers."""
    body = ast.parse(Path(file).read_text()).body
    (branch,) = [node for node in body if isinstance(node, ast.If) and ast.unparse(node.test) == 'TYPE_CHECKING']
    imports = [node for node in [*body, *branch.body] if isinstance(node, ast.ImportFrom) and node.level == 1]
    return {alias.name: str(node.module) for node in imports for alias in node.names if alias.name != 'lazy_names'}


@pytest.mark.parametrize('package', PACKAGES, ids=lambda package: package.__name__)
def test_a_public_name_is_what_type_checkers_see(package: typing.Any) -> None:
    shown = shown_to_type_checkers(package.__file__)
    assert sorted(shown) == sorted(package.__all__)
    for name, module in shown.items():
        assert getattr(package, name) is getattr(import_module(f'{package.__name__}.{module}'), name)


@pytest.mark.parametrize('package', PACKAGES, ids=lambda package: package.__name__)
def test_a_public_name_is_listed_before_its_first_use(package: typing.Any) -> None:
    program = f'import {package.__name__} as package; print(*dir(package))'
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True, check=True)
    assert {*package.__all__, '__all__', '__doc__'} <= set(done.stdout.split())


@pytest.mark.parametrize('package', PACKAGES, ids=lambda package: package.__name__)
def test_a_star_brings_every_public_name(package: typing.Any) -> None:
    names: dict[str, object] = {}
    exec(f'from {package.__name__} import *', names)  # noqa: S102 it is a statement of modules only
    assert names.keys() >= set(package.__all__)


def test_a_name_that_does_not_exist_is_refused_as_by_any_module() -> None:
    with pytest.raises(AttributeError, match=r"^module 'nicegui_stash' has no attribute 'Stahs'") as error:
        getattr(nicegui_stash, 'Stahs')  # noqa: B009 a type checker would see it
    assert (error.value.name, error.value.obj) == ('Stahs', nicegui_stash)
    with pytest.raises(ImportError, match='Stahs'):
        exec('from nicegui_stash import Stahs')  # noqa: S102 as above


def test_a_submodule_is_an_attribute_without_an_import() -> None:
    program = 'import nicegui_stash\nprint(nicegui_stash.stores.MemoryStore, nicegui_stash.errors.StoreError)'
    assert 'nicegui_stash' in loaded(program)


def test_a_public_class_is_pickled_by_the_module_that_has_it() -> None:
    problem = nicegui_stash.Problem('items', 1, 'it is gone')
    assert pickle.loads(pickle.dumps(problem)) == problem  # noqa: S301 it is our own
    assert pickle.loads(pickle.dumps(nicegui_stash.Stash)) is nicegui_stash.Stash  # noqa: S301 as above


@pytest.mark.parametrize('name', nicegui_stash.__all__)
def test_the_annotations_of_a_public_name_can_be_resolved(name: str) -> None:
    typing.get_type_hints(getattr(nicegui_stash, name))


@pytest.mark.parametrize('name', [name for name, member in vars(nicegui_stash.Stash).items() if callable(member)])
def test_the_annotations_of_a_stash_can_be_resolved(name: str) -> None:
    typing.get_type_hints(getattr(nicegui_stash.Stash, name))
