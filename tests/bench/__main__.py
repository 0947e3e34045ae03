"""Run each section in a process of its own, print one table, write JSON, and say whether every target was met."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .against import HEAD as COMPARED_HEAD
from .against import compared, sections_of
from .isolated import in_own_processes
from .measure import HEAD, Row, printed, table

SECTIONS = {
    'accept': 15,
    'burst': 3,
    'durable': 3,
    'journal': 2,
    'sealing': 15,
    'held': 15,
    'recover': 42,
    'people': 14,
    'rooms': 9,
    'live': 5,
    'load': 3,
    'opaque': 15,
    'rows': 15,
    'remember': 9,
    'inspector': 9,
    'hostile': 5,
    'imports': 7,
    'floors': 9,
    'engines': 5,
    'outage': 2,
    'crowd': 5,
    'typed': 9,
    'returning': 7,
}
"""The sections, and how many rounds each takes."""
PROCESSES = {'recover': 7}
"""The sections whose rounds are spread over several processes."""


def surroundings() -> dict[str, Any]:
    packages = {}
    for package in ('nicegui', 'msgspec', 'fsspec', 'orjson', 'uvloop'):
        try:
            packages[package] = version(package)
        except PackageNotFoundError:
            packages[package] = None
    return {
        'time': time.strftime('%Y-%m-%d %H:%M', time.gmtime()),
        'python': platform.python_version(),
        **packages,
        'machine': f'{platform.system()} {platform.machine()}, {os.cpu_count()} cores',
        'load': round(os.getloadavg()[0], 1),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog='python -m tests.bench', description=__doc__)
    parser.add_argument('sections', nargs='*', default=list(SECTIONS), help=f'some of: {", ".join(SECTIONS)}')
    parser.add_argument('--json', type=Path, default=Path('build/bench.json'), help='where to write every sample')
    parser.add_argument(
        '--check', action='store_true', help='exit with 1 if a target, or what --against allows, was missed'
    )
    parser.add_argument('--rounds', type=float, default=1.0, help='a factor: 2 takes twice as many rounds')
    parser.add_argument('--folder', type=Path, help='where to put files; the speed of its disk is part of the result')
    parser.add_argument('--against', type=Path, metavar='CHECKOUT', help='compare with another checkout, in turns')
    parser.add_argument('--turns', type=int, default=3, help='how often each side of --against runs; 3 if not given')
    options = parser.parse_args()
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f'no such section: {", ".join(unknown)}')
    around = surroundings()
    print(', '.join(f'{name} {value}' for name, value in around.items()), flush=True)
    if options.against:
        return against(options)
    found: dict[str, list[Row]] = {}
    for section in options.sections:
        start = time.monotonic()
        rounds = max(2, round(SECTIONS[section] * options.rounds))
        found[section] = in_own_processes(section, rounds, options.folder, PROCESSES.get(section, 1))
        print(f'\n{section} ({time.monotonic() - start:.0f} s)')
        printed(HEAD, table(found[section]))
        sys.stdout.flush()
    options.json.parent.mkdir(parents=True, exist_ok=True)
    results = {section: [row.as_json() for row in rows] for section, rows in found.items()}
    options.json.write_text(json.dumps({'surroundings': around, 'sections': results}, indent=1), encoding='utf-8')
    missed = [row.what for rows in found.values() for row in rows if row.met is False]
    for what in missed:
        print(f'missed: {what}')
    return 1 if missed and options.check else 0


def against(options: argparse.Namespace) -> int:
    """Print how this checkout compares with another one; nothing is written."""
    passed_on = ['--rounds', str(options.rounds), *(['--folder', str(options.folder)] if options.folder else [])]
    other, exceeded = options.against.resolve(), False
    there = sections_of(other)
    for section in options.sections:
        if section not in there:
            print(f'{section}: not there')
            continue
        found = compared([section], other, options.turns, passed_on)
        printed(COMPARED_HEAD, [each.cells for each in found])
        sys.stdout.flush()
        exceeded |= any(each.within is False for each in found)
    return int(options.check and exceeded)


if __name__ == '__main__':
    sys.exit(main())
