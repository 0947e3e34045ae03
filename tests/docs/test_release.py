"""`make release` writes its notes from the changelog, and refuses a version that the changelog does not know."""

from __future__ import annotations

import re

import pytest

from tests.wheel.notes import notes

from .examples import ROOT

CHANGELOG = (
    '# Changelog\n\n## [Unreleased]\n\n- later\n\n'
    '## [0.2.0] - 2026-01-02\n\n### Added\n\n- more\n\n## [0.1.0]\n\n- all\n'
)


def test_the_notes_are_the_section_of_the_version() -> None:
    assert notes(CHANGELOG, '0.2.0') == '### Added\n\n- more\n'
    assert notes(CHANGELOG, '0.1.0') == '- all\n'


@pytest.mark.parametrize('version', ['0.3.0', '0.2'])
def test_a_version_without_a_section_is_refused_with_the_line_to_write(version: str) -> None:
    with pytest.raises(LookupError, match=re.escape(f'write "## [{version}] - ')):
        notes(CHANGELOG, version)


def test_what_is_not_released_has_notes() -> None:
    assert '### Added' in notes((ROOT / 'CHANGELOG.md').read_text(encoding='utf-8'), 'Unreleased')
