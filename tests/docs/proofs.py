"""Which tests prove what docs/guarantees.md says: read from the marks of the tests, without importing them.

`@pytest.mark.proves('flush')` marks a test or a class of tests, and `pytestmark = pytest.mark.proves('scopes')` a whole
file. A mark names one id of that page, or several.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
CLAIMS = ROOT / 'docs' / 'guarantees.md'
PAGE = ROOT / 'docs' / 'proofs.md'

_BEFORE = """\
# Proofs

The tests behind each [guarantee and limit](guarantees.md). This page is generated from the marks of the tests.
"""


def claims(section: str) -> dict[str, str]:
    """Return what a section of the page of guarantees says, by id."""
    _, text = CLAIMS.read_text(encoding='utf-8').split(f'\n## {section}\n', 1)
    found = re.findall(r'^- `([\w-]+)`: (.*?)(?=^- |\Z)', text.split('\n## ', 1)[0], re.MULTILINE | re.DOTALL)
    return {claim: ' '.join(words.split()) for claim, words in found}


def proofs() -> dict[str, list[str]]:
    """Return the names of the tests, as pytest takes them, by the id that they prove."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / 'tests').rglob('test_*.py')):
        source = path.read_text(encoding='utf-8')
        if 'mark.proves(' in source:
            for name, mark in _marks(ast.parse(source)):
                test = path.relative_to(ROOT).as_posix() + name
                for argument in mark.args:
                    found.setdefault(ast.literal_eval(argument), []).append(test)
    return found


def written() -> str:
    """Return the page of proofs."""
    tests = proofs()
    lines = [_BEFORE]
    for section in ('Guarantees', 'Limits'):
        lines += [f'## {section}', '']
        for claim, text in claims(section).items():
            lines += [f'### `{claim}`', '', text, '']
            lines += [f'- `{test}`' for test in tests.get(claim, [])] or ['No test: a limit that is only stated.']
            lines.append('')
    return '\n'.join(lines)


def _marks(module: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    for statement in module.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id='pytestmark')], value=ast.List(elts=marks)):
                yield from (('', mark) for mark in marks if _proves(mark))
            case ast.Assign(targets=[ast.Name(id='pytestmark')], value=mark):
                yield from (('', mark) for mark in [mark] if _proves(mark))
            case ast.ClassDef() if statement.name.startswith('Test'):
                yield from _marked(statement, '::')
                for part in statement.body:
                    if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)):
                        yield from _marked(part, f'::{statement.name}::')
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from _marked(statement, '::')
            case _:
                pass


def _marked(test: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, within: str) -> Iterator[tuple[str, ast.Call]]:
    if test.name.startswith(('test_', 'Test')):
        yield from ((within + test.name, mark) for mark in test.decorator_list if _proves(mark))


def _proves(mark: ast.expr) -> bool:
    match mark:
        case ast.Call(func=ast.Attribute(attr='proves')):
            return True
    return False
