"""What the rooms below ask of a page object."""

from __future__ import annotations

from typing import Literal

Cause = Literal['local', 'remote', 'recovered', 'reset']
