"""Print the lowest version that pyproject.toml claims of each dependency, as constraints for pip."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).parents[2] / 'pyproject.toml'


def lowest(requirement: str) -> str:
    """Return `name==version` of `name[extra]>=version`. Raises `ValueError` where there is no lower bound."""
    found = re.fullmatch(r'([\w.-]+)(?:\[[^]]*\])?>=([\w.]+)(?:,.*)?', requirement.replace(' ', ''))
    if found is None:
        raise ValueError(f'{requirement} claims no lowest version')
    return f'{found[1]}=={found[2]}'


if __name__ == '__main__':
    for requirement in tomllib.loads(PYPROJECT.read_text())['project']['dependencies']:
        print(lowest(requirement))
