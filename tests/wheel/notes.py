"""Print the notes of a release: what the changelog says of the version in pyproject.toml. Refuse if it says nothing."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def notes(changelog: str, version: str) -> str:
    """Return the section of a version, without its heading. Raises `LookupError` if it is missing or empty."""
    found = re.search(rf'^## \[{re.escape(version)}\].*?\n(.*?)(?=^## \[|\Z)', changelog, re.MULTILINE | re.DOTALL)
    if found is None or not found[1].strip():
        raise LookupError(f'CHANGELOG.md has nothing on {version}: write "## [{version}] - {{date}}" over what is new')
    return found[1].strip() + '\n'


if __name__ == '__main__':
    version = tomllib.loads((ROOT / 'pyproject.toml').read_text(encoding='utf-8'))['project']['version']
    try:
        sys.stdout.write(notes((ROOT / 'CHANGELOG.md').read_text(encoding='utf-8'), version))
    except LookupError as error:
        sys.exit(str(error))
