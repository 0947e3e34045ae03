"""How a decorated class becomes what NiceGUI calls: a page function, or the builder of a sub page."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from inspect import Parameter, Signature, isawaitable
from typing import TYPE_CHECKING, Any, get_type_hints

from fastapi import Response
from nicegui import Client, app, background_tasks, context, ui

from ..errors import DeclarationError, StashError
from ..schema import Schema
from . import internals
from .instance import Instance

if TYPE_CHECKING:
    from .stash import Stash


def signature_of(cls: type, local_names: Mapping[str, Any]) -> Signature:
    """Merge the parameters of `build` and `prepare`, with their annotations resolved where the class was defined."""
    merged: dict[str, Parameter] = {}
    for method in (getattr(cls, 'prepare', None), getattr(cls, 'build', None)):
        if method is None:
            continue
        try:
            hints = get_type_hints(method, localns=dict(local_names), include_extras=True)
        except NameError as error:
            raise DeclarationError(
                cls.__qualname__, method.__name__, f'an annotation cannot be resolved: {error}'
            ) from error
        for parameter in list(inspect.signature(method).parameters.values())[1:]:
            if parameter.kind in {Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD}:
                raise DeclarationError(
                    cls.__qualname__, method.__name__, 'name its parameters: *args and **kwargs get nothing'
                )
            merged[parameter.name] = parameter.replace(
                annotation=hints.get(parameter.name, Parameter.empty), kind=Parameter.KEYWORD_ONLY
            )
    return Signature(list(merged.values()))


def page_function(
    stash: Stash, schema: Schema, build: str, signature: Signature, *, auto: bool
) -> Callable[..., Awaitable[Any]]:
    """Return the async function that `ui.page` decorates. It carries the class's module and name, as tests reload by them."""
    cls = schema.cls

    async def serve(**arguments: Any) -> Any:
        client = context.client
        visit = stash.visit_of(client)
        stash.renew_cookie(client.request)
        await stash.load(visit)
        instance, page = stash.make(schema, visit, arguments, auto=auto)
        response = await _call(page, 'prepare', arguments)
        if isinstance(response, Response):
            return response
        late = build == 'connected' or (build == 'auto' and instance.needs_report)
        if late and not await visit.wait_until_identified():
            return None
        if not late:
            await instance.notify_recovered()
            return await _call(page, 'build', arguments)
        try:
            await instance.notify_recovered()
            _open_late(client, await _call(page, 'build', arguments))
        except Exception as error:  # noqa: BLE001 the app's build may raise anything; NiceGUI cannot show it any more
            client.handle_exception(error)
            app.handle_exception(error)
            internals.show_error(client, error)
        return None

    serve.__name__ = cls.__name__
    serve.__qualname__ = cls.__qualname__
    serve.__module__ = cls.__module__
    serve.__signature__ = signature  # pyright: ignore[reportFunctionMemberAccess]
    return serve


def _open_late(client: Client, response: Any) -> None:
    """Do in the browser what a `Response` would have done, if the first HTML were not delivered already."""
    if not isinstance(response, Response):
        return
    location = response.headers.get('location')
    if location is None:
        raise StashError(
            f'build() returned a response with status {response.status_code} after the page was delivered; '
            'return it from prepare(), which always runs within the request'
        )
    client.open(location)


async def _call(page: object, name: str, arguments: Mapping[str, Any]) -> Any:
    method = getattr(page, name, None)
    if method is None:
        return None
    wanted = inspect.signature(method).parameters
    result = method(**{key: value for key, value in arguments.items() if key in wanted})
    return await result if isawaitable(result) else result


def view_constructor(stash: Stash, schema: Schema, signature: Signature, *, auto: bool) -> Callable[..., Any]:
    """Return a `__new__` that builds the view where `ui.sub_pages` calls the class.

    It builds at once if everything is known already, so that the first HTML is complete; else it returns an awaitable,
    which NiceGUI runs in the same place.
    """

    def construct(cls: type, **arguments: Any) -> Any:
        if cls is not schema.cls:
            raise StashError(f'{cls.__qualname__} is a subclass of a stored class and has to be decorated itself')
        visit = stash.visit_of(context.client)
        if visit.find_session().is_read:
            instance, view = _make_view(stash, schema, arguments, auto=auto)
            if not instance.needs_report:
                return _build_view(instance, view, arguments)
            return _build_identified(instance, view, arguments)
        return _build_loaded(stash, schema, arguments, auto=auto)

    construct.__signature__ = signature  # pyright: ignore[reportFunctionMemberAccess]
    return construct


def _make_view(stash: Stash, schema: Schema, arguments: Mapping[str, Any], *, auto: bool) -> tuple[Instance, object]:
    client = context.client
    visit = stash.visit_of(client)
    instance, view = stash.make(schema, visit, arguments, auto=auto)
    if not internals.is_initial(client):
        instance.recovery.reason = 'subpage'
    internals.Ending(lambda: visit.leave(instance))
    return instance, view


def _build_view(instance: Instance, view: object, arguments: Mapping[str, Any]) -> Any:
    notified = instance.notify_recovered()
    if hasattr(view, 'on_recovered'):
        background_tasks.create(notified, name='on_recovered')
    else:
        notified.close()
    wanted = inspect.signature(view.build).parameters  # type: ignore[attr-defined]
    return view.build(**{key: value for key, value in arguments.items() if key in wanted})  # type: ignore[attr-defined]


async def _build_identified(instance: Instance, view: object, arguments: Mapping[str, Any]) -> None:
    if await instance.visit.wait_until_identified() and not instance.closed:
        await instance.notify_recovered()
        await _call(view, 'build', arguments)


async def _build_loaded(stash: Stash, schema: Schema, arguments: Mapping[str, Any], *, auto: bool) -> None:
    await stash.load(stash.visit_of(context.client))
    instance, view = _make_view(stash, schema, arguments, auto=auto)
    if not instance.needs_report:
        await instance.notify_recovered()
        await _call(view, 'build', arguments)
    else:
        await _build_identified(instance, view, arguments)


def register_page(function: Callable[..., Any], cls: type, path: str, options: Mapping[str, Any]) -> None:
    decorator = ui.page(path, **options)
    decorator(function)
    internals.register_route(cls, decorator.path)
