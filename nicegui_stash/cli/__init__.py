"""The commands of `python -m nicegui_stash`. A command is a module here; it is imported when it is called."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from io import TextIOWrapper
from typing import Any, Final, Protocol, cast

from ..errors import ConfigurationError, StoreError
from .exit_codes import AWAY, INTERRUPTED, WRONG

COMMANDS: Final = {
    'copy': 'copy all sessions from one store to another, while the app runs',
    'doctor': 'try a store as the app would use it, and say whether it is fit',
    'migrate': 'see what recovering all stored sessions at the current version of a class would do',
    'rekey': 'seal all sessions with the first secret, while the app runs',
    'show': 'see what is stored: sizes by class and field, or documents as trees',
    'sweep': 'remove sessions that nobody has seen for ttl, and old tombstones',
}
"""What `--help` says of each command; its module has the same name."""


class Command(Protocol):
    """The module of a command."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Describe the command and its arguments."""
        ...

    def run(self, asked: argparse.Namespace) -> int:
        """Run the command; return the exit code."""
        ...


class _CommandParser(argparse.ArgumentParser):
    """Imports its command, and gets its arguments from it, when it is the one that is called."""

    def __init__(self, *, command: str, **options: Any) -> None:
        super().__init__(**options)
        self._command = command

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        command = cast(Command, import_module(f'.{self._command}', __name__))
        command.add_arguments(self)
        self.set_defaults(run=command.run)
        return super().parse_known_args(args, namespace)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # names and values may have letters that the terminal has not
            stream.reconfigure(errors='backslashreplace')
    parser = argparse.ArgumentParser(
        prog='python -m nicegui_stash', description='Durable state for the pages of a NiceGUI app.'
    )
    commands = parser.add_subparsers(metavar='command', dest='command', required=True, parser_class=_CommandParser)
    for name, summary in COMMANDS.items():
        commands.add_parser(name, command=name, help=summary)
    asked = parser.parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = asked.run
    try:
        return run(asked)
    except ConfigurationError as error:
        return _complain(str(error), WRONG)
    except StoreError as error:
        return _complain(f'the store does not answer: {error}', AWAY)
    except KeyboardInterrupt:
        return _complain('interrupted', INTERRUPTED)


def _complain(message: str, code: int) -> int:
    sys.stderr.write(message.rstrip() + '\n')
    return code
