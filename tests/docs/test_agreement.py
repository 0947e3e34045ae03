"""Where the documentation repeats what the code says, the two agree."""

from __future__ import annotations

import doctest
import importlib
import inspect
import json
import os
import pkgutil
import re
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

import nicegui_stash
from nicegui_stash import Stash, settings
from nicegui_stash.errors import ConfigurationError
from nicegui_stash.model.document import from_bytes, to_bytes
from nicegui_stash.settings import PREFIX, resolve

from .examples import DOCS, ROOT, blocks, named, pages

PACKAGE = ROOT / 'nicegui_stash'
OPTIONS = list(inspect.signature(Stash).parameters)


def text_of(page: str) -> str:
    return (DOCS / page).read_text(encoding='utf-8')


def modules() -> list[str]:
    """Return all modules but those that only `tests/reflex` can import."""
    found = [module.name for module in pkgutil.walk_packages(nicegui_stash.__path__, 'nicegui_stash.')]
    return ['nicegui_stash', *sorted(name for name in found if not name.startswith('nicegui_stash.reflex.'))]


@pytest.mark.parametrize('module', modules())
def test_the_examples_in_docstrings_hold(module: str) -> None:
    assert doctest.testmod(importlib.import_module(module)).failed == 0


OUTLINES = {
    'nicegui_stash.testing.conformance': 'the shape of a test class; howto/testing.md has one that runs',
    'nicegui_stash.testing.faults': 'what the store can be asked for; tests/stores/test_faults.py does each of it',
}
"""Modules whose fenced examples are not run, and why."""


def test_no_docstring_has_another_fenced_example() -> None:
    found = {
        '.'.join(path.relative_to(ROOT).with_suffix('').parts)
        for path in PACKAGE.rglob('*.py')
        if '```' in path.read_text()
    }
    assert found == set(OUTLINES)


def test_the_first_page_shows_the_example_of_the_readme() -> None:
    (included,) = (block for block in blocks(DOCS / 'index.md') if block.language == '{literalinclude}')
    assert (DOCS / included.name).resolve() == ROOT / 'README.md'
    options = dict(re.findall(r'^:([\w-]+): "?(.*?)"?$', included.code, re.MULTILINE))
    readme = (ROOT / 'README.md').read_text(encoding='utf-8')
    assert readme.count(options['start-after']) == 1
    shown = readme.partition(options['start-after'] + '\n')[2].partition(options['end-before'])[0]
    assert shown == named('README.md', 'counter').code


# ---- configuration


class Row(NamedTuple):
    """What the configuration page says of an option; links are taken out of the meaning."""

    default: str
    meaning: str


def documented() -> dict[str, Row]:
    page = re.sub(r'\[([^]]*)\]\([^)]*\)', r'\1', text_of('reference/configuration.md'))
    rows = re.findall(r'^\| `(\w+)` \| (.*?) \| (.*) \|$', page, re.MULTILINE)
    return {name: Row(*cells) for name, *cells in rows}


def test_every_option_is_documented() -> None:
    assert sorted(documented()) == sorted(OPTIONS)


def test_the_rule_for_variables_is_documented() -> None:
    assert f'or variables: `ttl` is `{PREFIX}TTL`.' in text_of('reference/configuration.md')


def test_every_option_is_documented_as_it_is_declared() -> None:
    shown = inspect.getdoc(Stash)
    assert shown is not None
    for name, row in documented().items():
        meaning = settings.OPTIONS[name].meaning
        assert re.match(rf'{re.escape(meaning)}($|\. [A-Z])', row.meaning), name
        assert f'- `{name}`: {meaning}.\n' in f'{shown}\n'


@pytest.mark.parametrize('name', [name for name in OPTIONS if name != 'url'])
def test_the_variable_that_the_rule_names_sets_the_option(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    others = {
        'prefix': ('shop', 'shop'),
        'secrets': ('new, old', ('new', 'old')),
        'allow_lost_updates': ('yes', True),
        'storage_options': ('{"host": "a"}', {'host': 'a'}),
        'engine': ('obstore', 'obstore'),
        'journal': ('/srv/journal', '/srv/journal'),
        'encrypt': ('1', True),
        'identity': ('json:dumps', json.dumps),
        'user': ('json:dumps', json.dumps),
        'adopt': ('replace', 'replace'),
        'on_invalid': ('log', 'log'),
        'csp_nonce': ('r4nd0m', 'r4nd0m'),
        'rejoin': ('in_place', 'in_place'),
        'dev': ('1', True),
    }
    text, expected = others.get(name, ('7', 7))
    monkeypatch.setenv(PREFIX + name.upper(), text)
    assert getattr(resolve(), name) == expected


def test_the_documented_defaults_are_those_of_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [variable for variable in os.environ if variable.startswith(PREFIX)]:
        monkeypatch.delenv(variable)
    units = {'d': 86400.0, 's': 1.0, '': 1}
    for name, row in documented().items():
        number = re.match(r'([\d.]+)(?: (d|s))?', row.default)
        if number and name != 'flush_interval':
            assert getattr(resolve(), name) == float(number[1]) * units[number[2] or ''], name
    assert resolve().flush_interval is None
    assert resolve().allow_lost_updates is False
    assert resolve().prefix == ''
    for name in ('on_invalid', 'rejoin'):
        assert repr(getattr(resolve(), name)) == documented()[name].default.strip('`')


def test_a_time_in_the_environment_may_have_a_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('NICEGUI_STASH_TTL', '14d')
    assert resolve().ttl == timedelta(days=14).total_seconds()


def test_a_variable_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('NICEGUI_STASH_TTL', 'long')
    with pytest.raises(ConfigurationError, match='NICEGUI_STASH_TTL'):
        resolve()


# ---- the stored format


@pytest.mark.parametrize('name', ['golden', 'tombstone'])
def test_a_document_of_the_format_page_is_read_and_written_as_it_stands(name: str) -> None:
    body = json.dumps(json.loads(named('stored-format.md', name).code), separators=(',', ':')).encode()
    assert to_bytes(from_bytes(body)) == body


# ---- names and places


def packages() -> set[str]:
    return {f'{path.parent.relative_to(PACKAGE)}/' for path in PACKAGE.rglob('__init__.py')} - {'./'}


def test_the_architecture_names_every_package() -> None:
    rows = re.findall(r'^- `([\w/]+/)`: ', text_of('architecture.md'), re.MULTILINE)
    assert sorted(rows) == sorted(packages())


def test_the_picture_of_the_layers_shows_every_package() -> None:
    shown = set(re.findall(r'>(\w+/)<', text_of('images/layers.svg')))
    assert shown == {f'{Path(package).name}/' for package in packages()}


def test_every_module_that_the_architecture_names_exists() -> None:
    there = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob('*.*')}
    told = set(re.findall(r'`((?:\w+/)*\w+\.(?:py|js))`', text_of('architecture.md')))
    missing = {
        file
        for file in told
        if not (ROOT / file).is_file() and not any(f'/{each}'.endswith(f'/{file}') for each in there)
    }
    assert missing == set()


def test_the_reference_has_every_public_name() -> None:
    reference = text_of('reference/api.md')
    told = set(re.findall(r'^\.\. auto\w+:: (?:Stash\.)?(\w+)$', reference, re.MULTILINE))
    methods = {name for name in vars(Stash) if not name.startswith('_')}
    assert {*nicegui_stash.__all__, *methods} <= told


def test_every_test_that_a_page_names_exists() -> None:
    for page in pages():
        for file, name in re.findall(r'`(tests/[\w/]+\.py)(?:::([\w:]+))?`', page.read_text(encoding='utf-8')):
            assert (ROOT / file).is_file(), f'{page.name}: {file}'
            for part in filter(None, name.split('::')):
                assert re.search(rf'(def|class) {part}\b', (ROOT / file).read_text()), f'{page.name}: {file}::{part}'


def test_every_link_of_the_readme_leads_somewhere() -> None:
    for target in re.findall(r'\]\(([^)#:]+)(?:#[^)]*)?\)', (ROOT / 'README.md').read_text(encoding='utf-8')):
        assert (ROOT / target).exists(), target


def test_no_page_names_a_machine_path() -> None:
    for page in pages():
        assert not re.search(r'/(?:work|root)/|/home/\w', Path(page).read_text(encoding='utf-8')), page.name
