"""Fifty inputs bound to stored fields of one scope, or, without the library, to those of a dataclass."""

from __future__ import annotations

import os
from dataclasses import make_dataclass
from typing import Any

from nicegui import binding, ui

import probe

NAMES = [f'field{number}' for number in range(50)]


def build(fields: Any) -> None:
    for name in NAMES:
        ui.input(name).bind_value(fields, name).classes('fifty')


if scope := os.environ['SCOPE']:
    from nicegui_stash import Stash, stored

    declared = {name: stored('', scope=scope) for name in NAMES}
    members = {'__annotations__': dict.fromkeys(NAMES, str), '__module__': __name__, 'build': build}
    Stash(os.environ['STORE']).page('/')(type('Fifty', (), declared | members))
else:
    Plain = binding.bindable_dataclass(make_dataclass('Plain', [(name, str, '') for name in NAMES]))

    @ui.page('/')
    def plain() -> None:
        build(Plain())


probe.serve()
