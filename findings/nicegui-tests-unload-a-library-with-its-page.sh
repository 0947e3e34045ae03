#!/usr/bin/env bash
# After a test, NiceGUI's fixtures remove the module of each page function from sys.modules, with all packages it is in.
#
# So that a test begins afresh, the modules that declare pages are imported again by the next one. A page that a library
# adds for the app counts as well, and its whole package goes: the next import makes a second copy beside the one that
# others still hold. Classes are no longer the same, `isinstance` says no, and what the library knew is gone. One would
# expect that only modules of the app are loaded again. A page function whose `__module__` is the app's avoids it.
#
# Needs: Python 3.11 or newer.
# Seen with CPython 3.11.7 on Linux x86_64:
#
#   nicegui 3.18.0
#   after a test with its page: library is unloaded: True, imported again it is the same: False, a setting is still one: False
#   as described
set -euo pipefail

cannot_run() { echo "cannot be run: $1" >&2; exit 2; }
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || cannot_run 'Python 3.11 or newer is needed'
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export TMPDIR="$folder"

python3 -m venv venv || cannot_run 'python3 -m venv does not work'
venv/bin/python -m pip install --quiet --quiet 'nicegui==3.18.0' 'pytest==9.2.0' 'pytest-asyncio==1.4.0' ||
    cannot_run 'pip could not install the packages'

mkdir library
cat >library/__init__.py <<'PYTHON'
class Setting:
    """What an app makes one of."""
PYTHON
cat >library/pages.py <<'PYTHON'
from nicegui import ui


def add_status_page(path: str) -> None:
    @ui.page(path)
    def status() -> None:
        ui.label('fine')
PYTHON
cat >test_app.py <<'PYTHON'
import sys

import library
import library.pages
from nicegui.testing import User

setting = library.Setting()


async def test_first(user: User) -> None:
    library.pages.add_status_page('/status')
    await user.open('/status')
    await user.should_see('fine')


def test_second() -> None:
    gone = 'library' not in sys.modules
    import library as again

    print(f'after a test with its page: library is unloaded: {gone}, '
          f'imported again it is the same: {again is library}, '
          f'a setting is still one: {isinstance(setting, again.Setting)}')
PYTHON

venv/bin/python -c 'from importlib.metadata import version; print("nicegui", version("nicegui"))'
venv/bin/python -m pytest --quiet -s -p nicegui.testing.user_plugin -o asyncio_mode=auto -o main_file= -o pythonpath=. \
    test_app.py >output 2>&1 || { cat output; echo 'CHANGED: the tests fail'; exit 1; }
grep --only-matching 'after a test.*' output
if grep --quiet 'library is unloaded: True, imported again it is the same: False, a setting is still one: False' output; then
    echo 'as described'
else
    echo 'CHANGED: not as described'
    exit 1
fi
