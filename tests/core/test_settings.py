"""Options come from the arguments, else from the environment, else from the defaults."""

from __future__ import annotations

import json
import math
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from nicegui_stash.errors import ConfigurationError
from nicegui_stash.settings import OPTIONS, Settings, StashOptions, resolve, signature
from nicegui_stash.stores.keys import is_key


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for option in OPTIONS.values():
        monkeypatch.delenv(option.variable, raising=False)


def settings(**options: Any) -> Settings:
    return resolve(**options)


def test_the_defaults_are_what_the_documentation_says() -> None:
    assert settings() == Settings(
        url='',
        storage_options={},
        engine=None,
        prefix='',
        secrets=(),
        encrypt=False,
        ttl=30 * 86400.0,
        tab_ttl=86400.0,
        browser_ttl=30 * 86400.0,
        recover_timeout=1.0,
        revalidate_timeout=0.1,
        drain_timeout=5.0,
        flush_interval=None,
        live_interval=0.0,
        max_value_bytes=256 * 1024,
        max_document_bytes=1024 * 1024,
        max_new_sessions=600,
        allow_lost_updates=False,
        sweep_interval=None,
        identity=None,
        user=None,
        adopt='fill',
        on_invalid='raise',
        csp_nonce='',
        journal='',
        rejoin='reload',
        dev=False,
    )


@pytest.mark.parametrize(
    ('option', 'text', 'value', 'argument', 'of_argument'),
    [
        ('url', 's3://bucket/path', 's3://bucket/path', 'memory://', 'memory://'),
        ('storage_options', '{"key": "a", "client": {"timeout": 5}}', {'key': 'a', 'client': {'timeout': 5}}, {}, {}),
        ('engine', 'obstore', 'obstore', 'fsspec', 'fsspec'),
        ('prefix', '/apps/shop/', 'apps/shop', 'other', 'other'),
        ('secrets', 'new,old', ('new', 'old'), ['mine', 'older'], ('mine', 'older')),
        ('secrets', 'new', ('new',), 'mine', ('mine',)),
        ('secrets', ' new , old ', ('new', 'old'), (' mine ',), (' mine ',)),
        ('ttl', '7d', 7 * 86400.0, timedelta(hours=2), 7200.0),
        ('tab_ttl', '90 min', 5400.0, timedelta(seconds=5), 5.0),
        ('browser_ttl', '90d', 90 * 86400.0, timedelta(days=5), 5 * 86400.0),
        ('recover_timeout', '2.5', 2.5, 3, 3),
        ('revalidate_timeout', '0.2s', 0.2, 0.5, 0.5),
        ('drain_timeout', '1h', 3600.0, 9.5, 9.5),
        ('flush_interval', '1', 1.0, 0.5, 0.5),
        ('flush_interval', '0', 0.0, 0, 0),
        ('live_interval', '2s', 2.0, 0, 0),
        ('max_value_bytes', '1000', 1000, 2000, 2000),
        ('max_document_bytes', ' 5000 ', 5000, 6000, 6000),
        ('max_new_sessions', '60', 60, 0, 0),
        ('allow_lost_updates', 'true', True, False, False),
        ('allow_lost_updates', 'Off', False, True, True),
        ('sweep_interval', '1d', 86400.0, timedelta(hours=1), 3600.0),
        ('sweep_interval', '0', 0.0, timedelta(0), 0.0),
        ('identity', 'json:dumps', json.dumps, len, len),
        ('identity', '', None, len, len),
        ('on_invalid', 'log', 'log', 'raise', 'raise'),
        ('journal', '/var/lib/app', '/var/lib/app', Path('journal'), str(Path('journal').absolute())),
        ('csp_nonce', ' r4nd0m== ', 'r4nd0m==', 'bm9uY2U', 'bm9uY2U'),
        ('rejoin', 'in_place', 'in_place', 'reload', 'reload'),
    ],
)
def test_each_option_is_read_from_the_environment_unless_it_is_given(
    monkeypatch: pytest.MonkeyPatch, option: str, text: str, value: object, argument: object, of_argument: object
) -> None:
    monkeypatch.setenv(f'NICEGUI_STASH_{option.upper()}', text)
    assert getattr(settings(), option) == value
    assert getattr(settings(**{option: argument}), option) == of_argument


@pytest.mark.parametrize(
    ('text', 'seconds'),
    [('30', 30), ('30s', 30), ('2min', 120), ('2h', 7200), ('30d', 2_592_000), ('1.5 h', 5400), ('1e2', 100)],
)
def test_a_time_has_a_unit_or_is_in_seconds(monkeypatch: pytest.MonkeyPatch, text: str, seconds: float) -> None:
    monkeypatch.setenv('NICEGUI_STASH_TTL', text)
    assert settings().ttl == seconds


@pytest.mark.parametrize('truth', ['1', 'true', 'TRUE', 'yes', 'on'])
def test_truth_is_written_in_several_ways(monkeypatch: pytest.MonkeyPatch, truth: str) -> None:
    monkeypatch.setenv('NICEGUI_STASH_ALLOW_LOST_UPDATES', truth)
    assert settings().allow_lost_updates is True


@pytest.mark.parametrize('lie', ['0', 'false', 'No', 'off', ''])
def test_so_is_the_contrary(monkeypatch: pytest.MonkeyPatch, lie: str) -> None:
    monkeypatch.setenv('NICEGUI_STASH_ALLOW_LOST_UPDATES', lie)
    assert settings().allow_lost_updates is False


@pytest.mark.parametrize(
    ('variable', 'text', 'reason'),
    [
        ('TTL', '5m', 'it is not a time; write seconds, or a number with s, min, h or d'),
        ('TTL', 'for ever', 'it is not a time; write seconds, or a number with s, min, h or d'),
        ('DRAIN_TIMEOUT', '', 'it is not a time; write seconds, or a number with s, min, h or d'),
        ('FLUSH_INTERVAL', '500ms', 'it is not a time; write seconds, or a number with s, min, h or d'),
        ('MAX_VALUE_BYTES', '1 MB', 'it is not a whole number; write how many bytes'),
        ('MAX_NEW_SESSIONS', 'many', 'it is not a whole number'),
        ('STORAGE_OPTIONS', '[1]', 'it is not a JSON object'),
        ('STORAGE_OPTIONS', '{', 'Expecting property name enclosed in double quotes: line 1 column 2 (char 1)'),
        ('ALLOW_LOST_UPDATES', 'perhaps', 'it is neither true nor false'),
        ('IDENTITY', 'who', 'it is not of the form module:function'),
        ('IDENTITY', 'who:', 'it is not of the form module:function'),
        ('IDENTITY', 'no.such:who', "no.such:who cannot be imported: No module named 'no'"),
        ('IDENTITY', 'json:who', "json:who cannot be imported: module 'json' has no attribute 'who'"),
        ('IDENTITY', 'json:__name__', 'json:__name__ is not a function'),
    ],
)
def test_a_variable_that_cannot_be_read_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str, reason: str
) -> None:
    monkeypatch.setenv(f'NICEGUI_STASH_{variable}', text)
    with pytest.raises(ConfigurationError) as caught:
        settings()
    assert (caught.value.setting, caught.value.reason) == (f'NICEGUI_STASH_{variable}', reason)
    assert caught.value.remedy == f'Correct or unset the variable, or pass {variable.lower()}= to Stash'


TIMES = (
    'ttl',
    'tab_ttl',
    'browser_ttl',
    'recover_timeout',
    'revalidate_timeout',
    'drain_timeout',
    'flush_interval',
    'live_interval',
)


SPANS = ('ttl', 'tab_ttl', 'browser_ttl', 'sweep_interval')  # given as a timedelta


@pytest.mark.parametrize('option', [*TIMES, 'sweep_interval', 'max_value_bytes', 'max_document_bytes'])
def test_a_limit_below_or_beyond_what_can_work_is_refused(monkeypatch: pytest.MonkeyPatch, option: str) -> None:
    for bad in (-1, -0.5, math.nan, math.inf, *([] if option.endswith('_interval') else [0])):
        given = timedelta(seconds=bad) if option in SPANS and math.isfinite(bad) else bad
        if isinstance(given, float) and option in SPANS:
            monkeypatch.setenv(f'NICEGUI_STASH_{option.upper()}', str(given))
            given = None
        with pytest.raises(ConfigurationError) as caught:
            settings(**{option: given})
        assert caught.value.setting == option


def test_a_number_of_new_sessions_is_not_negative() -> None:
    with pytest.raises(ConfigurationError, match='max_new_sessions: it must not be negative'):
        settings(max_new_sessions=-1)


@pytest.mark.parametrize('prefix', ['my app', '../up', 'a//b', '.', 'ä', 'a/../b', 'a\\b'])
def test_a_prefix_that_no_store_could_have_as_a_folder_is_refused(prefix: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings(prefix=prefix)
    assert caught.value.setting == 'prefix'


@pytest.mark.parametrize('nonce', ['two words', '"><script>', 'a' + '=' * 3, '='])
def test_a_nonce_that_no_policy_could_name_is_refused(nonce: str) -> None:
    with pytest.raises(ConfigurationError, match=r'^csp_nonce: it must be base64 text'):
        settings(csp_nonce=nonce)


def test_what_concerns_the_pages_of_one_stash_does_not_keep_it_from_sharing_a_place() -> None:
    assert settings() == settings(identity=len, on_invalid='log', csp_nonce='r4nd0m', rejoin='in_place')


@pytest.mark.parametrize(
    ('secrets', 'why'),
    [([], 'the list is empty'), ('x', 'one character'), (list('abc'), 'one c'), (' x ', 'one c'), (['   '], 'one c')],
)
def test_secrets_that_protect_nothing_are_refused(secrets: str | list[str], why: str) -> None:
    with pytest.raises(ConfigurationError, match=f'^secrets: .*{why}'):
        settings(secrets=secrets)


@pytest.mark.parametrize('secrets', ['', [''], ['new', '']])
def test_an_empty_secret_is_refused(secrets: str | list[str]) -> None:
    with pytest.raises(ConfigurationError, match=r'^secrets: a secret is empty'):
        settings(secrets=secrets)


@pytest.mark.parametrize(('option', 'value'), [('ttl', 30), ('tab_ttl', '1h'), ('recover_timeout', 'soon')])
def test_an_argument_of_another_type_is_refused(option: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=f'^{option}: '):
        settings(**{option: value})


@examples(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.from_regex(r'[a-z.][a-z./-]{0,6}', fullmatch=True))
def test_a_prefix_that_is_admitted_makes_keys_that_stores_admit(prefix: str) -> None:
    try:
        admitted = settings(prefix=prefix).prefix
    except ConfigurationError:
        return
    assert is_key(f'{admitted}/x' if admitted else 'x')


def test_a_policy_takes_the_interval_of_the_store_unless_another_is_set() -> None:
    assert settings().policy(1.0).flush_interval == 1.0
    assert settings(flush_interval=0).policy(1.0).flush_interval == 0
    sizes = {'max_value_bytes': 7, 'max_document_bytes': 8, 'max_new_sessions': 9, 'live_interval': 2}
    policy = settings(ttl=timedelta(1), tab_ttl=timedelta(0, 5), **sizes).policy(0.1)
    assert (policy.ttl, policy.tab_ttl) == (86400.0, 5.0)
    assert {name: getattr(policy, name) for name in sizes} == sizes


def test_no_secret_is_shown_with_the_settings() -> None:
    shown = repr(settings(url='redis://me:s3cr3t@host', secrets=['s3cr3t'], storage_options={'key': 's3cr3t'}))
    assert 's3cr3t' not in shown


# ---- what follows from a declaration


def test_every_option_is_an_argument_and_a_setting() -> None:
    assert ['url', *StashOptions.__annotations__] == list(OPTIONS) == list(signature().parameters)


def test_an_option_that_is_not_given_may_be_none() -> None:
    assert resolve(None, **dict.fromkeys(StashOptions.__annotations__)) == resolve()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ('name', 'said'),
    [
        ('tll', r'tll: unknown option\. Did you mean ttl=…\? Valid options: adopt, .*, ttl, url, user$'),
        ('flush_intervall', r'flush_intervall: unknown option\. Did you mean flush_interval=…\? Valid options: '),
        ('xyz', r'xyz: unknown option\. Valid options: adopt, .*, ttl, url, user$'),
    ],
)
def test_an_unknown_option_is_refused_with_the_valid_ones(name: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=f'^{said}') as error:
        settings(**{name: 's3cr3t'})
    assert 's3cr3t' not in str(error.value)


def test_no_error_shows_a_secret_of_a_wrong_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('NICEGUI_STASH_STORAGE_OPTIONS', '{"key": s3cr3t}')
    for options in ({}, {'secrets': b's3cr3t'}, {'secrets': {'s3cr3t': 1}}, {'storage_options': 's3cr3t'}):
        with pytest.raises(ConfigurationError) as error:
            settings(**options)
        assert 's3cr3t' not in str(error.value)


def test_encryption_without_its_package_is_refused_with_the_line_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings(encrypt=True).encrypt is True
    monkeypatch.setattr('nicegui_stash.settings.find_spec', lambda _: None)
    assert settings(encrypt=False).encrypt is False
    with pytest.raises(ConfigurationError, match=r"encrypt: it needs .* pip install 'cryptography>=44'"):
        settings(encrypt=True)
    monkeypatch.setenv('NICEGUI_STASH_ENCRYPT', 'yes')
    with pytest.raises(ConfigurationError, match='encrypt: it needs the package cryptography'):
        settings()
