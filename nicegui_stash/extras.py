"""What to install for an optional part: the package itself, which pip finds wherever this one came from."""

from __future__ import annotations

import re

_REQUIREMENT = re.compile(r"(?P<package>[^;]+?) *; *extra *== *['\"](?P<extra>[^'\"]+)['\"]")


def install_line(extra: str, package: str) -> str:
    """Return the command that installs an extra's packages, as they stand in our metadata; else `package` alone.

    >>> install_line('redis', 'redis')
    "pip install 'redis>=6.0'"
    """
    from importlib.metadata import PackageNotFoundError, requires  # noqa: PLC0415 only who misses a package needs it

    try:
        stated = requires('nicegui-stash') or []
    except PackageNotFoundError:  # the package was copied, and not installed
        stated = []
    found = [match['package'] for match in map(_REQUIREMENT.fullmatch, stated) if match and match['extra'] == extra]
    return f"pip install '{package}'" if not found else 'pip install ' + ' '.join(f"'{each}'" for each in found)
