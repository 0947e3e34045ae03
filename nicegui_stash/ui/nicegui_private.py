"""Every touch of what NiceGUI does not document, in one place.

Tried with the NiceGUI versions from `OLDEST` to `NEWEST`. On a newer one a warning is logged once; where a name is
missing there, recognition of a rejoin degrades to `unknown`, never to an error.
"""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

import copy
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Final, cast

import nicegui
from nicegui import Client, app, binding, core
from nicegui.element import Element
from nicegui.elements.choice_element import ChoiceElement
from nicegui.elements.mixins.value_element import ValueElement
from nicegui.elements.select import Select
from nicegui.error import error_content
from nicegui.events import GenericEventArguments
from nicegui.slot import Slot
from nicegui.storage import request_contextvar
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request

log = logging.getLogger('nicegui_stash')

OLDEST: Final = (3, 14)
NEWEST: Final = (3, 18)

Transform = Callable[[Any], Any]
Bindings = dict[tuple[int, tuple[str, ...]], list[tuple[Any, Any, tuple[str, ...], Any]]]
bindings: Final = cast(Bindings, binding.bindings)
"""By (id of the source, its attribute): the bindings that lead away from it. NiceGUI never replaces the dict."""

bindable_properties: Final = binding.bindable_properties
"""By the same key: the objects whose attribute propagates by itself, so that NiceGUI does not poll it."""

_propagate_through: Final = cast(Callable[[object, tuple[str, ...]], None], binding._propagate)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
_ABSENT: Final = object()


@cache
def warn_if_untried() -> None:
    """Say once that this NiceGUI is newer than what was tried."""
    found = re.match(r'(\d+)\.(\d+)', nicegui.__version__)
    if found and (int(found[1]), int(found[2])) > NEWEST:
        log.warning('NiceGUI %s is newer than %d.%d, up to which nicegui_stash was tried', nicegui.__version__, *NEWEST)


# ---- bindings


def is_brought_by_binding(owner: object, name: str) -> bool:
    """Whether a binding makes the assignment that is going on, not a handler that runs because of one."""
    visited = binding.propagation_visited.get() or ()
    return any(
        target is owner and target_name == (name,)
        for key in visited
        for _, target, target_name, _ in bindings.get(key, ())
    )


def propagate(owner: object, names: tuple[str, ...]) -> None:
    """Tell what is bound to an attribute that it was set.

    NiceGUI's own propagation follows bindings to any depth and through nested names, and costs more than many an
    element; what is bound one way and leads nowhere else, as a label does, is set without it.
    """
    key = (id(owner), names)
    targets = bindings.get(key, ())
    for _, target, target_names, _ in targets:
        if len(target_names) != 1 or (id(target), target_names) in bindings or isinstance(target, Mapping):
            _propagate_through(owner, names)
            return
    token = binding.propagation_visited.set({key})
    try:
        value = getattr(owner, names[0])
        for _, target, (name,), transform in targets:
            shown = transform(value) if transform else value
            current = getattr(target, name, _ABSENT)
            if current is _ABSENT or current != shown:
                setattr(target, name, shown)
    finally:
        binding.propagation_visited.reset(token)


def propagate_in_place(owner: object, name: str) -> None:
    """Tell what is bound to a collection that it changed in place.

    A target that holds the very same collection would see no difference: what a bindable attribute holds is taken out
    first, and any other element is told to show what it has.
    """
    value = getattr(owner, name)
    for _, target, target_name, _ in bindings.get((id(owner), (name,)), ()):
        attribute = f'___{target_name[0]}'
        if len(target_name) != 1:
            continue
        if getattr(target, attribute, None) is value:
            setattr(target, attribute, None)
        elif isinstance(target, Element) and getattr(target, target_name[0], None) is value:
            target.update()
    propagate(owner, (name,))


def sources(owner: object, name: str) -> Iterator[Any]:
    """Iterate over the elements whose value leads to this attribute and is being propagated right now."""
    visited = binding.propagation_visited.get() or set()
    for source_id, source_name in list(visited):
        for source, target, target_name, _ in bindings.get((source_id, source_name), ()):
            if target is owner and target_name == (name,) and isinstance(source, Element):
                yield source


def two_way(owner: object, *names: str) -> Iterator[tuple[ValueElement[Any], Transform | None]]:
    """Iterate over the elements whose value is bound to an attribute both ways, each with what transforms its value."""
    for _, element, element_name, _ in bindings.get((id(owner), names), ()):
        if not isinstance(element, ValueElement) or element_name != ('value',):
            continue
        for _, target, target_name, transform in bindings.get((id(element), ('value',)), ()):
            if target is owner and target_name == names:
                yield element, transform
                break


# ---- events


def after_each_event(client: Client, done: Callable[[dict[str, Any]], None]) -> None:
    """Call back after each event that the client's browser sends, when its handlers have run up to their first wait."""
    handle_event = getattr(client, 'handle_event', None)
    if handle_event is None:
        return  # not there in this NiceGUI: what changed in place is found when the page disconnects

    def handle_and_tell(message: dict[str, Any]) -> None:
        handle_event(message)
        done(message)

    setattr(client, 'handle_event', handle_and_tell)  # noqa: B010 a method, hidden by an attribute of this client


def on_message(name: str, handler: Callable[[Client, dict[str, Any]], None]) -> None:
    """Call back with each message of this name that a page sends over NiceGUI's socket, within its client."""
    sio = getattr(core, 'sio', None)
    if sio is None:
        return  # not there in this NiceGUI: nothing is reported, so that the reason of each visit is `unknown`

    def receive(_: str, message: object = None) -> None:
        told = cast(dict[str, Any], message) if isinstance(message, dict) else {}
        client = Client.instances.get(told['client_id']) if isinstance(told.get('client_id'), str) else None
        if client is not None and client.has_socket_connection:
            request_contextvar.set(client._request)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
            with client:
                handler(client, told)

    sio.on(name, receive)


def add_to_body(client: Client, html: str) -> None:
    """Add to the first HTML of a client, whichever is the current one: `ui.add_body_html` would have to enter it."""
    client._body_html += html + '\n'  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]


def before_response(client: Client, prepare: Callable[[], None]) -> None:
    """Call back when the page function has run, before the first HTML is made of its elements."""
    build_response = getattr(client, 'build_response', None)
    if build_response is None:
        return  # not there in this NiceGUI: what was to be in the HTML follows when the page connects

    def prepare_and_build(*arguments: Any, **options: Any) -> Any:
        prepare()
        return build_response(*arguments, **options)

    setattr(client, 'build_response', prepare_and_build)  # noqa: B010 as above


# ---- values of elements


def kind_of(element: ValueElement[Any]) -> str:
    """Tell elements apart whose events mean different things: by class, and by the options that an index stands for."""
    options = getattr(element, 'options', None)
    return f'{type(element).__qualname__} {options!r}'


def element_count(client: Client) -> int:
    """Return a number that grows with every element of a client."""
    return int(getattr(client, 'next_element_id', -1))


def shown_value(element: ValueElement[Any]) -> tuple[Any, bool]:
    """Return what the browser was told to show, and whether that is a number written as a text."""
    props = cast(dict[str, Any], element._props)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    return props.get(element.VALUE_PROP), props.get('type') == 'number'


def value_of_event(element: ValueElement[Any], arguments: Any) -> Any:
    """Return the value that an event with these arguments would set, without setting it.

    Raises whatever the element does for arguments that it never sends.
    """
    if isinstance(arguments, str) and element.props.get('new-value-mode'):
        return arguments  # asking a `ui.select` would add a new option
    if _sends_differences(element):
        if not isinstance(arguments, str):
            raise TypeError('what the element has become is a text')
        return arguments
    event = GenericEventArguments(sender=element, client=element.client, args=copy.deepcopy(arguments))
    return element._event_args_to_value(event)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]


def replay(element: ValueElement[Any], arguments: Any) -> None:
    """Let an element handle an event of its own, as if its browser had just sent it.

    Raises whatever the element does for arguments that it never sends, which NiceGUI would only log.
    """
    wanted = f'update:{element.VALUE_PROP}'.replace('model-value', 'modelValue')
    listeners = element._event_listeners.values()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    listener = next(each for each in listeners if each.type in {wanted, f'update:{element.VALUE_PROP}'})
    if _sends_differences(element):
        before = len(str(element.value or '').encode('utf-16-le', 'surrogatepass')) // 2
        after = len(arguments.encode('utf-16-le', 'surrogatepass')) // 2
        arguments = {'sections': [before, after], 'inserted': [arguments.split('\n')]}
    request_contextvar.set(listener.request)
    event = GenericEventArguments(sender=element, client=element.client, args=arguments)
    with element.parent_slot or element.client.layout.default_slot:
        cast(Callable[[GenericEventArguments], None], listener.handler)(event)


def _sends_differences(element: object) -> bool:
    """Whether the events of an element say what changed, not what it became: `ui.codemirror`."""
    return hasattr(element, '_apply_change_set')


# ---- choices

IsStored = Callable[[object, tuple[str, ...]], bool]
"""Whether an attribute, or a nested one, is stored."""


def keep_values_without_option(is_stored: IsStored) -> None:
    """Let a choice element that is bound to what is stored keep a value that its options do not hold.

    Of itself, `ChoiceElement._update_options` sets such a value to `None`, which a binding would store. With `multiple`,
    the next click would drop it. It is shown as soon as the options hold it. Asking again changes nothing.
    """
    for cls, name, keeping in (
        (ChoiceElement, '_update_options', _updating_options),
        (Select, '_event_args_to_value', _choosing),
    ):
        original = getattr(cls, name, None)
        if original is not None and not hasattr(original, 'is_stored'):  # not there: a value without option is lost
            replacement = keeping(original, is_stored)
            setattr(replacement, 'is_stored', is_stored)  # noqa: B010 a function has no such attribute for a type checker
            setattr(cls, name, replacement)


def _updating_options(original: Callable[[Any], None], is_stored: IsStored) -> Callable[[Any], None]:
    def update_options(element: Any) -> None:
        value = element.value
        if value is None or not _values_without_option(element) or not _is_bound(element, is_stored):
            original(element)
            return
        slot = '___value'
        setattr(element, slot, None)  # which is what it would be set to
        try:
            original(element)
        finally:
            setattr(element, slot, value)
        element._props[element.VALUE_PROP] = _model_of(element, value)  # noqa: SLF001

    return update_options


def _choosing(original: Callable[[Any, Any], Any], is_stored: IsStored) -> Callable[[Any, Any], Any]:
    def event_args_to_value(element: Any, event: GenericEventArguments) -> Any:
        before = list(element.value) if isinstance(element.value, list) else []
        hidden = [each for each in _values_without_option(element) if not _is_typed(element, each)]
        value = original(element, event)
        if not element.multiple or not hidden or not _is_bound(element, is_stored):
            return value
        kept = [each for each in before if each in hidden or each in value]
        return [*kept, *(each for each in value if each not in kept)]

    return event_args_to_value


def _values_without_option(element: Any) -> list[Any]:
    value, options = element.value, element._values  # noqa: SLF001
    return [each for each in (value if isinstance(value, list) else [value]) if each not in options]


def _model_of(element: Any, value: Any) -> Any:
    """Return what the browser shows: what was typed once, of which there is no option yet, as when it is typed."""
    if isinstance(value, list):
        shown = [each for each in value if _is_typed(element, each) or each in element._values]  # noqa: SLF001
        return [each if _is_typed(element, each) else element._value_to_model_value([each])[0] for each in shown]  # noqa: SLF001
    return value if _is_typed(element, value) else element._value_to_model_value(value)  # noqa: SLF001


def _is_typed(element: Any, value: Any) -> bool:
    """Whether it is a text without an option that a person may have typed."""
    may_type = bool(element._props.get('new-value-mode')) and isinstance(element.options, list)  # noqa: SLF001
    return may_type and isinstance(value, str) and value not in element._values  # noqa: SLF001


def _is_bound(element: object, is_stored: IsStored) -> bool:
    """Whether a value comes from what is stored, or leads there."""
    leads = bindings.get((id(element), ('value',)), ())
    return any(is_stored(target, names) for _, target, names, _ in leads) or any(
        target is element and is_stored(source, names)
        for key in binding.propagation_visited.get() or ()
        for names in (key[1],)
        for source, target, _, _ in bindings.get(key, ())
    )


# ---- elements


class Ending(Element, component=None):
    """An element that nobody sees, and that says when the container it stands in is cleared."""

    def __init__(self, on_end: Callable[[], None]) -> None:
        super().__init__('template')
        self._on_end = on_end

    def _handle_delete(self) -> None:
        self._on_end()
        super()._handle_delete()


def show_error(client: Client, error: Exception | str) -> None:
    """Replace a page's content by NiceGUI's error page, for what fails after the first HTML was delivered."""
    client.content.clear()
    with client.content:
        error_content(500, error)


def is_initial(client: Client) -> bool:
    """Whether the view that is being shown by `ui.sub_pages` came with the page, not by navigation within it."""
    return bool(getattr(client.sub_pages_router, 'is_initial_request', True))


# ---- scripts


def is_script_for_nobody() -> bool:
    """Whether a script without pages runs for the first time, before there is a server: to be read, not to be shown."""
    return core.script_mode and not app.is_started


def is_script_for_visitor() -> bool:
    """Whether this app is a script without pages, which NiceGUI runs again for each visitor."""
    return core.script_mode and app.is_started


def on_shutdown(handler: Callable[[], Any]) -> None:
    """Call back at the shutdown, although NiceGUI takes no more of these once it runs a script for visitors."""
    script, core.script_mode = core.script_mode, False
    try:
        app.on_shutdown(handler)
    finally:
        core.script_mode = script


# ---- requests and clients


def is_simulated(client: Client) -> bool:
    """Whether NiceGUI's user simulation connected the client: there is no browser that could run a script."""
    scope: dict[str, Any] = (client.environ or {}).get('asgi.scope', {})
    return scope.get('type') == 'test'


def current_request() -> Request | None:
    """Return the request that the current client came with, or else the one that is being answered.

    The client first: `with client:` in somebody else's handler or job means that client's session, as in `forget`.
    """
    stack = Slot.get_stack()
    if stack and (request := stack[-1].parent.client._request) is not None:  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        return request
    request = request_contextvar.get()
    return request if isinstance(request, Request) else None


def session_id_of(client: Client) -> str | None:
    """Return the id in the cookie that a page was requested with; a client without a request has none."""
    request = client._request  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    return None if request is None else request.session.get('id')


def clients_of(session_id: str) -> list[Client]:
    """Return the open pages of a browser session."""
    return [client for client in Client.instances.values() if session_id_of(client) == session_id]


def storage_secret() -> str | None:
    return app.storage.secret


def session_cookie_is_valid(request: Request) -> bool:
    """Whether the request brought its session id, rather than having been given one by NiceGUI's middleware."""
    if not getattr(request.session, 'modified', True):
        return True  # Starlette read the session from a valid cookie, and nobody has touched it
    options = next(
        (middleware.kwargs for middleware in app.user_middleware if middleware.cls is SessionMiddleware), None
    )
    if options is None:  # the middleware is the parent app's, with options that cannot be known here
        return bool(request.cookies)
    middleware = SessionMiddleware(app, **cast(dict[str, Any], options))
    cookie = request.cookies.get(middleware.session_cookie)
    return cookie is not None and middleware.signer.validate(cookie, max_age=middleware.max_age)


def has_shared_head(text: str) -> bool:
    return text in Client.shared_head_html


def register_route(cls: type, path: str) -> None:
    """Make `ui.navigate.to(Counter)` find the page of a class."""
    Client.page_routes[cls] = path


def on_every_connect(handler: Callable[[Client], None]) -> None:
    """Call back whenever a page connects; asking again changes nothing. NiceGUI's tests drop handlers, not routes."""
    if handler not in app._connect_handlers:  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        app.on_connect(handler)
