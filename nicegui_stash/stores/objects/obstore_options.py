"""From the options that fsspec's filesystems take, and the usual environment, to obstore's configuration."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

from .places import Place

Config = dict[str, Any]


class NotForObstore(Exception):
    """These settings ask for something that obstore cannot do; the text says what."""


_AZURE: Final = {
    'account_name': 'account_name',
    'account_key': 'account_key',
    'sas_token': 'sas_key',
    'tenant_id': 'tenant_id',
    'client_id': 'client_id',
    'client_secret': 'client_secret',
    'anon': 'skip_signature',
}
_AZURE_PARTS: Final = {
    'AccountName': 'account_name',
    'AccountKey': 'account_key',
    'BlobEndpoint': 'endpoint',
    'SharedAccessSignature': 'sas_key',
}
_AZURE_VARIABLES: Final = {  # adlfs reads these; obstore has other names for some of them
    'AZURE_STORAGE_ACCOUNT_NAME': 'account_name',
    'AZURE_STORAGE_ACCOUNT_KEY': 'account_key',
    'AZURE_STORAGE_SAS_TOKEN': 'sas_key',
    'AZURE_STORAGE_TENANT_ID': 'tenant_id',
    'AZURE_STORAGE_CLIENT_ID': 'client_id',
    'AZURE_STORAGE_CLIENT_SECRET': 'client_secret',
}
_FOUND: Final = (None, 'google_default', 'cloud')
"""Words of gcsfs for credentials that are found outside of the options."""
_ASKING: Final = {'anon', 'browser', 'cache'}
"""Words of gcsfs for what obstore has not, the first of them at least for writing."""
_S3: Final = {
    'key': 'access_key_id',
    'username': 'access_key_id',
    'secret': 'secret_access_key',
    'password': 'secret_access_key',
    'token': 'session_token',
    'endpoint_url': 'endpoint',
    'anon': 'skip_signature',
    'requester_pays': 'request_payer',
}
_S3_CLIENT: Final = {
    'region_name': 'region',
    'endpoint_url': 'endpoint',
    'aws_access_key_id': 'access_key_id',
    'aws_secret_access_key': 'secret_access_key',
    'aws_session_token': 'session_token',
}
_S3_ENDPOINTS: Final = ('AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL', 'AWS_ENDPOINT')


def s3_config(place: Place, options: Mapping[str, Any], *, asked: bool) -> Config:
    """Translate what s3fs takes. Raises `NotForObstore`; where that is only likely, unless obstore was asked for."""
    given = dict(options)
    config = _translated(given.pop('client_kwargs', None) or {}, _S3_CLIENT, 'client_kwargs.')
    config |= _translated(given, _S3)
    if not {'access_key_id', 'skip_signature'} & config.keys() and 'AWS_ACCESS_KEY_ID' not in os.environ:
        if 'AWS_PROFILE' in os.environ:
            raise NotForObstore('obstore does not read the profile that AWS_PROFILE names')
        if not asked and any(path.is_file() for path in _aws_files()):
            raise NotForObstore("obstore does not read the files of AWS's command line")
    endpoint = config.get('endpoint') or next((os.environ[name] for name in _S3_ENDPOINTS if name in os.environ), '')
    return config | _endpoint(endpoint) | {'bucket': place.container}


def azure_config(place: Place, options: Mapping[str, Any], *, asked: bool) -> Config:
    """Translate what adlfs takes. Raises `NotForObstore`; for managed identities, unless obstore was asked for."""
    given = dict(options)
    connection = given.pop('connection_string', None) or os.environ.get('AZURE_STORAGE_CONNECTION_STRING', '')
    config = {name: os.environ[variable] for variable, name in _AZURE_VARIABLES.items() if os.environ.get(variable)}
    config |= _connection(connection) | _translated(given, _AZURE)
    if place.account:
        config['account_name'] = place.account
    if not asked and not {'account_key', 'sas_key', 'client_secret', 'skip_signature'} & config.keys():
        raise NotForObstore('obstore may find other credentials than adlfs does')
    return config | _endpoint(config.get('endpoint', '')) | {'container_name': place.container}


def _connection(text: str) -> Config:
    """Take a connection string apart, `Name=value;…`, the value perhaps with `=` in it."""
    parts = dict(part.split('=', 1) for part in text.split(';') if '=' in part)
    config = {name: parts[part] for part, name in _AZURE_PARTS.items() if part in parts}
    suffix = parts.get('EndpointSuffix', 'core.windows.net')
    if 'endpoint' not in config and suffix != 'core.windows.net':
        config['endpoint'] = f'https://{parts.get("AccountName", "")}.blob.{suffix}'
    if text and not {'account_key', 'sas_key'} & config.keys():
        raise NotForObstore('obstore cannot use this kind of connection string')
    return config


def gcs_config(place: Place, options: Mapping[str, Any], *, asked: bool) -> Config:
    """Translate what gcsfs takes. Raises `NotForObstore`; for rare credentials, unless obstore was asked for."""
    given = {name: value for name, value in options.items() if name != 'project'}  # it says who owns new buckets
    token = given.pop('token', None)
    server = given.pop('endpoint_url', None) or os.environ.get('STORAGE_EMULATOR_HOST', '')
    config = _translated(given, {}) | _token(token)
    if token in _FOUND and not asked and not _is_usual(_google_file()):
        raise NotForObstore('obstore cannot use this kind of Google credentials')
    if server and '://' not in server:
        server = f'http://{server}'
    at_server = {'base_url': server, 'allow_http': server.startswith('http://')} if server else {}
    return config | at_server | {'bucket': place.container}


def _token(token: Any) -> Config:
    if token in _FOUND:
        return {}
    if isinstance(token, str) and token not in _ASKING:
        return {'application_credentials': token} if Path(token).is_file() else {'bearer_token': token}
    if isinstance(token, Mapping) and cast(Mapping[str, Any], token).get('type') == 'service_account':
        return {'service_account_key': json.dumps(token)}
    raise NotForObstore('obstore has nothing like this token')


def _google_file() -> Path:
    file = os.environ.get('GOOGLE_APPLICATION_CREDENTIALS')
    return Path(file) if file else Path('~/.config/gcloud/application_default_credentials.json').expanduser()


def _is_usual(file: Path) -> bool:
    """Whether credentials are of a kind that obstore knows; no file is one of them, on Google's own machines."""
    if not file.is_file():
        return True
    try:
        return json.loads(file.read_text(encoding='utf-8')).get('type') in {'service_account', 'authorized_user'}
    except (OSError, ValueError, AttributeError):
        return False


def _aws_files() -> list[Path]:
    return [
        Path(os.environ.get('AWS_SHARED_CREDENTIALS_FILE', '~/.aws/credentials')).expanduser(),
        Path(os.environ.get('AWS_CONFIG_FILE', '~/.aws/config')).expanduser(),
    ]


def _endpoint(url: str) -> Config:
    return {'endpoint': url, 'allow_http': url.startswith('http://')} if url else {}


def _translated(options: Mapping[str, Any], names: Mapping[str, str], where: str = '') -> Config:
    given = {name: value for name, value in options.items() if value not in (None, False)}
    unknown = sorted(given.keys() - names.keys())
    if unknown:
        raise NotForObstore(f'obstore has nothing like the option {where}{unknown[0]}')
    return {names[name]: value for name, value in given.items()}
