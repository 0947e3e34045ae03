"""The options of `Stash.page`, `view` and `state`, and how a class is declared."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from types import FrameType
from typing import Any, TypedDict

from fastapi import Response
from fastapi.params import Depends
from fastapi.routing import APIRoute
from nicegui import APIRouter
from nicegui.language import Language
from starlette.routing import BaseRoute

from ...errors import DeclarationError, StashError
from ...model.fields import Field
from ...model.schema import Migration, Schema, build_schema, schema_of
from ...settings import suggestion
from ..page.stored_property import StoredProperty, detach_copies
from .app_state import AppState


class StateOptions(TypedDict, total=False):
    """How a class is stored."""

    name: str | None
    version: int
    migrations: Mapping[int, Migration] | None
    renamed_from: str | None


class ViewOptions(StateOptions, total=False):
    """How the class of a view or a page is stored: also one slice for each value of its key."""

    key: str | tuple[str, ...] | None
    max_keys: int
    undo: int


class PageOptions(ViewOptions, total=False):
    """How the class of a page is stored, and what goes on to `ui.page`, and from there to FastAPI's route.

    FastAPI's `name` is not among them: it is the stored name here.
    """

    title: str | None
    viewport: str | None
    favicon: str | Path | None
    dark: bool | None
    language: Language | None
    response_timeout: float
    reconnect_timeout: float | None
    markdown: bool | None
    api_router: APIRouter | None

    callbacks: list[BaseRoute] | None
    dependencies: Sequence[Depends] | None
    deprecated: bool | None
    description: str | None
    generate_unique_id_function: Callable[[APIRoute], str]
    include_in_schema: bool
    openapi_extra: dict[str, Any] | None
    operation_id: str | None
    response_class: type[Response]
    response_description: str
    response_model: Any
    response_model_by_alias: bool
    response_model_exclude: set[int] | set[str] | Mapping[int, Any] | Mapping[str, Any] | None
    response_model_exclude_defaults: bool
    response_model_exclude_none: bool
    response_model_exclude_unset: bool
    response_model_include: set[int] | set[str] | Mapping[int, Any] | Mapping[str, Any] | None
    responses: dict[int | str, dict[str, Any]] | None
    status_code: int | None
    summary: str | None
    tags: list[str | Enum] | None


STATE_OPTIONS = StateOptions.__optional_keys__
VIEW_OPTIONS = ViewOptions.__optional_keys__


def require_no_class(func: object, path: str) -> None:
    """Raise `DeclarationError` for a stored class below `@ui.page`, which would make an empty page of it."""
    if isinstance(func, type) and (schema_of(func) or any(isinstance(each, Field) for each in vars(func).values())):
        reason = f'@ui.page decorates a function, and would show nothing of this class; write @stash.page({path!r})'
        raise DeclarationError(func.__qualname__, None, reason)


def caller() -> FrameType:
    """Return the frame that decorates: its place is the class's origin, its names resolve the class's annotations."""
    frame = inspect.currentframe()
    caller = frame.f_back.f_back if frame and frame.f_back else None
    if caller is None:
        raise StashError('a class is decorated in Python code, which has a frame')
    return caller


def check(cls: type, options: Iterable[str], valid: Collection[str], *, path: str | None = None) -> None:
    """Raise `DeclarationError` if a decorator is not given a class, or is given an option that it does not take."""
    if not isinstance(cls, type):  # pyright: ignore[reportUnnecessaryIsInstance]
        label = getattr(cls, '__qualname__', repr(cls))
        rule = '@stash.view and @stash.state decorate a class and take no path'
        if path is not None:
            rule = f'@stash.page({path!r}) decorates a class'
        if inspect.isfunction(cls) and cls.__name__ != '<lambda>':
            name = cls.__name__.title().replace('_', '')
            rule += f'; this is a function: write class {name}, which shows in def build(self) what this shows'
        raise DeclarationError(label, None, rule)
    for name in options:
        if name not in valid:
            raise DeclarationError(cls.__qualname__, None, f'unknown option {name!r}. {suggestion(name, valid)}')


def declare(app_state: AppState, cls: type, frame: FrameType, *, path: str | None = None, **options: Any) -> Schema:
    """Make a class's declared fields bindable properties that are stored. Raises `DeclarationError`.

    A page that has several paths is declared once: all its decorators get the same schema.
    """
    names = frame.f_locals
    if cls.__module__ not in sys.modules:  # NiceGUI's user simulation unloads the modules of pages
        names = {**frame.f_globals, **names}
    origin = f'{Path(frame.f_code.co_filename).absolute()}:{frame.f_lineno}'  # a script that is run again names itself
    schema = build_schema(cls, local_names=names, origin=origin, **options)
    if (known := app_state.declare(schema, path)) is not schema:
        if differing := sorted(name for name in VIEW_OPTIONS if getattr(known, name) != getattr(schema, name)):
            reason = f'its decorators differ in {" and ".join(differing)}; a page with several paths is stored once'
            raise DeclarationError(cls.__qualname__, None, reason)
        return known
    for name, stored in schema.fields.items():
        setattr(cls, name, StoredProperty(stored))
    detach_copies(cls)
    return schema
