"""Forks server processes that need not import the framework first: `forked.py` starts one of these and asks it.

A fork copies one thread, so nothing may be imported here that starts one. Importing NiceGUI 3.14.0 or 3.18.0 starts
none, nor does importing FastAPI, uvicorn, fsspec or nicegui_stash: /proc/self/task has one entry afterwards. `serve`
looks at that before each fork.

A fork differs from a fresh `python app.py` in what was read while importing. `become` sets NiceGUI's folder again. A
server starts cold if it has other variables of `forked.READ_AT_IMPORT`. All forks share one seed of hashes. Python
seeds `random` again after a fork.
"""

from __future__ import annotations

import gc
import importlib
import json
import multiprocessing.process
import os
import runpy
import selectors
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

FRAMEWORK = [
    'nicegui',
    'nicegui.ui',
    'nicegui.ui_run',
    'nicegui_stash',
    'nicegui_stash.ui',
    'fastapi',
    'anyio._backends._asyncio',
    'uvicorn',
    'uvicorn.lifespan.on',
    'uvicorn.loops.auto',
    'uvicorn.protocols.http.auto',
    'uvicorn.protocols.websockets.wsproto_impl',
]

TASKS = Path('/proc/self/task')


def serve(control: socket.socket) -> dict[str, Any]:
    """Fork at each request, and say how each child has ended. Returns in a child, with what was asked for."""
    with selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is not control:
                    selector.unregister(key.fileobj)
                    _say_how_it_ended(cast(int, key.fileobj), *key.data)
                    continue
                message, files, _, _ = socket.recv_fds(control, 1 << 20, 2)
                if not message:
                    _end_with_everything(selector)
                (output, report) = files
                assert len(list(TASKS.iterdir())) == 1, 'a thread runs, which a fork would lose'
                process = os.fork()
                if process == 0:
                    for other in selector.get_map().values():
                        if other.data:
                            os.close(cast(int, other.fileobj))
                            os.close(other.data[1])
                    os.close(report)
                    control.close()
                    return {**json.loads(message), 'output': output}
                os.close(output)
                selector.register(os.pidfd_open(process), selectors.EVENT_READ, (process, report))
                control.send(b'%d' % process)


def _say_how_it_ended(pidfd: int, process: int, report: int) -> None:
    os.close(pidfd)
    with suppress(BrokenPipeError), os.fdopen(report, 'wb') as answer:
        answer.write(b'%d' % os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))


def _end_with_everything(selector: selectors.BaseSelector) -> None:
    """Leave no server behind where the tests have ended."""
    for key in selector.get_map().values():
        if key.data:
            os.kill(key.data[0], signal.SIGKILL)
    os._exit(0)


def become(request: dict[str, Any]) -> None:
    """Be as a fresh process would be that was started in this folder, with this environment and this output."""
    signal.signal(signal.SIGINT, request['interrupt'])
    if request['new_session']:
        os.setsid()
    os.dup2(request['output'], 1)
    os.dup2(request['output'], 2)
    os.close(request['output'])
    os.chdir(request['folder'])
    os.environ.clear()
    os.environ.update(request['environment'])
    time.tzset()
    multiprocessing.process.ORIGINAL_DIR = request['folder']  # type: ignore[attr-defined]

    from nicegui import app  # noqa: PLC0415 loaded by now, and not earlier than all that it is loaded with
    from nicegui.storage import Storage  # noqa: PLC0415

    Storage.path = Path(os.environ.get('NICEGUI_STORAGE_PATH', '.nicegui')).resolve()
    app.storage = Storage()


def run(arguments: list[str]) -> None:
    """Do what `python` does with these arguments: a script, or `-m` and a module, and what they are given."""
    sys.orig_argv = [sys.executable, *arguments]
    if arguments[0] == '-m':
        sys.path[0] = str(Path.cwd())
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name='__main__', alter_sys=True)
    else:
        sys.path[0] = str(Path(arguments[0]).resolve().parent)
        sys.argv = arguments
        runpy.run_path(arguments[0], run_name='__main__')


if __name__ == '__main__':
    for module in FRAMEWORK:
        importlib.import_module(module)
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)  # pytest is asked to stop, and then closes the connection
    gc.collect()
    gc.freeze()  # what is loaded is not looked through again, so that its memory stays shared
    asked = serve(socket.socket(fileno=int(sys.argv[1])))
    become({**asked, 'interrupt': interrupt})
    run(asked['arguments'])
