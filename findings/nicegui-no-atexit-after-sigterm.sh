#!/usr/bin/env bash
# After SIGTERM a NiceGUI app shuts down cleanly, and then kills itself by the same signal: no `finally`, no atexit.
#
# uvicorn catches SIGTERM, closes its connections and runs the shutdown handlers. Then it restores the signal's former
# handler and raises the signal again. By default that ends the process on the spot, within `ui.run()`. So code behind
# `ui.run()`, `finally` around it and functions of `atexit` never run, and the status is -15 (143 in a shell) although
# nothing went wrong. On Ctrl+C the former handler raises KeyboardInterrupt: `finally` and atexit do run. One would
# expect a graceful shutdown to end the interpreter as usual, after either signal. What must run goes into
# `app.on_shutdown`.
#
# Needs: Python 3.11 or newer, on an operating system with POSIX signals.
# Seen with CPython 3.11.7 on Linux x86_64:
#
#   nicegui 3.18.0, uvicorn 0.54.0
#   SIGTERM: status -15, ran: on_shutdown
#   SIGINT:  status -2, ran: on_shutdown, finally, atexit
#   as described
set -euo pipefail

cannot_run() { echo "cannot be run: $1" >&2; exit 2; }
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || cannot_run 'Python 3.11 or newer is needed'
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export TMPDIR="$folder"

python3 -m venv venv || cannot_run 'python3 -m venv does not work'
venv/bin/python -m pip install --quiet --quiet 'nicegui==3.18.0' 'uvicorn==0.54.0' \
    || cannot_run 'pip could not install the packages'

cat >app.py <<'PYTHON'
import atexit
import sys

from nicegui import app, ui


def say(what: str) -> None:
    print('ran', what, flush=True)


@ui.page('/')
def page() -> None:
    ui.label('hello')


app.on_shutdown(lambda: say('on_shutdown'))
atexit.register(say, 'atexit')
try:
    ui.run(host='127.0.0.1', port=int(sys.argv[1]), reload=False, show=False)
    say('the line behind ui.run()')
finally:
    say('finally')
PYTHON

venv/bin/python -I - <<'PYTHON'
import importlib.metadata
import signal
import socket
import subprocess
import sys
import time


def ended_by(number: signal.Signals) -> tuple[int, list[str]]:
    """Start the app, send the signal, and return the exit status and what ran."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    with subprocess.Popen(
        (sys.executable, 'app.py', str(port)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        try:
            for _ in range(600):
                try:
                    socket.create_connection(('127.0.0.1', port)).close()
                    break
                except OSError:
                    time.sleep(0.1)
            server.send_signal(number)
            output, _ = server.communicate(timeout=60)
        finally:
            server.kill()
    return server.returncode, [line.removeprefix('ran ') for line in output.splitlines() if line.startswith('ran ')]


print(', '.join(f'{name} {importlib.metadata.version(name)}' for name in ('nicegui', 'uvicorn')))
ends = {each: ended_by(each) for each in (signal.SIGTERM, signal.SIGINT)}
for number, (status, ran) in ends.items():
    print(f'{number.name + ":":<8} status {status}, ran: {", ".join(ran)}')

as_described = ends[signal.SIGTERM] == (-signal.SIGTERM, ['on_shutdown']) and {'finally', 'atexit'} <= set(
    ends[signal.SIGINT][1]
)
print('as described' if as_described else 'CHANGED: not as described')
sys.exit(not as_described)
PYTHON
