"""From `module:Class` to a schema, without starting the server of the app that declares it."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from ..errors import ConfigurationError
from ..model.schema import Schema, schema_of


def load_schema(target: str) -> Schema:
    """Import the module and return the schema of its class. Raises `ConfigurationError` saying what is wrong."""
    module_name, _, class_name = target.partition(':')
    if not module_name or not class_name:
        raise ConfigurationError('module:Class', f'{target!r} is not of this form', "Write it like 'shop.pages:Cart'")
    module = _import(module_name)
    found: Any = module
    for name in class_name.split('.'):
        found = getattr(found, name, None)
        if found is None:
            raise ConfigurationError(
                'module:Class',
                f'{module_name} has no {class_name}',
                'A class is found at the top level of a module, not in a function or below `if __name__ == ...:`',
            )
    schema = (schema_of(found) or _schema_in_reflex(found)) if isinstance(found, type) else None
    if schema is None:
        raise ConfigurationError(
            'module:Class',
            f'{class_name} in {module_name} is not stored',
            'Name a class that is decorated with @stash.page(...), @stash.view or @stash.state, or a state of Reflex',
        )
    return schema


def _schema_in_reflex(found: type) -> Schema | None:
    """Return the schema of a class of Reflex's states; `None` for another class."""
    if 'reflex.state' not in sys.modules:  # then the module that was imported has no such class
        return None
    from ..reflex.declared import schema_of_state  # noqa: PLC0415 it imports Reflex
    from ..reflex.reflex_private import BaseState  # noqa: PLC0415 as above

    return schema_of_state(found).schema if issubclass(found, BaseState) else None


def _import(name: str) -> ModuleType:
    try:
        with _quiet():
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f'{error.name}.')):
            reason = f'there is no module {error.name!r} in {Path.cwd()} or installed'
            raise ConfigurationError(
                'module:Class', reason, 'Run this in the folder from which the app is started, or set PYTHONPATH'
            ) from error
        raise _failed(name, error) from error
    except (Exception, SystemExit) as error:  # the app's code may raise anything
        raise _failed(name, error) from error


def _failed(name: str, error: BaseException) -> ConfigurationError:
    place = traceback.extract_tb(error.__traceback__)[-1]
    what = ''.join(traceback.format_exception_only(error)).strip()
    return ConfigurationError(
        'module:Class',
        f'importing {name} failed at {place.filename}:{place.lineno}: {what}',
        'The module has to be importable without a server',
    )


@contextmanager
def _quiet() -> Generator[None]:
    """Let an app's module be imported: `ui.run` returns at once, prints go elsewhere, our options stay ours."""
    arguments, sys.argv = sys.argv, sys.argv[:1]
    try:
        with redirect_stdout(sys.stderr), _without_server():
            yield
    finally:
        sys.argv = arguments


@contextmanager
def _without_server() -> Generator[None]:
    try:
        from nicegui import ui  # noqa: PLC0415 what needs no app does not import the framework
    except ModuleNotFoundError:  # an app of Reflex, whose module starts no server
        yield
        return
    names = cast(Any, ui)
    run, names.run = names.run, _do_not_run
    try:
        yield
    finally:
        names.run = run


def _do_not_run(*_: object, **__: object) -> None:
    """Stand for `ui.run` while a module is imported."""
