"""The scripts of findings/ have the form that their README describes. They are not run here: they install packages."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from .examples import ROOT

FINDINGS = ROOT / 'findings'
SCRIPTS = sorted(FINDINGS.glob('*.sh'))

every_script = pytest.mark.parametrize('script', SCRIPTS, ids=lambda script: script.stem)


def head_of(script: Path) -> str:
    """Return the comment at the beginning of a script."""
    text = script.read_text(encoding='utf-8')
    return text[: text.index('set -euo pipefail')]


def installed_by(script: Path) -> list[str]:
    """Return the requirements that a script hands to pip."""
    text = script.read_text(encoding='utf-8').replace('\\\n', ' ')
    commands = re.findall(r'-m pip install ([^|\n]*)', text)
    return [word.strip("'") for command in commands for word in command.split() if not word.startswith('--')]


def test_there_are_findings() -> None:
    assert len(SCRIPTS) >= 5
    assert {path.suffix for path in FINDINGS.iterdir()} == {'.sh', '.md'}


@every_script
def test_a_finding_is_an_executable_bash_script_that_stops_at_the_first_error(script: Path) -> None:
    lines = script.read_text(encoding='utf-8').splitlines()
    assert os.access(script, os.X_OK)
    assert lines[0] == '#!/usr/bin/env bash'
    assert 'set -euo pipefail' in lines
    subprocess.run(['bash', '-n', script], check=True)


@every_script
def test_a_finding_works_in_a_temporary_folder_that_it_removes(script: Path) -> None:
    lines = script.read_text(encoding='utf-8').splitlines()
    made = lines.index('folder=$(mktemp -d)')
    assert lines[made + 1] == """trap 'rm -rf "$folder"' EXIT"""
    assert 'cd "$folder"' in lines[made + 2 :]


@every_script
def test_a_finding_pins_what_it_installs(script: Path) -> None:
    requirements = installed_by(script)
    assert requirements
    assert [each for each in requirements if not re.fullmatch(r'[\w.-]+(\[\w+\])?==[\w.]+', each)] == []


@every_script
def test_a_finding_says_with_which_versions_its_output_was_seen(script: Path) -> None:
    head = head_of(script)
    assert re.search(r'^# Needs: Python 3\.11 or newer', head, re.MULTILINE)
    assert re.search(r'^# Seen with CPython \d+\.\d+\.\d+ on ', head, re.MULTILINE)
    assert re.search(r'^#   as described$', head, re.MULTILINE)
    (shown, *_) = (each.split('==') for each in installed_by(script))
    assert f'{shown[0].split("[")[0]} {shown[1]}' in head


@every_script
def test_a_finding_does_without_this_package(script: Path) -> None:
    assert not re.search(r'nicegui[-_]stash', script.read_text(encoding='utf-8'), re.IGNORECASE)


def test_the_readme_lists_each_finding_once() -> None:
    listed = re.findall(r'^\| \[`([\w.-]+)`\]\(\1\) \|', (FINDINGS / 'README.md').read_text('utf-8'), re.MULTILINE)
    assert sorted(listed) == [script.name for script in SCRIPTS]
