"""`rekey` seals all with the first secret, also after a kill; `doctor` says whether all can be opened."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import nicegui_stash
from nicegui_stash.maintenance.copying import Copy, Fate
from nicegui_stash.maintenance.copying import Tally as Copied
from nicegui_stash.model.sealing import SEALED, Sealing
from nicegui_stash.session.keys import object_key
from nicegui_stash.stores import MemoryStore
from nicegui_stash.stores.base import Replace, StoredObject
from nicegui_stash.stores.file.files import FileStore
from tests.sealed import seal

from .conftest import SECRET, Run, _runner, document, keep, key_of, rows, slice_of

DYING = """
import os, signal, sys
from nicegui_stash.cli import main
from nicegui_stash.stores.file.files import FileStore

real, puts = FileStore.put, 0

async def put(self, key, body, *, mode):
    global puts
    puts += 1
    if puts > 20:
        os.kill(os.getpid(), signal.SIGKILL)
    return await real(self, key, body, mode=mode)

FileStore.put = put
sys.exit(main(['rekey', 'state']))
"""


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('NICEGUI_STASH_SECRETS', f'new,{SECRET}')


@pytest.fixture
def rekey(folder: Path, capsys: pytest.CaptureFixture[str], secrets: None) -> Run:
    return _runner('rekey', capsys)


@pytest.fixture
def show(folder: Path, capsys: pytest.CaptureFixture[str], secrets: None) -> Run:
    return _runner('show', capsys)


def body(number: int = 0) -> bytes:
    return document({'Cart': {'1': {'': slice_of(note=f'typed {number}')}}})


def files(folder: Path) -> dict[str, bytes]:
    state = folder / 'state'
    return {path.relative_to(state).as_posix(): path.read_bytes() for path in state.rglob('*.json') if path.is_file()}


def fill(folder: Path, count: int = 60) -> None:
    old = Sealing([SECRET], encrypts=True)
    for number in range(count):
        key = key_of(f'{number}')
        keep(folder, f'{number}', body(number) if number % 2 else seal(old, key, body(number)))


def opened(folder: Path, sealing: Sealing) -> list[bytes]:
    return [sealing.open(key, found) for key, found in files(folder).items() if found.startswith(SEALED)]


@pytest.mark.proves('sealed')
def test_a_rekey_that_was_killed_half_way_is_run_again_and_nothing_is_lost(
    folder: Path, rekey: Run, secrets: None
) -> None:
    fill(folder)
    env = {**os.environ, 'PYTHONPATH': str(Path(nicegui_stash.__file__).parents[1])}  # the one that is tested
    died = subprocess.run([sys.executable, '-c', DYING], cwd=folder, check=False, env=env)
    assert died.returncode == -signal.SIGKILL
    new = Sealing(['new', SECRET])
    done = sum(map(new.is_current, files(folder).values()))
    assert 0 < done <= 20
    code, table, said = rekey('state')
    assert (code, said) == (0, '')
    assert rows(table) == {
        'now sealed with the first secret': 60 - done,
        'as they shall be already': done,
    }
    assert len(opened(folder, Sealing(['new']))) == 60
    assert {f'typed {number}'.encode() in each for number in range(60) for each in opened(folder, new)} == {True, False}
    assert all(sum(f'"typed {number}"'.encode() in each for each in opened(folder, new)) == 1 for number in range(60))
    assert rekey('state')[1].count('as they shall be already') == 1


def test_a_dry_run_writes_nothing_and_unsealing_puts_all_in_clear(folder: Path, rekey: Run) -> None:
    fill(folder, 4)
    before = files(folder)
    code, table, _ = rekey('state', '--dry-run')
    assert (code, rows(table)) == (0, {'would be sealed with the first secret': 4})
    assert files(folder) == before
    code, table, _ = rekey('state', '--unseal')
    assert (code, rows(table)) == (0, {'now in clear': 2, 'as they shall be already': 2})
    assert not any(each.startswith(SEALED) for each in files(folder).values())


def test_without_a_secret_nothing_is_done(folder: Path, rekey: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(folder, 1)
    monkeypatch.delenv('NICEGUI_STASH_SECRETS')
    code, table, said = rekey('state')
    assert (code, table) == (2, '')
    assert 'Set NICEGUI_STASH_SECRETS' in said


def test_what_cannot_be_opened_is_named_and_left(folder: Path, rekey: Run) -> None:
    fill(folder, 3)
    sealed = seal(Sealing(['retired'], encrypts=True), key_of('x'), body())
    key = keep(folder, 'x', sealed)
    quarantined = folder / 'state' / 'quarantine' / key / '0f3a0f3a0f3a0f3a'
    quarantined.parent.mkdir(parents=True)
    quarantined.write_bytes(b'{')
    code, table, _ = rekey('state')
    assert code == 1
    assert rows(table)['CANNOT BE OPENED, left alone'] == 1
    assert key in table
    assert '1 of them: it is sealed with a secret that is not in secrets=' in table
    assert 'quarantined copies, left as they are: 1' in table
    assert files(folder)[key] == sealed


@pytest.mark.proves('sealed')
def test_doctor_says_whether_all_can_be_opened(folder: Path, doctor: Run, rekey: Run) -> None:
    fill(folder, 6)
    code, table, _ = doctor('state')
    assert code == 0
    assert 'sealed sessions' not in table
    code, table, _ = doctor('state', '--sealed')
    assert (code, '3 with an older one, 3 in clear' in table) == (0, True)
    assert rekey('state')[0] == 0
    code, table, _ = doctor('state', '--sealed')
    assert (code, '6 sealed with the first secret' in table) == (0, True)


def test_doctor_advises_to_rekey_where_the_app_seals(
    folder: Path, doctor: Run, secrets: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(folder, 2)
    monkeypatch.setenv('NICEGUI_STASH_ENCRYPT', '1')
    code, table, _ = doctor('state')
    assert code == 0
    assert 'advice:  python -m nicegui_stash rekey seals all with the first secret' in table


@pytest.mark.proves('sealed')
def test_doctor_fails_where_some_cannot_be_opened_and_says_how_many_and_why(
    folder: Path, doctor: Run, secrets: None
) -> None:
    fill(folder, 2)
    swapped = seal(Sealing([SECRET], encrypts=True), key_of('another'), body())
    keys = [keep(folder, f'swapped {number}', swapped) for number in range(2)]
    keys.append(keep(folder, 'retired', seal(Sealing(['retired'], encrypts=True), key_of('retired'), body())))
    code, table, _ = doctor('state', '--sealed')
    assert code == 1
    assert '1 with an older one, 1 in clear, 3 CANNOT BE OPENED' in table
    assert '2 cannot be opened: it is damaged, or was sealed for another object (restore it from a backup' in table
    assert '1 cannot be opened: it is sealed with a secret that is not in secrets= (add that secret behind' in table
    assert all(key in table for key in keys)


def test_show_reads_what_is_sealed_with_the_secrets_of_the_app(
    folder: Path, show: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(folder, 2)
    assert show('state')[0] == 0
    assert '"typed 0"' in show('state', key_of('0'), '--values')[1]
    monkeypatch.delenv('NICEGUI_STASH_SECRETS')
    code, table, _ = show('state')
    assert code == 1
    assert "set NICEGUI_STASH_SECRETS to the app's secrets" in table


# ---- copies


@pytest.mark.proves('sealed', 'copy')
async def test_sealed_sessions_are_copied_byte_for_byte_without_a_key(tmp_path: Path) -> None:
    source, target = FileStore(str(tmp_path / 'from')), MemoryStore('sealed-copies')
    sealing = Sealing([SECRET], encrypts=True)
    key = object_key(SECRET, 'an id')

    async def copied() -> dict[Fate, int]:
        tally = Copied()
        await Copy(source, target, 1).run(tally, _Unwatched())
        return dict(tally.fates)

    first = seal(sealing, key, document({}, applied={'a': 1}))
    etag = await source.put(key, first, mode='create')
    assert await copied() == {'copied': 1}
    assert await copied() == {'same': 1}
    await source.put(key, seal(sealing, key, document({}, applied={'a': 2})), mode=Replace(etag))
    assert await copied() == {'replaced': 1}
    there = await target.get(key)
    assert isinstance(there, StoredObject)
    newer = seal(sealing, key, document({}, days=-1, applied={'a': 2, 'b': 1}))
    await target.put(key, newer, mode=Replace(there.etag))
    assert await copied() == {'newer': 1}
    await target.delete(key)
    await source.aclose()


class _Unwatched:
    def show(self, done: int, total: int) -> None: ...
