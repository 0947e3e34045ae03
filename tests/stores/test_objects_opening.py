"""From a URL of object storage to a store: what it names, which library is used, and what is missing."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nicegui_stash.errors import ConfigurationError
from nicegui_stash.stores import open_store
from nicegui_stash.stores.objects import engines
from nicegui_stash.stores.objects.obstore_options import azure_config
from nicegui_stash.stores.objects.places import Place, place_of
from tests.servers.s3 import S3Server

SECRET = 'hunter2'
ADLS = 'abfs://box@shop.dfs.core.windows.net/app'


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of the machine's own settings."""
    for name in (
        'AWS_PROFILE',
        'AWS_ACCESS_KEY_ID',
        'AZURE_STORAGE_CONNECTION_STRING',
        'GOOGLE_APPLICATION_CREDENTIALS',
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv('HOME', str(tmp_path))


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Pretend that only some packages are installed: `installed('s3fs')`."""

    def only(*packages: str) -> None:
        monkeypatch.setattr(engines, '_is_installed', lambda package: package in packages)

    return only


def engine_of(url: str, options: dict[str, Any] | None = None, engine: str | None = None) -> str:
    return repr(open_store(url, options, engine=engine)).partition('(')[0]


@pytest.mark.parametrize(
    ('url', 'place'),
    [
        ('s3://bucket', Place('bucket')),
        ('s3://bucket/', Place('bucket')),
        ('s3a://my.bucket-1/a/b/', Place('my.bucket-1', 'a/b/')),
        ('gs://bucket//a', Place('bucket', 'a/')),
        ('az://box/a b', Place('box', 'a b/')),
        (ADLS, Place('box', 'app/', 'shop')),
        ('abfss://box@shop.dfs.core.windows.net', Place('box', '', 'shop')),
    ],
)
def test_a_url_names_a_bucket_and_a_folder(url: str, place: Place) -> None:
    assert place_of(url) == place


@pytest.mark.parametrize(
    'url',
    [
        's3://',
        's3:///folder',
        f's3://key:{SECRET}@bucket/folder',
        f's3://bucket/folder?token={SECRET}',
        f's3://bucket/{SECRET}@x',
        's3://bucket/../other',
        'az://box@shop.dfs.core.example.com/app',
        's3://bucket/a//b',
    ],
)
def test_a_url_that_names_no_bucket_is_refused_without_showing_a_credential(url: str) -> None:
    with pytest.raises(ConfigurationError, match='credentials belong into storage_options') as caught:
        open_store(url)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ('url', 'package'),
    [('s3://b', 's3fs'), ('gs://b', 'gcsfs'), ('az://b', 'adlfs'), (ADLS, 'adlfs')],
)
def test_a_missing_package_is_said_with_the_line_that_installs_it(url: str, package: str, installed: Any) -> None:
    installed()
    with pytest.raises(ConfigurationError, match=f'needs the package {package}') as caught:
        open_store(url)
    assert f"pip install '{package}>=" in str(caught.value)
    with pytest.raises(ConfigurationError, match=r"pip install 'obstore>="):
        open_store(url, engine='obstore')


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'boto' is unknown"):
        open_store('s3://b', engine='boto')


@pytest.mark.parametrize(
    ('url', 'options', 'fsspec'),
    [
        ('s3://b', {'key': 'k', 'secret': 's'}, 'S3'),
        ('gs://b', {}, 'GCS'),
        ('az://b', {'account_name': 'a', 'account_key': 'k'}, 'Azure'),
    ],
)
def test_obstore_is_used_where_it_is_installed_and_not_forbidden(
    url: str, options: dict[str, Any], fsspec: str, installed: Any
) -> None:
    assert engine_of(url, options) == 'Obstore'
    assert engine_of(url, options, 'fsspec') == fsspec
    installed('s3fs', 'gcsfs', 'adlfs')
    assert engine_of(url, options) == fsspec
    installed('obstore')
    assert engine_of(url, options) == 'Obstore'


@pytest.mark.parametrize(
    ('url', 'options', 'named'),
    [
        ('s3://b', {'key': 'k', 'secret': 's', 'config_kwargs': {'proxies': {}}}, 'config_kwargs'),
        ('s3://b', {'key': 'k', 'secret': 's', 'client_kwargs': {'verify': '/ca'}}, 'client_kwargs.verify'),
        ('gs://b', {'token': 'cache'}, 'token'),
        ('az://b', {'credential': object()}, 'credential'),
    ],
)
def test_options_that_obstore_cannot_follow_are_left_to_fsspec_unless_it_was_asked_for(
    url: str, options: dict[str, Any], named: str
) -> None:
    assert engine_of(url, options) != 'Obstore'
    with pytest.raises(ConfigurationError, match=named):
        open_store(url, options, engine='obstore')


def test_a_profile_of_aws_is_left_to_fsspec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('AWS_PROFILE', 'work')
    assert engine_of('s3://b') == 'S3'
    with pytest.raises(ConfigurationError, match='AWS_PROFILE'):
        open_store('s3://b', engine='obstore')
    assert engine_of('s3://b', {'key': 'k', 'secret': 's'}) == 'Obstore'


def test_files_of_aws_are_left_to_fsspec_unless_obstore_was_asked_for(tmp_path: Path) -> None:
    assert engine_of('s3://b') == 'Obstore'
    (tmp_path / '.aws').mkdir()
    (tmp_path / '.aws/config').write_text('[default]\n')
    assert engine_of('s3://b') == 'S3'
    assert engine_of('s3://b', engine='obstore') == 'Obstore'


def test_federated_credentials_of_google_are_left_to_fsspec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / 'credentials.json'
    monkeypatch.setenv('GOOGLE_APPLICATION_CREDENTIALS', str(file))
    for kind, engine in [('service_account', 'Obstore'), ('external_account', 'GCS')]:
        file.write_text(json.dumps({'type': kind}))
        assert engine_of('gs://b') == engine


def test_a_connection_string_names_account_server_and_secret() -> None:
    text = 'DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=a2V5==;EndpointSuffix=core.chinacloudapi.cn'
    assert azure_config(Place('box'), {'connection_string': text}, asked=True) == {
        'account_name': 'shop',
        'account_key': 'a2V5==',
        'endpoint': 'https://shop.blob.core.chinacloudapi.cn',
        'allow_http': False,
        'container_name': 'box',
    }


def test_an_identity_that_azure_manages_is_left_to_fsspec() -> None:
    assert engine_of('az://b', {'account_name': 'shop'}) == 'Azure'
    assert engine_of(ADLS, engine='obstore') == 'Obstore'


async def test_the_environment_of_aws_is_enough(moto: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {
        'AWS_ACCESS_KEY_ID': moto.credentials[0],
        'AWS_SECRET_ACCESS_KEY': moto.credentials[1],
        'AWS_ENDPOINT_URL': moto.endpoint,
        'AWS_DEFAULT_REGION': 'us-east-1',
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    url = moto.url()
    for engine in ('fsspec', 'obstore'):
        store = open_store(url, engine=engine)
        await store.put(engine, b'body', mode='create')
        await store.aclose()
    store = open_store(url)
    assert {row.key async for row in store.list()} == {'fsspec', 'obstore'}
    await store.aclose()


async def test_the_connection_string_of_azure_may_come_from_the_environment(
    azurite: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('AZURE_STORAGE_CONNECTION_STRING', azurite.connection_string)
    url = azurite.url()
    for engine in ('fsspec', 'obstore'):
        store = open_store(url, engine=engine)
        await store.put(engine, b'body', mode='create')
        assert await store.get(engine) is not None
        await store.aclose()


def test_no_heavy_library_is_imported_before_a_store_is_used() -> None:
    program = (
        'import sys\n'
        'from nicegui_stash.stores import open_store\n'
        "[open_store(url) for url in ('s3://b', 'gs://b', 'az://b')]\n"
        "[open_store(url, engine='fsspec') for url in ('s3://b', 'gs://b', 'az://b')]\n"
        "heavy = {'s3fs', 'botocore', 'aiobotocore', 'gcsfs', 'google', 'adlfs', 'azure', 'obstore'}\n"
        'print(sorted(heavy & sys.modules.keys()))\n'
    )
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True, check=True)
    assert done.stdout == '[]\n'


LIFE = """
import asyncio, json, sys
from nicegui_stash.stores import open_store
from nicegui_stash.stores.objects import probed
from nicegui_stash.stores.objects.remote import RemoteStore

probed.TIME_AT_START = RemoteStore.__init__.__kwdefaults__['deadline'] = 300

async def live(url, options, engine):
    store = open_store(url, options, engine=engine)
    store.check()
    etag = await store.put('ab/x', b'body', mode='create')
    assert (await store.get('ab/x')).etag == etag
    await store.aclose()

asyncio.run(live(*json.loads(sys.argv[1])))
"""


@pytest.mark.parametrize('engine', ['fsspec', 'obstore'])
@pytest.mark.parametrize('name', ['moto', 'azurite', 'gcs'])
def test_a_process_that_has_closed_its_store_ends_without_a_word(
    name: str, engine: str, request: pytest.FixtureRequest
) -> None:
    server: Any = request.getfixturevalue(name)
    if engine == 'obstore' and name == 'gcs':
        server = server.with_a_token()
    argument = json.dumps([server.url(), server.options, engine])
    command = [sys.executable, '-W', 'always::ResourceWarning', '-c', LIFE, argument]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, '')


def test_every_driver_has_its_package_in_the_environment_of_the_tests() -> None:
    assert all(importlib.util.find_spec(name) for name in ('s3fs', 'gcsfs', 'adlfs', 'obstore'))
