"""A lease says whether the process behind it is alive: judged by what was seen, and by the process itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import msgspec
import pytest

from nicegui_stash.model.lease import CLOCKS, Lease, Sight
from nicegui_stash.session import process
from nicegui_stash.session.process import is_gone, this_process

HELD = Lease('running', 'a run', 'a host:1:1', renewed=1_000_000, ttl=30)


def renewed(times: int) -> Lease:
    return msgspec.structs.replace(HELD, renewed=HELD.renewed + times * 10_000)


def test_a_lease_is_alive_while_it_is_renewed_whatever_the_clock_of_its_holder_says() -> None:
    for skew in (-CLOCKS, 0, CLOCKS):
        sight = Sight()
        for beat in range(9):
            sight.look(renewed(beat), elapsed=beat * 10, wall=1000 + beat * 10 + skew)
            assert sight.state(renewed(beat), gone=False) == 'running'
        sight.look(renewed(8), elapsed=109, wall=1109 + skew)
        assert sight.state(renewed(8), gone=False) == 'running'
        sight.look(renewed(8), elapsed=110, wall=1110 + skew)
        assert sight.state(renewed(8), gone=False) == 'interrupted'


def test_a_lease_that_nothing_renews_has_expired_after_its_ttl_by_the_clock_of_whoever_looks() -> None:
    sight = Sight()
    sight.look(HELD, elapsed=500, wall=990)
    sight.look(HELD, elapsed=529, wall=1019)
    assert sight.state(HELD, gone=False) == 'running'
    sight.look(HELD, elapsed=530, wall=1020)
    assert sight.state(HELD, gone=False) == 'interrupted'
    assert sight.state(renewed(1), gone=False) == 'running'  # another one than was looked at


def test_a_lease_older_than_any_difference_of_clocks_has_expired_at_the_first_look() -> None:
    sight = Sight()
    sight.look(HELD, elapsed=0, wall=1000 + 30 + CLOCKS + 1)
    assert sight.state(HELD, gone=False) == 'interrupted'


def test_a_lease_of_a_process_that_has_ended_needs_no_look() -> None:
    assert Sight().state(HELD, gone=True) == 'interrupted'
    assert Sight().state(Lease('failed'), gone=True) == 'failed'


def test_a_process_is_gone_once_it_was_killed_and_before_its_parent_asks(capfd: pytest.CaptureFixture[str]) -> None:
    code = 'from nicegui_stash.session.process import this_process; print(this_process(), flush=True); input()'
    with subprocess.Popen([sys.executable, '-c', code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        name = child.stdout.readline().decode().strip()
        assert not is_gone(name)
        child.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it is a zombie now
        assert is_gone(name)
    assert is_gone(name)
    assert not is_gone(this_process())


def test_a_number_that_another_process_has_got_by_now_is_gone() -> None:
    host, number, started = this_process().split(':')
    assert is_gone(f'{host}:{number}:{int(started) - 1}')


def test_a_number_that_no_process_can_have_is_not_known_to_be_gone() -> None:
    host = this_process().partition(':')[0]
    assert not is_gone(f'{host}:{"9" * 5000}:1')


@pytest.mark.parametrize('name', ['', 'no process', 'another host:1:1'])
def test_what_another_host_runs_is_not_known_to_be_gone(name: str) -> None:
    assert not is_gone(name)


def test_where_the_system_does_not_say_it_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    name = this_process()
    monkeypatch.setattr(process, '_host', lambda: '')
    assert this_process() == ''
    assert not is_gone(name)
    assert not is_gone('')
