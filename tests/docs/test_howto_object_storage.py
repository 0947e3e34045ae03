"""The environment that the guide to object storage tells to set is enough to keep objects there."""

from __future__ import annotations

import json
import os
import re

import pytest

from nicegui_stash.stores import StoredObject, open_store
from tests.servers.azure import AzureServer
from tests.servers.fixtures import azurite, moto, patience
from tests.servers.s3 import S3Server

from .examples import DOCS, blocks, named

__all__ = ['azurite', 'moto', 'patience']
pytestmark = pytest.mark.usefixtures('patience')
PAGE = 'howto/object-storage.md'


def exports(name: str) -> dict[str, str]:
    """Return the variables that a block of the page sets."""
    code = named(PAGE, name).code
    return {key: value.strip("'") for key, value in re.findall(r'^export (\w+)=(.*)$', code, re.MULTILINE)}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(('AWS_', 'AZURE_', 'GOOGLE_'))]:
        monkeypatch.delenv(name)


async def is_kept(url: str, engine: str) -> bool:
    store = open_store(url, engine=engine)
    etag = await store.put(engine, b'body', mode='create')
    found = await store.get(engine)
    await store.aclose()
    return found == StoredObject(b'body', etag)


@pytest.mark.parametrize('engine', ['fsspec', 'obstore'])
async def test_the_variables_for_s3_are_enough(moto: S3Server, monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    variables = exports('s3') | exports('endpoint')
    real = {
        'AWS_ACCESS_KEY_ID': moto.credentials[0],
        'AWS_SECRET_ACCESS_KEY': moto.credentials[1],
        'AWS_DEFAULT_REGION': 'us-east-1',
        'AWS_ENDPOINT_URL': moto.endpoint,
    }
    url = variables.pop('NICEGUI_STASH_URL')
    assert variables.keys() == real.keys()
    for name, value in real.items():
        monkeypatch.setenv(name, value)
    assert await is_kept(url.replace('my-bucket', moto.bucket), engine)


@pytest.mark.parametrize('engine', ['fsspec', 'obstore'])
async def test_the_variables_for_azure_are_enough(
    azurite: AzureServer, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    variables = exports('azure')
    url = variables.pop('NICEGUI_STASH_URL')
    assert list(variables) == ['AZURE_STORAGE_CONNECTION_STRING']
    monkeypatch.setenv('AZURE_STORAGE_CONNECTION_STRING', azurite.connection_string)
    assert await is_kept(url.replace('my-container', azurite.container), engine)


def test_the_url_for_google_opens_with_either_engine() -> None:
    url = exports('gcs')['NICEGUI_STASH_URL']
    assert {repr(open_store(url, engine=engine)) for engine in ('fsspec', 'obstore')} == {
        f"GCS('{url}')",
        f"Obstore('{url}')",
    }


def test_the_policy_names_the_bucket_and_the_folder_of_the_url() -> None:
    (policy,) = (json.loads(block.code) for block in blocks(DOCS / PAGE) if block.language == 'json')
    objects, listing = policy['Statement']
    place = exports('s3')['NICEGUI_STASH_URL'].removeprefix('s3://')
    assert objects['Resource'] == f'arn:aws:s3:::{place}/*'
    assert listing['Resource'] == f'arn:aws:s3:::{place.partition("/")[0]}'
