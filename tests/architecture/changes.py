"""Ten changes and the files that each has to touch. It imports no part of the package.

`python -m tests.architecture.changes` prints the list of `docs/architecture.md`.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / 'nicegui_stash'
LISTED = Path(__file__).with_name('changes.toml')


@dataclass(frozen=True)
class Change:
    """One kind of change. `files` says what each file holds; `like` which of them is a model for a new one."""

    change: str
    example: str
    traces: str
    files: dict[str, str]
    like: list[str] = field(default_factory=list[str])

    def traced(self, package: Path = PACKAGE) -> set[str]:
        """Return the files of the package, as seen from the project, that have traces of the example."""
        sources = [*package.rglob('*.py'), *package.rglob('*.js')]
        found = [file for file in sources if re.search(self.traces, file.read_text(encoding='utf-8'))]
        return {file.relative_to(package.parent).as_posix() for file in found}

    @property
    def line(self) -> str:
        known = [f'`{file.removeprefix("nicegui_stash/")}`' for file in self.files if file not in self.like]
        new = [f'new, like `{file.removeprefix("nicegui_stash/")}`' for file in self.like]
        return f'- {self.change}, as {self.example}: {", ".join([*known, *new])}'


def changes() -> list[Change]:
    return [Change(**each) for each in tomllib.loads(LISTED.read_text(encoding='utf-8')).values()]


def listed() -> str:
    return '\n'.join(each.line for each in changes())


def holds(file: Path, what: str) -> bool:
    """Whether a Python file defines this name, dotted for one in a class; for anything else, whether it is there."""
    text = file.read_text(encoding='utf-8')
    if file.suffix == '.py' and all(part.isidentifier() for part in what.split('.')):
        return what in _defined(ast.parse(text).body)
    return what in text


def _defined(body: list[ast.stmt], prefix: str = '') -> Iterator[str]:
    for node in body:
        match node:
            case ast.ClassDef(name):
                yield prefix + name
                yield from _defined(node.body, f'{prefix}{name}.')
            case ast.FunctionDef(name) | ast.AsyncFunctionDef(name):
                yield prefix + name
            case ast.AnnAssign(ast.Name(name)):
                yield prefix + name
            case ast.Assign(targets):
                yield from (prefix + target.id for target in targets if isinstance(target, ast.Name))
            case _:
                pass


if __name__ == '__main__':
    sys.stdout.write(f'{listed()}\n')
