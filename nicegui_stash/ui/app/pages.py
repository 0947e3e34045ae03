"""How a decorated class becomes what NiceGUI calls: a page function, or the builder of a sub page."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from functools import cache
from inspect import Parameter, Signature, isawaitable
from typing import Any, Literal, get_type_hints

from fastapi import Response
from nicegui import APIRouter, Client, app, context, ui

from ...errors import DeclarationError, StashError
from ...model.schema import Schema
from ...settings import Rejoin
from .. import nicegui_private
from ..page.class_cache import per_class
from ..page.page_object import PageObject
from .app_state import AppState
from .connection import connection_behind
from .rooms import Room, room_of

Build = Literal['auto', 'request', 'connected']


def signature_of(cls: type, local_names: Mapping[str, Any]) -> Signature:
    """Merge the parameters of `build` and `prepare`, with their annotations resolved where the class was defined."""
    merged: dict[str, Parameter] = {}
    for name in ('prepare', 'build'):
        method = getattr(cls, name, None)
        if method is None:
            continue
        if isinstance(method, ui.refreshable) or inspect.ismethod(method):
            reason = f'it has to be a plain method, def {name}(self, ...); it may call what is refreshable'
            raise DeclarationError(cls.__qualname__, name, reason)
        try:
            hints = get_type_hints(method, localns=dict(local_names), include_extras=True)
        except NameError as error:
            raise DeclarationError(cls.__qualname__, name, f'an annotation cannot be resolved: {error}') from error
        for parameter in list(inspect.signature(method).parameters.values())[1:]:
            if parameter.kind in {Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD}:
                raise DeclarationError(cls.__qualname__, name, 'name its parameters: *args and **kwargs get nothing')
            annotation = hints.get(parameter.name, Parameter.empty)
            merged[parameter.name] = parameter.replace(annotation=annotation, kind=Parameter.KEYWORD_ONLY)
    return Signature(list(merged.values()))


def require_build(cls: type, schema: Schema, signature: Signature) -> None:
    """Raise `DeclarationError` for a class that shows nothing, or whose key is no parameter of it."""
    if not callable(getattr(cls, 'build', None)):
        raise DeclarationError(
            cls.__qualname__,
            None,
            'it has no build(self) method, so there is nothing to show; write def build(self) -> None: ui.label(…)',
        )
    for part in schema.key:
        if part not in signature.parameters:
            raise DeclarationError(
                cls.__qualname__, None, f'key={part!r} has to be a parameter of build() or prepare()'
            )


@cache
def options_of_route() -> frozenset[str]:
    """Return the options of `ui.page` and of FastAPI's route, in the versions that are installed."""
    parameters = [
        *inspect.signature(ui.page).parameters.values(),
        *inspect.signature(APIRouter.get).parameters.values(),
    ]
    return frozenset(parameter.name for parameter in parameters if parameter.kind is Parameter.KEYWORD_ONLY)


def register_page(
    app_state: AppState,
    schema: Schema,
    path: str,
    signature: Signature,
    options: Mapping[str, Any],
    *,
    build: Build,
    auto: bool,
    rejoin: Rejoin | None,
    room: Room | None,
) -> None:
    """Register the page function of a class with `ui.page`."""
    decorator = ui.page(path, **options)
    if rejoin is not None:
        app_state.come_back(decorator.path, rejoin)
    app_state.require_time(decorator.path, decorator.response_timeout)
    decorator(page_function(app_state, schema, build, signature, auto=auto, room=room))
    nicegui_private.register_route(schema.cls, decorator.path)


def page_function(
    app_state: AppState, schema: Schema, build: Build, signature: Signature, *, auto: bool, room: Room | None
) -> Callable[..., Awaitable[Any]]:
    """Return the async function that `ui.page` decorates, with the class's module and name, as tests reload by them."""
    cls = schema.cls
    prepares = getattr(cls, 'prepare', None) is not None

    async def serve(**arguments: Any) -> Any:
        name = None if room is None else room_of(room, context.client.request, arguments)
        connection = await app_state.arrive(room=name, schema=schema)
        with connection.deciding() if prepares and name is not None else nullcontext():
            page_object = app_state.make(schema, connection, arguments, auto=auto)
            if prepares and isinstance(response := await _call(page_object.page, 'prepare', arguments), Response):
                connection.leave_room()
                return response
        if build != 'connected' and (build == 'request' or not page_object.needs_report):
            if page_object.wants_notice:
                await page_object.notify_recovered()
            return await _call(page_object.page, 'build', arguments)
        with connection.handover.building():
            if await connection.wait_until_identified():
                await _build_late(connection.visit.client, page_object, arguments)
        return None

    serve.__name__ = cls.__name__
    serve.__qualname__ = cls.__qualname__
    serve.__module__ = cls.__module__
    setattr(serve, '__signature__', signature)  # noqa: B010 a function has no such attribute for a type checker
    return serve


async def _build_late(client: Client, page_object: PageObject, arguments: Mapping[str, Any]) -> None:
    """Build after the first HTML was delivered, and do in the browser what NiceGUI would have answered with."""
    try:
        await page_object.notify_recovered()
        response = await _call(page_object.page, 'build', arguments)
        if isinstance(response, Response):
            _redirect(client, response)
    except Exception as error:  # noqa: BLE001 the app's build may raise anything; NiceGUI cannot show it any more
        app.handle_exception(error)
        nicegui_private.show_error(client, error)


def _redirect(client: Client, response: Response) -> None:
    """Lead the browser where the response would have led it, had the page not been delivered yet."""
    if 'location' not in response.headers:
        raise StashError(
            f'build() returned a response with status {response.status_code} after the page was delivered; '
            'return it from prepare(), which always runs within the request'
        )
    location = response.headers['location']
    if location.startswith('/'):  # NiceGUI puts the path at which the app is mounted in front; here it is in it already
        location = '/..' * client.request.scope.get('root_path', '').rstrip('/').count('/') + location
    client.open(location)


async def _call(page: object, name: str, arguments: Mapping[str, Any]) -> Any:
    """Call a method of the page with those of the arguments that it names; it may be missing, and it may be async."""
    method = getattr(page, name, None)
    if method is None:
        return None
    result = method(**_wanted(type(page), name, arguments)) if arguments else method()
    return await result if result is not None and isawaitable(result) else result


def _wanted(cls: type, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    parameters = _parameters(cls)[name]
    return {key: value for key, value in arguments.items() if key in parameters}


@per_class
def _parameters(cls: type) -> Mapping[str, frozenset[str]]:
    methods = {name: getattr(cls, name, None) for name in ('prepare', 'build')}
    return {name: frozenset(inspect.signature(method).parameters) for name, method in methods.items() if method}


def view_constructor(app_state: AppState, schema: Schema, signature: Signature, *, auto: bool) -> Callable[..., Any]:
    """Return a `__new__` that builds the view where `ui.sub_pages` calls the class.

    What it returns is awaited by NiceGUI in the same place. A view that can be built without waiting is in the first
    HTML all the same, since NiceGUI's task for it runs before the answer is made. Raises `DeclarationError` for a class
    with `prepare`, which nobody would call.
    """
    if hasattr(schema.cls, 'prepare'):
        raise DeclarationError(schema.cls.__qualname__, 'prepare', 'a view is not requested; only pages prepare')

    def construct(cls: type, **arguments: Any) -> Any:
        if cls is not schema.cls:
            raise StashError(f'{cls.__qualname__} is a subclass of a stored class and has to be decorated itself')
        if nicegui_private.is_script_for_nobody():
            return None
        client = context.client
        bound = signature.bind(**arguments)
        bound.apply_defaults()
        if not app_state.has_read(schema, app_state.connection_of(client).visit):
            return _load_and_build(app_state, schema, client, bound.arguments, auto=auto)
        app_state.arrive_at_once()
        page_object = _make_view(app_state, schema, client, bound.arguments, auto=auto)
        if page_object.needs_report or page_object.wants_notice:
            return _build_view(page_object, bound.arguments)
        return _build_now(page_object, bound.arguments)

    setattr(construct, '__signature__', signature)  # noqa: B010 as above
    return construct


def _make_view(
    app_state: AppState, schema: Schema, client: Client, arguments: Mapping[str, Any], *, auto: bool
) -> PageObject:
    connection = app_state.connection_of(client)
    page_object = app_state.make(schema, connection, arguments, auto=auto)
    if not nicegui_private.is_initial(client):
        page_object.recovery.reason = 'subpage'
    nicegui_private.Ending(lambda: connection.leave(page_object))
    return page_object


def _build_now(page_object: PageObject, arguments: Mapping[str, Any]) -> Any:
    build = getattr(page_object.page, 'build')  # noqa: B009 that it is there was checked when the class was decorated
    result = build(**_wanted(type(page_object.page), 'build', arguments))
    if isinstance(result, Response):
        _redirect(page_object.visit.client, result)
    return _finish_view(page_object, result) if isawaitable(result) else None


async def _finish_view(page_object: PageObject, result: Awaitable[Any]) -> None:
    response = await result
    if isinstance(response, Response):
        _redirect(page_object.visit.client, response)


async def _build_view(page_object: PageObject, arguments: Mapping[str, Any]) -> None:
    connection = connection_behind(page_object)
    with connection.handover.building():
        if page_object.needs_report:
            await connection.wait_until_identified()
        if not page_object.closed:
            await page_object.notify_recovered()
            result = _build_now(page_object, arguments)
            if result is not None:
                await result


async def _load_and_build(
    app_state: AppState, schema: Schema, client: Client, arguments: Mapping[str, Any], *, auto: bool
) -> None:
    with app_state.connection_of(client).handover.building():
        await app_state.arrive(schema=schema)
        await _build_view(_make_view(app_state, schema, client, arguments, auto=auto), arguments)
