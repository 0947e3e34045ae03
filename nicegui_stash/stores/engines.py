"""From a URL of object storage to a store: which library speaks with the server."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from ..errors import ConfigurationError
from .base import Store
from .places import Place, place_of
from .probed import ProbedStore
from .remote import Driver, RemoteStore
from .s3 import S3Driver
from .urls import scheme_of, without_credentials

Engine = Literal['fsspec', 'obstore']
Options = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of server: fsspec's package for it, the extra that brings it, and the driver on it."""

    package: str
    extra: str
    driver: Callable[[Place, Options], Driver]


def _s3(place: Place, options: Options) -> Driver:
    return S3Driver(place.container, place.root, options)


_S3: Final = Family('s3fs', 's3', _s3)
FAMILIES: Final = {'s3': _S3, 's3a': _S3}
"""Families by scheme."""


def check_engine(engine: str | None) -> None:
    """Raise `ConfigurationError` for an engine that does not exist."""
    if engine not in {None, 'fsspec', 'obstore'}:
        raise ConfigurationError('engine', f'{engine!r} is unknown', "Use 'fsspec' or 'obstore', or leave it out")


def open_objects(url: str, options: Options, engine: str | None, *, allow_lost_updates: bool) -> Store:
    """Open a URL of one of the families; nothing is imported, read or written yet."""
    scheme = scheme_of(url)
    family, place = FAMILIES[scheme], place_of(url)
    shown = without_credentials(url)
    del engine
    if not _is_installed(family.package):
        raise ConfigurationError(
            'url',
            f'{shown!r} needs the package {family.package}, which is not installed',
            f"pip install 'nicegui-stash[{family.extra}]'",
        )
    return ProbedStore(lambda: RemoteStore(family.driver(place, options), shown), allow_lost_updates=allow_lost_updates)


def _is_installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
