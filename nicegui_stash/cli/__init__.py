"""The commands of `python -m nicegui_stash`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ..errors import ConfigurationError, StoreError
from . import doctor, migrate, sweep
from .common import AWAY, WRONG


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    parser = argparse.ArgumentParser(
        prog='python -m nicegui_stash', description='Durable state for the pages of a NiceGUI app.'
    )
    commands = parser.add_subparsers(metavar='command', dest='command', required=True)
    runners = {
        'doctor': doctor.add_to(commands),
        'migrate': migrate.add_to(commands),
        'sweep': sweep.add_to(commands),
    }
    asked = parser.parse_args(arguments)
    try:
        return runners[asked.command](asked)
    except ConfigurationError as error:
        return _complain(str(error), WRONG)
    except StoreError as error:
        return _complain(f'the store does not answer: {error}', AWAY)
    except KeyboardInterrupt:
        return _complain('interrupted', 130)


def _complain(message: str, code: int) -> int:
    sys.stderr.write(message.rstrip() + '\n')
    return code
