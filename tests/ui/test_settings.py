from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from nicegui import ui

from nicegui_stash import ConfigurationError, Stash, stored

from .scene import Browser, serving


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (
            {'url': 'nothing://here'},
            r"url: 'nothing://here' has an unknown protocol\. Use sqlite:///stash\.db, a folder",
        ),
        ({'url': 's3:bucket'}, r'url: .* looks like a URL without "//"'),
        ({'url': 'file://relative'}, r"url: 'file://relative' names no absolute folder"),
        ({'url': '  '}, r'url: it is empty'),
        ({'url': 'redis://localhost/database'}, r'url: .* names no database'),
        (
            {'url': 'memory://', 'storage_options': {'key': 'x'}},
            r'storage_options: memory:// takes none\. Leave them out',
        ),
        ({'url': 'ftp://host/path'}, r'allow_lost_updates: .*no conditional put'),
        ({'on_invalid': 'ignore'}, r"on_invalid: 'ignore' is unknown\. Use 'raise' or 'log'"),
        ({'ttl': timedelta(0)}, r'ttl: it must be greater than 0'),
        ({'ttl': 30}, r'ttl: it is of type int\. Write ttl=timedelta\(days=…\)$'),
        ({'tab_ttl': timedelta(seconds=-1)}, r'tab_ttl: it must be greater than 0'),
        ({'recover_timeout': 0}, r'recover_timeout: it must be greater than 0'),
        ({'recover_timeout': 'soon'}, r'recover_timeout: it is of type str\. Pass a number of seconds$'),
        ({'revalidate_timeout': -1}, r'revalidate_timeout: it must be greater than 0'),
        ({'drain_timeout': 0}, r'drain_timeout: it must be greater than 0'),
        ({'drain_timeout': float('nan')}, r'drain_timeout: '),
        ({'flush_interval': -2}, r'flush_interval: '),
        ({'flush_interval': -1}, r'flush_interval: '),
        ({'max_value_bytes': 0}, r'max_value_bytes: it must be greater than 0'),
        ({'max_document_bytes': -5}, r'max_document_bytes: it must be greater than 0'),
        ({'prefix': '../other'}, r'prefix: '),
        ({'prefix': 'a b'}, r'prefix: '),
        ({'secrets': ''}, r'secrets: a secret is empty'),
        ({'secrets': b'secret'}, r'secrets: a secret must be a text\. Write bytes as text, such as secret\.hex\(\)$'),
        ({'secrets': ['new', 5]}, r'secrets: a secret must be a text'),
        ({'secrets': 5}, r'secrets: it is of type int\. Pass a text, or a list of texts$'),
        ({'url': 5}, r'url: it is of type int\. Pass a text$'),
        ({'url': 'a\0b'}, r"url: 'a\\x00b' has a character that no address has\. Use sqlite:///stash\.db, a folder"),
        ({'url': 'a\ud800b'}, r"url: 'a\\ud800b' has a character that no address has"),
        ({'url': Path('a\0b')}, r"url: 'a\\x00b' has a character that no address has"),
        ({'prefix': 5}, r'prefix: it is of type int'),
        ({'storage_options': 'key=x'}, r'storage_options: it is of type str\. Pass a dict$'),
        ({'identity': 'who'}, r'identity: it is of type str\. Pass a function$'),
        ({'allow_lost_updates': 'no'}, r'allow_lost_updates: it is of type str\. Pass True or False$'),
        ({'engine': 5}, r'engine: it is of type int'),
        ({'on_invalid': ['log']}, r'on_invalid: it is of type list'),
        ({'csp_nonce': b'abc'}, r'csp_nonce: it is of type bytes'),
        ({'flush_interval': ''}, r'flush_interval: it is of type str\. Pass a number of seconds$'),
        ({'secrets': ['new', '']}, r'secrets: a secret is empty'),
    ],
    ids=lambda value: ' '.join(value) if isinstance(value, dict) else None,
)
def test_a_setting_that_cannot_work_is_refused_when_the_stash_is_made(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=f'^{said}'):
        Stash(**options)


@pytest.mark.parametrize(
    ('variable', 'text', 'said'),
    [
        ('TTL', 'a month', r'NICEGUI_STASH_TTL: it is not a time; .* pass ttl= to Stash'),
        ('DRAIN_TIMEOUT', '-3', r'drain_timeout: it must be greater than 0'),
        ('MAX_VALUE_BYTES', '1 MB', r'NICEGUI_STASH_MAX_VALUE_BYTES: .* pass max_value_bytes= to Stash'),
        ('ALLOW_LOST_UPDATES', 'maybe', r'NICEGUI_STASH_ALLOW_LOST_UPDATES: it is neither true nor false'),
        ('URL', 'nothing://here', r"url: 'nothing://here' has an unknown protocol"),
        ('IDENTITY', 'who', r'NICEGUI_STASH_IDENTITY: it is not of the form module:function'),
        ('ON_INVALID', 'ignore', r"on_invalid: 'ignore' is unknown\. Use 'raise' or 'log'"),
        ('CSP_NONCE', '"', r'csp_nonce: it must be base64 text'),
        ('SECRETS', ' , ', r'NICEGUI_STASH_SECRETS: it holds no secret\. Correct or unset the variable'),
        ('SECRETS', '', r'NICEGUI_STASH_SECRETS: it holds no secret\. Correct or unset the variable'),
    ],
)
def test_a_variable_that_cannot_work_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str, said: str
) -> None:
    monkeypatch.setenv(f'NICEGUI_STASH_{variable}', text)
    with pytest.raises(ConfigurationError, match=f'^{said}'):
        Stash()


def test_an_argument_wins_over_its_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv('NICEGUI_STASH_URL', 'nothing://here')
    monkeypatch.setenv('NICEGUI_STASH_TTL', '12h')
    settings = Stash(str(tmp_path), ttl=timedelta(days=2))._app_state._settings
    assert (settings.url, settings.ttl) == (str(tmp_path), 2 * 86400)


def test_an_error_about_a_url_shows_no_credentials() -> None:
    with pytest.raises(ConfigurationError) as error:
        Stash('redis://someone:hunter2@localhost/database')
    assert 'hunter2' not in str(error.value)


async def test_without_a_storage_secret_the_start_fails_with_the_line_to_write(url: str) -> None:
    with pytest.raises(SystemExit, match=r"^nicegui_stash: storage_secret: .*ui\.run\(storage_secret='…'\)"):
        async with serving(lambda: Stash(url), secret=None):
            pass


async def test_secrets_alone_do_not_stand_for_the_storage_secret_that_browsers_need(url: str) -> None:
    with pytest.raises(SystemExit, match=r'^nicegui_stash: storage_secret: without it browsers have no session'):
        async with serving(lambda: Stash(url, secrets=['mine']), secret=None):
            pass


async def test_a_folder_below_a_file_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('')
    with pytest.raises(SystemExit, match=r'^nicegui_stash: .*file'):
        async with serving(lambda: Stash(str(tmp_path / 'file' / 'stash'))):
            pass


# ---- what NiceGUI allows a page


@pytest.mark.parametrize(
    ('options', 'of_page', 'said'),
    [
        ({'recover_timeout': 3}, {}, r'recover_timeout: 3 s are not below the response_timeout of the page /, 3 s'),
        (
            {'recover_timeout': 5.5},
            {'response_timeout': 5},
            r'recover_timeout: 5\.5 s are not below the response_timeout of the page /, 5 s',
        ),
        ({'revalidate_timeout': 4}, {}, r'revalidate_timeout: 4 s are not below .*longer response_timeout='),
        ({}, {'response_timeout': 1.0}, r'recover_timeout: 1 s are not below .*, 1 s'),
    ],
)
async def test_a_page_that_a_slow_store_would_fail_is_refused_when_it_is_declared(
    url: str, options: dict[str, Any], of_page: dict[str, Any], said: str
) -> None:
    async with serving(lambda: Stash(url, **options)) as stash:
        with pytest.raises(ConfigurationError, match=f'^{said}'):

            @stash.page('/', **of_page)
            class Page:
                def build(self) -> None: ...


async def test_a_page_may_wait_longer_if_nicegui_does(url: str) -> None:
    async with serving(lambda: Stash(url, recover_timeout=5)) as stash:

        @stash.page('/', response_timeout=10)
        class Page:
            def build(self) -> None: ...

        assert (await Browser().get()).status_code == 200


async def test_a_page_function_with_too_short_a_timeout_is_logged_once(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(lambda: Stash(url, recover_timeout=5)) as stash:

        @stash.state
        class Wishes:
            size: int = stored(1)

        @ui.page('/short')
        async def short() -> None:
            await stash.recover(Wishes)

        @ui.page('/long', response_timeout=10)
        async def long() -> None:
            await stash.recover(Wishes)

        for path in ('/short', '/long', '/short'):
            assert (await Browser().get(path)).status_code == 200
    said = [record.getMessage() for record in caplog.records if 'response_timeout' in record.getMessage()]
    assert said == [
        'recover_timeout: 5 s are not below the response_timeout of the page /short, 3 s. '  # noqa: ISC004 one message
        'Lower it, or pass a longer response_timeout= to the page'
    ]
