"""The Python examples of README.md and docs/, and how each is run.

The first word after the language of a fenced block names it, so that a test can ask for it:

- a block that calls `ui.run` or `ui.run_with` is a whole program;
- a block with tests is a test module, run beside the program that it names with `for`;
- every other block is a part of a program: it is put between `BEFORE` and `AFTER`, and behind the block that it names
  with `after`, if any.

Words behind the name say which: `python sign-out after account`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from .proofs import PAGE as GENERATED

ROOT = Path(__file__).parents[2]
DOCS = ROOT / 'docs'

BEFORE = """\
from nicegui import app, ui
from nicegui_stash import Change, Recovery, Stash, stored

stash = Stash()
"""
AFTER = """
ui.run(storage_secret='of the examples')
"""

_FENCE = re.compile(r'^(?P<fence>`{3,})(?P<info>[^\n`]*)\n(?P<code>.*?)^(?P=fence)\s*$', re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Example:
    """One fenced block. `name` is empty where no other block and no test asks for it."""

    page: str
    line: int
    language: str
    name: str
    words: tuple[str, ...]
    code: str

    def __str__(self) -> str:
        return f'{self.page}:{self.line}' + (f':{self.name}' if self.name else '')

    @property
    def is_program(self) -> bool:
        return re.search(r'^\s*ui\.run(_with)?\(', self.code, re.MULTILINE) is not None

    @property
    def is_test(self) -> bool:
        return re.search(r'^((async )?def test_|class Test)', self.code, re.MULTILINE) is not None

    def word(self, label: str) -> str:
        """Return the word behind a label, empty if it is not there."""
        return self.words[self.words.index(label) + 1] if label in self.words else ''


def pages() -> list[Path]:
    """Return README.md and every page of the documentation that is written by hand."""
    found = [path for path in DOCS.rglob('*.md') if '_build' not in path.parts and path != GENERATED]
    return [ROOT / 'README.md', *sorted(found)]


def blocks(path: Path) -> list[Example]:
    """Return the fenced blocks of a page, in order."""
    text = path.read_text(encoding='utf-8')
    found: list[Example] = []
    for match in _FENCE.finditer(text):
        language, *words = match['info'].split() or ['']
        labels = {'after', 'for'}
        name = words.pop(0) if words and words[0] not in labels else ''
        line = text.count('\n', 0, match.start()) + 1
        page = str(path.relative_to(DOCS) if DOCS in path.parents else path.relative_to(ROOT))
        found.append(Example(page, line, language, name, tuple(words), match['code']))
    return found


EXAMPLES = [block for path in pages() for block in blocks(path)]
PYTHON = [each for each in EXAMPLES if each.language == 'python' and each.page != 'howto/reflex.md']
"""Those of the other page run where Reflex is installed: tests/reflex/test_howto.py."""


def named(page: str, name: str) -> Example:
    """Return the example of a page that has this name."""
    (found,) = (example for example in EXAMPLES if (example.page, example.name) == (page, name))
    return found


def program_of(example: Example) -> str:
    """Return the whole program that an example is, or is a part of."""
    if example.is_program:
        return example.code
    code, before = example.code, example.word('after')
    while before:
        other = named(example.page, before)
        code, before = other.code + '\n\n' + code, other.word('after')
        if other.is_program:
            raise ValueError(f'{example} comes after {other}, which has run already')
    return BEFORE + code + AFTER
