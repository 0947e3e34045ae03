"""From a URL of object storage to a store: which library speaks with the server."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from ...errors import ConfigurationError
from ...extras import install_line
from ..base import Store
from ..urls import scheme_of, without_credentials
from .azure import AzureDriver
from .gcs import GCSDriver
from .obstore import Kind, ObstoreDriver
from .obstore_options import NotForObstore, azure_config, gcs_config, s3_config
from .places import Place, place_of
from .probed import ProbedStore
from .remote import Driver, RemoteStore
from .s3 import S3Driver

log = logging.getLogger('nicegui_stash')

Options = Mapping[str, Any]
MakeDriver = Callable[[], Driver]


class Config(Protocol):
    """What makes obstore's configuration of fsspec's options; `asked`: obstore was asked for."""

    def __call__(self, place: Place, options: Options, *, asked: bool) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of server: fsspec's package for it, the extra that brings that, and both engines."""

    package: str
    extra: str
    fsspec: Callable[[Place, Options], Driver]
    kind: Kind
    config: Config


def _s3(place: Place, options: Options) -> Driver:
    return S3Driver(place.container, place.root, options)


def _azure(place: Place, options: Options) -> Driver:
    return AzureDriver(place, options)


def _gcs(place: Place, options: Options) -> Driver:
    return GCSDriver(place.container, place.root, options)


_S3: Final = Family('s3fs', 's3', _s3, 'S3Store', s3_config)
_AZURE: Final = Family('adlfs', 'azure', _azure, 'AzureStore', azure_config)
_GCS: Final = Family('gcsfs', 'gcs', _gcs, 'GCSStore', gcs_config)
FAMILIES: Final = {
    's3': _S3,
    's3a': _S3,
    'gs': _GCS,
    'gcs': _GCS,
    'az': _AZURE,
    'abfs': _AZURE,
    'abfss': _AZURE,
}
"""Families by scheme."""


def check_engine(engine: str | None) -> None:
    """Raise `ConfigurationError` for an engine that does not exist."""
    if engine not in {None, 'fsspec', 'obstore'}:
        raise ConfigurationError('engine', f'{engine!r} is unknown', "Use 'fsspec' or 'obstore', or leave it out")


def open_objects(url: str, options: Options, engine: str | None, *, allow_lost_updates: bool) -> Store:
    """Open a URL of one of the families; nothing is imported, read or written yet.

    Without an engine, obstore is used where it is installed and can do what the options say. Raises
    `ConfigurationError` where the engine that was asked for cannot, or its package is missing.
    """
    family, place = FAMILIES[scheme_of(url)], place_of(url)
    shown = without_credentials(url)
    make = _driver(family, place, options, engine, shown)
    return ProbedStore(lambda: RemoteStore(make(), shown), allow_lost_updates=allow_lost_updates)


def _driver(family: Family, place: Place, options: Options, engine: str | None, shown: str) -> MakeDriver:
    has_obstore = _is_installed('obstore')
    if engine == 'obstore' and not has_obstore:
        raise _missing(shown, 'obstore', 'obstore')
    if has_obstore and engine != 'fsspec':
        try:
            config = family.config(place, options, asked=engine == 'obstore')
        except NotForObstore as error:
            if engine == 'obstore':
                raise ConfigurationError('engine', str(error), "Use 'fsspec', or leave it out") from error
            log.info('%s is opened with %s: %s', shown, family.package, error)
        else:
            return lambda: ObstoreDriver(family.kind, place.root, config)
    if not _is_installed(family.package):
        raise _missing(shown, family.package, family.extra)
    return lambda: family.fsspec(place, options)


def _missing(shown: str, package: str, extra: str) -> ConfigurationError:
    return ConfigurationError(
        'url', f'{shown!r} needs the package {package}, which is not installed', install_line(extra, package)
    )


def _is_installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
