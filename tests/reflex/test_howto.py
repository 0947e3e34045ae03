"""The examples of the how-to guide run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import reflex as rx

from nicegui_stash.reflex import StashPlugin
from nicegui_stash.reflex.declared import schema_of_state

PAGE = Path(__file__).parents[2] / 'docs' / 'howto' / 'reflex.md'


def run(code: str, known: dict[str, Any]) -> None:
    """Run code as a module of its own, whose annotations are evaluated."""
    exec(compile(code, str(PAGE), 'exec', dont_inherit=True), known)  # noqa: S102 it is a page of this project


def test_the_examples_run() -> None:
    config, states = re.findall(r'```python\n(.*?)```', PAGE.read_text(encoding='utf-8'), re.DOTALL)
    known: dict[str, Any] = {'__name__': __name__, 'rx': rx, 'to_2': dict, 'Client': object}
    run(config.replace("'…'", "'a secret'"), known)
    assert any(isinstance(plugin, StashPlugin) for plugin in known['config'].plugins)
    run(states, known)
    declared = schema_of_state(known['Cart'])
    assert list(declared.schema.fields) == ['total']
    assert declared.schema.fields['total'].field.renamed_from == 'sum'
