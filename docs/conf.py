"""How Sphinx builds these pages: `make docs`."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # the package of this checkout, whatever is installed

from tests.docs import proofs  # noqa: E402 it is found by the line above

project = 'nicegui-stash'
author = 'the nicegui-stash contributors'
project_copyright = author
version = release = tomllib.loads((ROOT / 'pyproject.toml').read_text())['project']['version']

extensions = ['myst_parser', 'sphinx.ext.autodoc']
exclude_patterns = ['_build']

html_theme = 'furo'
html_title = f'nicegui-stash {release}'

myst_heading_anchors = 3  # so that `page.md#a-heading` is a link here as it is in a repository's viewer

autodoc_member_order = 'bysource'
autodoc_typehints = 'signature'
autodoc_typehints_format = 'short'
autodoc_preserve_defaults = True
default_role = 'code'  # docstrings write `code` as Markdown does

_FENCE = re.compile(r'^(?P<indent> *)```(?P<language>\w+)\s*$')


def fences_to_directives(_app: Any, _what: str, _name: str, _object: Any, _options: Any, lines: list[str]) -> None:
    """Turn the fenced blocks of a docstring into what Sphinx reads."""
    written: list[str] = []
    inside = False
    for line in lines:
        opening = None if inside else _FENCE.match(line)
        if opening:
            written += [f'{opening["indent"]}.. code-block:: {opening["language"]}', '']
            inside = True
        elif inside and line.strip() == '```':
            written.append('')
            inside = False
        else:
            written.append(f'   {line}' if inside else line)
    lines[:] = written


def write_proofs(_app: Any) -> None:
    """Generate the page of proofs; an unchanged one keeps its time, so that it is not read again."""
    page = proofs.written()
    if not proofs.PAGE.is_file() or proofs.PAGE.read_text(encoding='utf-8') != page:
        proofs.PAGE.write_text(page, encoding='utf-8')


def setup(app: Any) -> None:
    app.connect('builder-inited', write_proofs)
    app.connect('autodoc-process-docstring', fences_to_directives)
