"""What the how-to guides promise of flushing, erasing and code without a page, seen by a simulated browser."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from nicegui import Client, ui
from nicegui.testing import User

from nicegui_stash import Indicator, Unavailable
from nicegui_stash.stores import FileStore, Mode
from nicegui_stash.testing import rejoin

from .conftest import Running
from .examples import ROOT, named
from .looking import program, value

# ---- flush, forget, reset


async def unavailable(store: FileStore, key: str, body: bytes, *, mode: Mode) -> None:
    raise Unavailable('put', key, 'the test has taken it away')


async def test_consent_says_when_it_is_durable(running: Running) -> None:
    async with running(program('flush', 'flush')) as user:
        await user.open('/consent')
        user.find('I agree').click()
        await user.should_see('Saved')


async def test_consent_says_why_it_is_not_durable_yet(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(program('flush', 'flush')) as user:
        await user.open('/consent')
        with monkeypatch.context() as away:
            away.setattr(FileStore, 'put', unavailable)
            user.find('I agree').click()
            await user.should_see('Not saved yet: the test has taken it away')
        user.find('I agree').click()
        await user.should_see('Saved')


async def test_the_status_shows_what_is_pending_and_why(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(program('flush', 'status')) as user:
        await user.open('/notes')
        await user.should_see('saved')
        with monkeypatch.context() as away:
            away.setattr(FileStore, 'put', unavailable)
            user.find(ui.textarea).elements.pop().set_value('a note')
            await user.should_see('offline')
            await user.should_see('1 to write')
            await user.should_see('the test has taken it away')
        await user.should_see('saved')
        await user.should_see('0 to write')


async def test_signing_out_forgets(running: Running) -> None:
    async with running(program('sign-out', 'sign-out')) as user:
        await user.open('/account')
        user.find(ui.textarea).elements.pop().set_value('private')
        user.find('Sign out').click()
        await user.should_see('Goodbye')
        await user.open('/account')
        assert await value(user, ui.textarea) == ''


async def test_reset_gives_one_class_its_defaults_back(running: Running) -> None:
    async with running(program('reset-and-forget', 'reset')) as user:
        await user.open('/filter')
        user.find(ui.input).type('red')
        user.find('Only open').click()
        user.find('Reset').click()
        await asyncio.sleep(0)
        assert await value(user, ui.input) == ''
        assert await value(user, ui.switch) is True


async def test_a_person_has_the_same_notes_in_two_browsers_and_a_page_that_is_left_has_none(running: Running) -> None:
    async with running(program('people-and-rooms', 'person')) as user:
        phone = User(httpx.AsyncClient(transport=user.http_client._transport, base_url='http://test'))
        await user.open('/notes')
        user.find(ui.textarea).elements.pop().set_value('milk')
        for browser in (user, phone):
            await browser.open('/login')
            browser.find(ui.input).elements.pop().set_value('ann')
            browser.find('Log in').click()
            await browser.should_see('Notes')
            await browser.open('/notes')
            assert await value(browser, ui.textarea) == 'milk', 'entered before signing in'
        phone.find('Sign out').click()
        await phone.should_see('Log in')
        await phone.open('/notes')
        assert await value(phone, ui.textarea) == ''


async def test_a_guard_redirects_within_the_request(running: Running) -> None:
    async with running(program('fastapi', 'guarded')) as user:
        await user.open('/report')
        await user.should_see('The terms')


async def test_at_sign_in_a_new_identity_takes_what_is_stored_along_and_at_sign_out_nothing(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: asyncio.Queue[str] = asyncio.Queue()  # a simulated browser does not follow what the server asks it to open
    monkeypatch.setattr(Client, 'open', lambda client, target, new_tab=False: sent.put_nowait(target))
    async with running(program('sign-out', 'new-identity')) as user:
        await user.open('/secure')
        before = user.http_client.cookies['session']
        user.find('Step').click()
        user.find('Sign in').click()
        await user.open(await sent.get())
        await user.should_see('1 steps')
        assert user.http_client.cookies['session'] != before
        user.find('Sign out').click()
        await user.open(await sent.get())
        await user.should_see('0 steps')
        user.http_client.cookies = httpx.Cookies({'session': before})
        await user.open('/secure')
        await user.should_see('0 steps')


async def test_a_value_that_means_nothing_any_more_falls_back(running: Running) -> None:
    code = program('values-that-do-not-fit', 'validated')
    async with running(code) as user:
        await user.open('/size')
        user.find(ui.select).elements.pop().set_value('large')
        await user.open('/size')
        assert await value(user, ui.select) == 'large'
        cookies = user.http_client.cookies
    async with running(code.replace("'large'", "'huge'")) as user:
        user.http_client.cookies = cookies
        await user.open('/size')
        assert await value(user, ui.select) == 'small'


async def test_what_changed_inside_a_dataclass_is_saved(running: Running) -> None:
    async with running(program('values-that-do-not-fit', 'opaque')) as user:
        await user.open('/drawing')
        user.find('Add one later').click()
        await user.should_see('1 points')
        await user.open('/drawing')
        await user.should_see('1 points')


# ---- several servers, code without a page


async def test_a_vote_is_durable_and_counted(running: Running) -> None:
    async with running(program('several-servers', 'update')) as user:
        await user.open('/votes')
        user.find('Vote').click()
        await user.should_see('1 votes')
        user.find('Vote').click()
        await user.should_see('2 votes')


async def test_a_route_reads_and_writes_what_the_page_shows(running: Running) -> None:
    async with running(program('without-a-page', 'route')) as user:
        await user.open('/basket')
        assert (await user.http_client.post('/api/basket/apple')).json() == {'items': 1}
        await user.should_see('1 in the basket')
        assert (await user.http_client.get('/api/basket')).json() == {'items': ['apple']}


async def test_a_job_that_knows_the_session_shows_its_progress(running: Running) -> None:
    async with running(program('without-a-page', 'job')) as user:
        await user.open('/export')
        user.find('Start').click()
        await user.should_see('100 %')


async def test_a_job_goes_on_without_its_page(running: Running) -> None:
    async with running(named('howto/jobs.md', 'report').code.replace('sleep(0.5)', 'sleep(0.1)')) as user:
        await user.open('/')
        user.find('Write').click()
        await user.should_see('1 of 20 chapters')
        await rejoin(user)
        await user.should_see('Stop')
        await user.should_see('20 of 20 chapters')


def test_a_script_without_pages_uses_each_verb(tmp_path: Path) -> None:
    (tmp_path / 'script.py').write_text(named('howto/without-a-page.md', 'script').code, encoding='utf-8')
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(('PYTEST', 'NICEGUI'))}
    environment = {**inherited, 'PYTHONPATH': str(ROOT), 'NICEGUI_STASH_URL': str(tmp_path / 'stash')}

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, 'script.py', *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env={**environment, **variables}, capture_output=True, text=True, check=False
        )

    secret = {'NICEGUI_STASH_SECRETS': 'that of the app'}
    first = run('somebody', **secret).stdout.splitlines()
    assert first[0] == 'found []'
    assert "'data': {'items': ['apple', 'pear'], 'voucher': ''}" in first[1]
    assert run('somebody', 'and forget', **secret).stdout.startswith("found ['apple', 'pear']")
    assert run('somebody', **secret).stdout.startswith('found []')
    assert "Pass the app's: Stash(secrets=['…']), or set NICEGUI_STASH_SECRETS" in run('somebody').stderr


# ---- say whether it is saved


async def test_the_indicator_says_what_is_saved_and_why_not(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(program('say-what-is-saved', 'indicator')) as user:
        await user.open('/letter')
        with monkeypatch.context() as away:
            away.setattr(FileStore, 'put', unavailable)
            user.find(ui.textarea).elements.pop().set_value('Dear')
            await user.should_see('Offline')
        await user.should_see('Saved')
        user.find(ui.number).elements.pop().set_value(None)
        await user.should_see('Not saved')


async def test_the_indicator_of_a_layout_speaks_for_its_views(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(program('say-what-is-saved', 'layout')) as user:
        await user.open('/book')
        user.find('Wishes').click()
        await user.should_see('Wishes', kind=ui.textarea)
        monkeypatch.setattr(FileStore, 'put', unavailable)
        user.find(ui.textarea).elements.pop().set_value('A boat')
        await user.should_see('Offline')
        monkeypatch.undo()
        await user.should_see('Saved')


async def test_the_indicator_speaks_german(running: Running) -> None:
    async with running(program('say-what-is-saved', 'german')) as user:
        await user.open('/brief')
        await user.should_see('Gespeichert')
        user.find(ui.number).elements.pop().set_value(None)
        await user.should_see('Nicht gespeichert')
        (indicator,) = user.find(Indicator).elements
        assert indicator.props['why'] == ['Exemplare: Bitte eine ganze Zahl eingeben.']


async def test_a_function_makes_the_sentence(running: Running) -> None:
    async with running(program('say-what-is-saved', 'reason')) as user:
        await user.open('/order-form')
        user.find(ui.number).elements.pop().set_value(None)
        await user.should_see('Not saved')
        (indicator,) = user.find(Indicator).elements
        assert indicator.props['why'] == ['Please correct "Amount".']
