"""A forked process is what a fresh one would be, but for what it has imported already."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from .forked import COLD_ONLY, Forked, Process, start
from .process import PATIENCE

ROOT = Path(__file__).parents[2]
COLD = pytest.mark.parametrize('cold', [False, True], ids=['forked', 'cold'])
TELL = """
import json, multiprocessing, os, random, signal, sys, threading, uuid
import neighbour
from nicegui import app, core
from nicegui.storage import Storage
main = sys.modules['__main__']
print(json.dumps({
    'main': [__name__, main.__dict__ is globals(), main.__spec__ is None],
    'argv': [sys.argv, sys.orig_argv],
    'path': sys.path,
    'folder': os.getcwd(),
    'environment': dict(os.environ),
    'signals': [str(signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)],
    'wakeup': signal.set_wakeup_fd(-1),
    'blocked': [int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, ())],
    'threads': threading.active_count(),
    'storage': [str(Storage.path), str(app.storage.general.filepath), app.storage is core.app.storage],
    'is a terminal': sys.stdout.isatty(),
    'files': sorted(set(os.listdir('/proc/self/fd')) & {str(number) for number in range(3, 100)}),
}))
print(json.dumps([random.random(), str(uuid.uuid4())]))
"""
OF_A_THREAD = """
import threading
threading.Thread(target=lambda: (threading.main_thread().join(), print('of a thread'))).start()
"""
RUN = "{body}\nprint('done')\n"


def run(folder: Path, *arguments: str, cold: bool, new_session: bool = False, **variables: str) -> Process:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(('PYTEST', 'NICEGUI'))}
    environment = {**inherited, 'PYTHONPATH': str(ROOT), 'PYTHONUNBUFFERED': '1', **variables}
    with (folder / 'log').open('wb') as log:
        process = start(arguments, folder, environment, log, cold=cold, new_session=new_session)
    assert isinstance(process, Forked) is not (cold or COLD_ONLY)
    return process


def ends(process: Process, folder: Path) -> tuple[int, list[str]]:
    code = process.wait(PATIENCE)
    return code, (folder / 'log').read_text().splitlines()


def says(folder: Path, what: str) -> None:
    """Return when it has written this."""
    end = time.monotonic() + PATIENCE
    while what not in (folder / 'log').read_text():
        assert time.monotonic() < end, 'it says nothing'
        time.sleep(0.01)


def told(folder: Path, *, cold: bool) -> tuple[dict[str, Any], list[Any]]:
    code, lines = ends(run(folder, 'app.py', 'one', 'two words', cold=cold, NICEGUI_STORAGE_PATH='nicegui'), folder)
    assert code == 0, lines
    return json.loads(lines[0]), json.loads(lines[1])


def test_it_finds_what_a_fresh_process_finds(tmp_path: Path):
    (tmp_path / 'neighbour.py').write_text('')
    (tmp_path / 'app.py').write_text(TELL)
    (cold, _), (forked, _) = told(tmp_path, cold=True), told(tmp_path, cold=False)
    assert forked == cold
    assert forked['folder'] == str(tmp_path)
    assert forked['storage'][0] == str(tmp_path / 'nicegui')


def test_two_of_them_draw_other_numbers(tmp_path: Path):
    (tmp_path / 'neighbour.py').write_text('')
    (tmp_path / 'app.py').write_text(TELL)
    (_, first), (_, second) = told(tmp_path, cold=False), told(tmp_path, cold=False)
    assert first[0] != second[0]
    assert first[1] != second[1]


@COLD
@pytest.mark.parametrize(
    ('body', 'code', 'last'),
    [
        ('', 0, 'done'),
        ('raise SystemExit(7)', 7, None),
        ("raise SystemExit('a reason')", 1, 'a reason'),
        ("raise LookupError('gone')", 1, 'LookupError: gone'),
        ('import os; os._exit(3)', 3, None),
        ("import atexit; atexit.register(print, 'at the end')", 0, 'at the end'),
        (OF_A_THREAD, 0, 'of a thread'),
    ],
)
def test_it_ends_as_a_fresh_process_does(tmp_path: Path, body: str, code: int, last: str | None, cold: bool):
    (tmp_path / 'app.py').write_text(RUN.format(body=body))
    found, lines = ends(run(tmp_path, 'app.py', cold=cold), tmp_path)
    assert found == code
    assert (lines[-1] if lines else None) == last


@COLD
@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGTERM])
def test_a_signal_ends_it_and_no_other(tmp_path: Path, number: signal.Signals, cold: bool):
    (tmp_path / 'app.py').write_text("import time\nprint('ready')\nwhile True: time.sleep(0.1)")
    (tmp_path / 'other').mkdir()
    process, other = run(tmp_path, 'app.py', cold=cold), run(tmp_path / 'other', '../app.py', cold=cold)
    says(tmp_path, 'ready')
    says(tmp_path / 'other', 'ready')
    process.send_signal(number)
    assert process.wait(PATIENCE) == -number
    assert other.poll() is None
    other.send_signal(signal.SIGKILL)
    assert other.wait(PATIENCE) == -signal.SIGKILL


def test_a_signal_to_one_that_has_ended_goes_nowhere():
    ended = subprocess.Popen([sys.executable, '-c', ''])
    ended.wait(PATIENCE)
    listen, report = os.pipe()  # the fork server has waited for it as well, and has not said so yet
    process = Forked(ended.pid, listen)
    process.send_signal(signal.SIGCONT)
    os.write(report, b'0')
    os.close(report)
    assert process.wait(PATIENCE) == 0


def test_many_open_files_keep_nobody_from_waiting(tmp_path: Path):
    (tmp_path / 'app.py').write_text('')
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 2048)), hard))
    with ExitStack() as files:
        files.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(1100):
            files.enter_context(Path(os.devnull).open('rb'))
        assert ends(run(tmp_path, 'app.py', cold=False), tmp_path) == (0, [])


@COLD
@pytest.mark.parametrize('new_session', [False, True])
def test_it_is_in_the_process_group_of_the_tests_or_leads_its_own(tmp_path: Path, new_session: bool, cold: bool):
    (tmp_path / 'app.py').write_text('import os; print(os.getpgrp(), os.getsid(0))')
    process = run(tmp_path, 'app.py', cold=cold, new_session=new_session)
    _, lines = ends(process, tmp_path)
    assert lines == ([f'{process.pid} {process.pid}'] if new_session else [f'{os.getpgrp()} {os.getsid(0)}'])


@COLD
def test_a_module_is_run_as_python_m_does(tmp_path: Path, cold: bool):
    (tmp_path / 'shop').mkdir()
    (tmp_path / 'shop' / '__main__.py').write_text(
        'import os, sys; print(__name__, __package__, sys.argv[1:], sys.path[0] == os.getcwd(), sys.argv[0])'
    )
    _, lines = ends(run(tmp_path, '-m', 'shop', 'open', cold=cold), tmp_path)
    assert lines == [f"__main__ shop ['open'] True {tmp_path / 'shop' / '__main__.py'}"]


def test_what_is_read_while_importing_makes_it_start_cold(tmp_path: Path):
    (tmp_path / 'app.py').write_text('from nicegui.storage import Storage\nprint(Storage.redis_key_prefix)')
    environment = {**os.environ, 'PYTHONPATH': str(ROOT), 'NICEGUI_REDIS_KEY_PREFIX': 'other:'}
    run(tmp_path, 'app.py', cold=False).wait(PATIENCE)  # so that there is a fork server, which has read its own
    with (tmp_path / 'log').open('wb') as log:
        process = start(['app.py'], tmp_path, environment, log)
    assert not isinstance(process, Forked)
    assert ends(process, tmp_path) == (0, ['other:'])
