"""Every touch of what NiceGUI does not document, in one place.

Tested with the NiceGUI versions from `OLDEST` to `NEWEST`. A newer one logs a warning once. If it lacks a name, the
reason of a visit degrades to `unknown`; this is never an error.
"""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

import copy
import json
import logging
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache, partial
from hashlib import blake2b
from typing import Any, Final, NamedTuple, cast

import nicegui
from engineio.payload import Payload  # pyright: ignore[reportMissingTypeStubs]
from nicegui import Client, app, binding, core, run, ui
from nicegui.dependencies import vue_components
from nicegui.element import Element
from nicegui.elements.choice_element import ChoiceElement
from nicegui.elements.mixins.selectable_element import SelectableElement
from nicegui.elements.mixins.validation_element import ValidationElement
from nicegui.elements.mixins.value_element import ValueElement
from nicegui.elements.select import Select
from nicegui.elements.sub_pages import SubPages
from nicegui.error import error_content
from nicegui.events import GenericEventArguments, ValueChangeEventArguments, handle_event
from nicegui.functions.refreshable import refreshable
from nicegui.slot import Slot
from nicegui.storage import request_contextvar
from starlette.exceptions import HTTPException
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import Response

log = logging.getLogger('nicegui_stash')

OLDEST: Final = (3, 14)
NEWEST: Final = (3, 18)

Transform = Callable[[Any], Any]
Bindings = dict[tuple[int, tuple[str, ...]], list[tuple[Any, Any, tuple[str, ...], Any]]]
bindings: Final = cast(Bindings, binding.bindings)
"""By (id of the source, its attribute): the bindings from it to other objects. NiceGUI never replaces the dict."""

bindable_properties: Final = binding.bindable_properties
"""By the same key: the objects whose attribute is bindable, so that NiceGUI does not poll it."""

_propagate_through: Final = cast(Callable[[object, tuple[str, ...]], None], binding._propagate)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
_value_at: Final = cast(Callable[[object, tuple[str, ...]], object], binding._get_attribute)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
_ABSENT: Final = object()
_LINE_END: Final = re.compile(r'\r\n?')


@cache
def warn_if_untried() -> None:
    """Log a warning, once, if this NiceGUI is newer than the tested versions."""
    found = re.match(r'(\d+)\.(\d+)', nicegui.__version__)
    if found and (int(found[1]), int(found[2])) > NEWEST:
        log.warning('NiceGUI %s is newer than %d.%d, the newest one tested', nicegui.__version__, *NEWEST)


# ---- bindings


def is_brought_by_binding(owner: object, name: str) -> bool:
    """Whether a binding makes the present assignment, rather than a handler that runs because of a binding."""
    visited = binding.propagation_visited.get() or ()
    return any(
        target is owner and target_name == (name,)
        for key in visited
        for _, target, target_name, _ in bindings.get(key, ())
    )


def propagate(owner: object, names: tuple[str, ...]) -> None:
    """Update the targets that are bound to an attribute.

    NiceGUI's own propagation follows bindings to any depth and through nested names, at a cost above that of many an
    element. A target that is bound one way and leads nowhere else, such as a label, is set without it, as
    `BindableProperty.__set__` sets it.
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
            handler, slot = _change_handler(type(target), name), f'___{name}'
            if handler is not None and slot in target.__dict__:
                if target.__dict__[slot] != shown:
                    target.__dict__[slot] = shown
                    handler(target, shown)
                continue
            current = getattr(target, name, _ABSENT)
            if current is _ABSENT or current != shown:
                setattr(target, name, shown)
    finally:
        binding.propagation_visited.reset(token)


@lru_cache(maxsize=100)
def _change_handler(cls: type, name: str) -> Callable[[object, object], None] | None:
    """Return what NiceGUI calls after a change of a bindable attribute; `None` where it is anything else."""
    found = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)
    is_usual = type(found) is binding.BindableProperty and cls.__setattr__ is object.__setattr__
    return getattr(found, '_change_handler', None) if is_usual else None


def propagate_in_place(owner: object, name: str) -> None:
    """Update the targets that are bound to a collection which has changed in place.

    A target that holds the very same collection would see no difference. So a bindable attribute is emptied first, and
    any other element is updated.
    """
    targets = bindings.get((id(owner), (name,)))
    if not targets:
        return
    value = getattr(owner, name)
    for _, target, target_name, _ in targets:
        attribute = f'___{target_name[0]}'
        if len(target_name) != 1:
            continue
        if getattr(target, attribute, None) is value:
            setattr(target, attribute, None)
        elif isinstance(target, Element) and getattr(target, target_name[0], None) is value:
            target.update()
    propagate(owner, (name,))


def sources(owner: object, *names: str) -> Iterator[Element]:
    """Iterate over the elements that are propagating their value to an attribute, or nested names, right now."""
    for key in list(binding.propagation_visited.get() or ()):
        for source, target, target_names, _ in bindings.get(key, ()):
            if target is owner and target_names == names and isinstance(source, Element):
                yield source


def show_present(owner: object, names: tuple[str, ...]) -> None:
    """Show at once what an entry or nested names lead to: NiceGUI polls them only ten times a second."""
    if (id(owner), names) not in bindable_properties:
        _propagate_through(owner, names)


def propagate_entries(entries: Mapping[str, Any], keys: Iterable[object]) -> None:
    """Update what is bound to these entries of a dict."""
    for key in keys:
        if (id(entries), (key,)) in bindings:
            _propagate_through(entries, (cast(str, key),))


def attributes_of(found: object) -> Iterable[str]:
    """Return the keys of a dict, or the names of an object's attributes."""
    if isinstance(found, Mapping):
        return cast(Mapping[str, Any], found)
    cls = type(found)
    names = getattr(cls, '__struct_fields__', None) or getattr(cls, '__dataclass_fields__', None)
    return cast(Iterable[str], names or getattr(found, '__dict__', ()))


def move_bindings(pairs: Iterable[tuple[object, object]]) -> None:
    """Bind what is bound to the attributes of objects to those of others in their place, which it then shows."""
    moved: list[tuple[object, object, str, Any, tuple[str, ...], Any, list[Any]]] = []
    for old, new in pairs:
        for name in attributes_of(old):
            for _, target, names, transform in bindings.get((id(old), (name,)), ()):
                back = bindings.get((id(target), names), ())
                returning = [each[3] for each in back if each[1] is old and each[2] == (name,)]
                moved.append((old, new, name, target, names, transform, returning))
    if moved:
        binding.remove([old for old, *_ in moved])
    for _, new, name, target, names, transform, returning in moved:
        binding.bind_from(target, names, new, name, transform)
        for back in returning:
            binding.bind_to(target, names, new, name, back)


def sources_inside(page: object, field: str, entries: object) -> Iterator[tuple[Element, object, tuple[str, ...]]]:
    """Iterate over the elements whose value is just being propagated into a dict, which is within a field of a page.

    With each comes what it is bound to: that dict and a key, or the page and nested names.
    """
    for key in list(binding.propagation_visited.get() or ()):
        for source, target, names, _ in bindings.get(key, ()):
            inside = _value_at(target, names[:-1]) is entries or (target is page and names[0] == field)
            if inside and isinstance(source, Element):
                yield source, target, names


def value_at(owner: object, names: tuple[str, ...]) -> object:
    """Return what an attribute, an entry or nested names lead to; a value equal to no other where there is none."""
    return _value_at(owner, names)


Links = list[tuple[Any, tuple[str, ...], Any, tuple[str, ...], Any]]


def stop_polling(owner: object, names: tuple[str, ...]) -> Links:
    """Keep NiceGUI from setting what is bound to an entry back to it, ten times a second; return its links."""
    links, others = Links(), Links()
    for link in binding.active_links:
        (links if link[0] is owner and link[1] == names else others).append(link)
    if links:
        binding.active_links[:] = others
    return links


def poll_again(links: Links) -> None:
    """Let NiceGUI poll these links again, unless their elements are gone or bound to something else by now."""
    for link in links:
        owner, names, element, attribute, _ = link
        leads = bindings.get((id(owner), names), ())
        if any(each[1] is element and each[2] == attribute for each in leads) and not element.is_deleted:
            binding.active_links.append(link)


def containers_of(handler: object) -> Callable[[], list[Element]] | None:
    """Return what finds the containers that a handler draws again, if it is the `refresh` of a refreshable."""
    owner: Any = getattr(handler, '__self__', None)
    if isinstance(owner, refreshable):
        return partial(_containers, owner, cast(Any, owner).instance)
    cells: Iterable[Any] = getattr(handler, '__closure__', None) or () if _name_of(handler) == 'refresh' else ()
    options: Mapping[str, Any] = getattr(handler, '__kwdefaults__', None) or {}
    for cell in cells:
        if isinstance(cell.cell_contents, refreshable):
            return partial(_containers, cast(Any, cell.cell_contents), options.get('_instance'))
    return None


def _name_of(handler: object) -> str:
    return str(getattr(handler, '__name__', ''))


def _containers(drawn: Any, instance: object) -> list[Element]:
    return [each.container for each in drawn.targets if each.instance == instance and not each.container.is_deleted]


class TwoWay(NamedTuple):
    """An element bound both ways by its `value` or, as a chip, by `selected`; `transform` is for what it brings."""

    element: Element
    attribute: str
    transform: Transform | None


def two_way(owner: object, *names: str) -> Iterator[TwoWay]:
    """Iterate over the elements bound to an attribute both ways."""
    for _, element, attributes, _ in bindings.get((id(owner), names), ()):
        if len(attributes) != 1 or not _is_entered(element, attributes[0]):
            continue
        for _, target, target_name, transform in bindings.get((id(element), attributes), ()):
            if target is owner and target_name == names:
                yield TwoWay(element, attributes[0], transform)
                break


def two_way_from(element: Element) -> Iterator[tuple[TwoWay, Any, tuple[str, ...]]]:
    """Iterate over what an element is bound to both ways, other than elements: object and nested names."""
    for attribute in _ENTERED:
        for _, target, names, transform in bindings.get((id(element), (attribute,)), ()):
            if isinstance(target, Element) or not _is_entered(element, attribute):
                continue
            back = bindings.get((id(target), names), ())
            if any(source is element and name == (attribute,) for _, source, name, _ in back):
                yield TwoWay(element, attribute, transform), target, names


_ENTERED: Final = {'value': ValueElement, 'selected': SelectableElement}
"""By attribute of an element: the class whose browser sends events about it."""


def _is_entered(element: object, attribute: str) -> bool:
    return isinstance(element, _ENTERED.get(attribute, ()))


def replace_transforms(element: object, replacement: Callable[[object, tuple[str, ...], Transform], Transform]) -> None:
    """Replace what bindings make of an element's value on its way, also through other elements, as of a date picker."""
    waiting, seen = [element], set[int]()
    while waiting:
        source = waiting.pop()
        seen.add(id(source))
        for attribute in _ENTERED:
            leads = bindings.get((id(source), (attribute,)), [])
            for index, (owner, target, names, transform) in enumerate(leads):
                if transform is not None:
                    leads[index] = (owner, target, names, replacement(target, names, transform))
                if isinstance(target, ValueElement) and names == ('value',) and id(target) not in seen:
                    waiting.append(target)


# ---- events


def around_each_event(
    client: Client,
    before: Callable[[object], None],
    done: Callable[[dict[str, Any]], None],
    first: Sequence[Callable[[], None]] = (),
) -> None:
    """Call back around each event of the client's browser: after its handlers' first `await`, and before them.

    All that is in `first` is called before all else. `before` gets the element, once for as many bindings of what is
    entered as there are, if one has a transform or leads to another element.
    """
    handle = getattr(client, 'handle_event', None)
    if handle is None:
        return  # missing in this NiceGUI: changes in place are found when the page disconnects

    seen: dict[int, int] = {}  # by element: how many bindings led from it when it was last shown to `before`

    def handle_and_notify(message: dict[str, Any]) -> None:
        for each in first:
            each()
        if (element := client.elements.get(message.get('id', -1))) is not None:
            links = [link for attribute in _ENTERED for link in bindings.get((id(element), (attribute,)), ())]
            if seen.get(element.id, 0) != len(links):
                seen[element.id] = len(links)
                if any(transform is not None or isinstance(target, Element) for _, target, _, transform in links):
                    before(element)
        with acting(person=True):
            handle(message)
        done(message)

    setattr(client, 'handle_event', handle_and_notify)  # noqa: B010 a method, hidden by an attribute of this client


_person_acts: ContextVar[bool] = ContextVar('nicegui_stash_person_acts', default=False)


@contextmanager
def acting(*, person: bool) -> Generator[None]:
    """Say who causes what happens meanwhile, also in the handlers that go on in tasks of their own."""
    token = _person_acts.set(person)
    try:
        yield
    finally:
        _person_acts.reset(token)


def is_person_acting(client: Client) -> bool:
    """Whether an event of the client's browser causes what happens now. A simulated user sends no events."""
    return _person_acts.get() or is_simulated(client)


Hear = Callable[[dict[str, Any]], None]
_HEARING: Final = '_nicegui_stash_hearing'
_BURST: Final = 1000
"""So many messages may come in one request, where the socket is replaced by polling."""


def take_bursts() -> None:
    """Let a page send many messages at once by polling.

    NiceGUI's socket library takes 16 in one request; of more it drops all, and answers as if it had taken them. What is
    entered while a page connects, and a slider on a slow network, is more.
    """
    Payload.max_decode_packets = max(Payload.max_decode_packets, _BURST)


def take_messages(name: str) -> None:
    """Hand the messages of this name that pages send over NiceGUI's socket to whoever listens to their client."""
    sio = getattr(core, 'sio', None)
    if sio is None:
        return  # missing in this NiceGUI: no report arrives, so the reason of each visit is `unknown`

    def receive(_: str, sent: object = None) -> None:
        message = cast(dict[str, Any], sent) if isinstance(sent, dict) else {}
        client = Client.instances.get(message['client_id']) if isinstance(message.get('client_id'), str) else None
        if client is not None and client.has_socket_connection:
            for hear in getattr(client, _HEARING, ()):
                hear(message)

    sio.on(name, receive)


def listen(client: Client, hear: Hear) -> None:
    """Call back with each message that the client's page sends; what it needs of the client, `hearing` gives."""
    setattr(client, _HEARING, (*getattr(client, _HEARING, ()), hear))


@contextmanager
def hearing(client: Client) -> Generator[None]:
    """Enter a client whose page has sent a message. This alone costs what an event of NiceGUI does."""
    request_contextvar.set(client._request)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    with client:
        yield


def add_to_body(client: Client, html: str) -> None:
    """Add to the first HTML of a client, without entering it as `ui.add_body_html` requires."""
    client._body_html += html + '\n'  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]


def before_response(client: Client, prepare: Callable[[], None]) -> None:
    """Call back after the page function, before its elements become the first HTML."""
    build_response = getattr(client, 'build_response', None)
    if build_response is None:
        return  # missing in this NiceGUI: the addresses follow when the page connects

    def prepare_and_build(*arguments: Any, **options: Any) -> Any:
        prepare()
        return build_response(*arguments, **options)

    setattr(client, 'build_response', prepare_and_build)  # noqa: B010 as above


def after_response(client: Client, replace: Callable[[Response], Response]) -> None:
    """Replace the answer to a page's request, once it is built."""
    build_response = getattr(client, 'build_response', None)
    if build_response is None:
        return  # missing in this NiceGUI: the page has no digest, so it comes back by a reload

    def build_and_replace(*arguments: Any, **options: Any) -> Any:
        return replace(build_response(*arguments, **options))

    setattr(client, 'build_response', build_and_replace)  # noqa: B010 as above


class Content(NamedTuple):
    """What a page's HTML has of its own, taken out of it."""

    elements: str
    """Escaped as in the HTML."""
    next_message: int
    imports: dict[str, str]
    components: dict[str, str]
    """By tag: the addresses of the components that its elements need."""
    bound: dict[str, str]


_ELEMENTS: Final = re.compile(r'(?<=createApp\(parseElements\(String\.raw`)[^`]*(?=`\), \{)')
_IMPORTS: Final = re.compile(r'(?s)<script type="importmap">\s*(\{.*?\})\s*</script>')
_COMPONENT: Final = re.compile(r'import \{ default as (\w+) \} from "([^"]+)";\s*app\.component\("([^"]+)", \1\);')
_BOUND: Final = re.compile(r'<script type="application/json" class="nicegui-stash-bound">(.*?)</script>\n')
_SEAL: Final = re.compile(r' data-seal="[^"]*"')
_NEXT_MESSAGE: Final = re.compile(r"'next_message_id': (\d+)")


def content_of(response: Response) -> Content | None:
    """Take out a page's content; `None` for any other answer, and for one of a template that is not known."""
    if response.status_code != 200 or not response.headers.get('content-type', '').startswith('text/html'):
        return None
    html = bytes(response.body).decode()
    elements, imports, following = _ELEMENTS.search(html), _IMPORTS.search(html), _NEXT_MESSAGE.search(html)
    if elements is None or imports is None or following is None:
        return None
    bound = _BOUND.search(html, 0, elements.start())
    return Content(
        elements[0],
        int(following[1]),
        json.loads(imports[1])['imports'],
        {tag: address for _, address, tag in _COMPONENT.findall(html, elements.end())},
        json.loads(bound[1]) if bound else {},
    )


def surroundings_of(client: Client) -> str | None:
    """Return a digest of what a page's HTML has around its content and title; `None` if not known."""
    page, request = client.page, client.request
    try:
        around = (
            _around_all_pages(id(app.config), len(vue_components)),
            client.head_html,
            _SEAL.sub('', _BOUND.sub('', client.body_html)),
            f'{page.resolve_viewport()}\0{page.resolve_dark()}\0{page.resolve_language()}\0{page.favicon}',
            f'{request.headers.get("x-forwarded-prefix")}\0{request.scope.get("root_path")}',
        )
    except AttributeError:  # missing in this NiceGUI: the page comes back by a reload
        return None
    return blake2b('\0'.join(around).encode('utf-8', 'surrogatepass'), digest_size=12).hexdigest()


@lru_cache(maxsize=4)
def _around_all_pages(_config: int, _components: int) -> str:
    """Return what the HTML of all pages has in common; it is another one with other arguments."""
    config = app.config
    return repr(
        (
            nicegui.__version__,
            config.favicon,
            (config.tailwind, config.unocss, config.prod_js, config.quasar_config, config.vue_config_script),
            (config.socket_io_js_query_params, config.socket_io_js_extra_headers, config.socket_io_js_transports),
            [(each.key, each.html, each.style) for each in vue_components.values()],
        )
    )


def replace_in_body(client: Client, old: str, new: str) -> None:
    """Replace what was added to the first HTML of a client."""
    client._body_html = client._body_html.replace(old, new)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]


# ---- values of elements


def kind_of(element: Element) -> str:
    """Return the class of an element and its options, which give an event's index its meaning."""
    options = getattr(element, 'options', None)
    return f'{type(element).__qualname__} {options!r}'


def element_count(client: Client) -> int:
    """Return a number that grows with every element of a client."""
    return int(getattr(client, 'next_element_id', -1))


def shown_value(element: Element, attribute: str = 'value') -> tuple[Any, bool]:
    """Return the value that the browser shows, and whether it is a number written as a text."""
    props = cast(dict[str, Any], element._props)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    return props.get(_prop_of(element, attribute)), props.get('type') == 'number'


def _prop_of(element: Element, attribute: str) -> str:
    return element.VALUE_PROP if attribute == 'value' and isinstance(element, ValueElement) else attribute


def value_of_event(element: Element, attribute: str, arguments: Any) -> Any:
    """Return the value that an event with these arguments would set, without setting it.

    Raises whatever the element does for arguments that it never sends.
    """
    if attribute != 'value' or not isinstance(element, ValueElement):
        if not isinstance(arguments, bool):
            raise TypeError('an element is selected or not')
        return arguments
    if isinstance(arguments, str) and element.props.get('new-value-mode'):
        return arguments  # asking a `ui.select` would add a new option
    if _sends_differences(element):
        if not isinstance(arguments, str):
            raise TypeError('the new value of the element must be a text')
        return arguments
    event = GenericEventArguments(sender=element, client=element.client, args=copy.deepcopy(arguments))
    return cast(ValueElement[Any], element)._event_args_to_value(event)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]


def replay(element: Element, attribute: str, arguments: Any) -> None:
    """Let an element handle an event as if its browser had just sent it.

    Raises whatever the element does for arguments that it never sends, which NiceGUI would only log.
    """
    wanted = f'update:{_prop_of(element, attribute)}'
    listeners = element._event_listeners.values()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    listener = next(each for each in listeners if each.type in {wanted, wanted.replace('model-value', 'modelValue')})
    if _sends_differences(element):
        before = len(str(cast(Any, element).value or '').encode('utf-16-le', 'surrogatepass')) // 2
        after = len(arguments.encode('utf-16-le', 'surrogatepass')) // 2
        arguments = {'sections': [before, after], 'inserted': [arguments.split('\n')]}
    request_contextvar.set(listener.request)
    event = GenericEventArguments(sender=element, client=element.client, args=arguments)
    with element.parent_slot or element.client.layout.default_slot:
        cast(Callable[[GenericEventArguments], None], listener.handler)(event)


def on_entered(element: Any, handler: Callable[[], None]) -> None:
    """Call back when the value of an element changes, or whether it is selected."""
    if isinstance(element, ValueElement):
        element.on_value_change(handler)
    if isinstance(element, SelectableElement) and hasattr(element, '_selection_change_handlers'):
        element.on_selection_change(handler)


def event_value(element: ValueElement[Any]) -> Any:
    """Return the value of an element as its change handlers get it: the name of a tab, not the tab."""
    if _is_plain(type(element)):
        return getattr(element, '___value')  # what `element.value` gives, at a third of the cost
    return element._value_to_event_value(element.value)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]


@lru_cache(maxsize=256)
def _is_plain(cls: type) -> bool:
    """Whether the change handlers of a class's elements get NiceGUI's bindable value as it is."""
    values = (vars(each)['value'] for each in cls.__mro__ if 'value' in vars(each))
    return cast(Any, cls)._value_to_event_value is _SAME_VALUE and next(values) is vars(ValueElement)['value']  # noqa: SLF001


_SAME_VALUE: Final[Any] = cast(Any, ValueElement)._value_to_event_value  # noqa: SLF001
_SETS_ONLY: Final[frozenset[Any]] = frozenset(
    cls._handle_value_change  # pyright: ignore[reportPrivateUsage]
    for cls in (ValueElement, ValidationElement, ui.input)
)
"""What handles a new value, and does no more than set it while nothing is sent, listens or validates."""
_PLAIN: Final = frozenset({str, int, float, bool, type(None)})


def set_quietly(element: ValueElement[Any], value: Any) -> None:
    """Set the value of an element, and what is bound to it, without calling its change handlers.

    An element that is bound to nothing, and not sent yet, needs nothing else than its value.
    """
    if (
        not element._send_update_on_value_change  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        and type(element)._handle_value_change in _SETS_ONLY  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        and getattr(element, '_validation', None) is None
        and getattr(element, '_error', None) is None
        and hasattr(element, '___value')
        and (id(element), ('value',)) not in bindings
    ):
        setattr(element, '___value', value)
        _set_prop_unsent(element, element.VALUE_PROP, element._value_to_model_value(value))  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        return
    handlers = element._change_handlers  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    element._change_handlers = []  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    try:
        element.value = value
    finally:
        element._change_handlers = handlers  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]


def _set_prop_unsent(element: Element, name: str, value: Any) -> None:
    """Set a prop without an update, and without what NiceGUI does to observe it.

    A plain value has nothing to observe. The option that a choice shows is replaced, and never changed in place.
    """
    props = element.props
    before = cast(object, props.get(name))
    if (before is None or type(before) in _PLAIN or isinstance(element, ChoiceElement)) and (
        type(value) in _PLAIN
        or (type(value) is dict and _PLAIN.issuperset(map(type, cast(dict[str, Any], value).values())))
    ):
        dict.__setitem__(props, name, value)
        return
    with props.suspend_updates():
        props[name] = value


def unsent(element: Any, recall: Callable[[Any], bool], raw: Any) -> bool:
    """Call back, and send no update of the element whose value is set meanwhile: it is not in the first HTML yet."""
    sends = getattr(element, '_send_update_on_value_change', None)
    if not sends:
        return recall(raw)
    element._send_update_on_value_change = False  # noqa: SLF001
    try:
        return recall(raw)
    finally:
        element._send_update_on_value_change = sends  # noqa: SLF001


def announce_value(element: ValueElement[Any], previous: Any, *, but: object) -> None:
    """Call the change handlers of an element whose value was set quietly, without one of them."""
    handlers = [each for each in element._change_handlers if each is not but]  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    if not handlers:
        return
    arguments = ValueChangeEventArguments(
        sender=element, client=element.client, value=event_value(element), previous_value=previous
    )
    for handler in handlers:
        handle_event(handler, arguments)


def values_of_options(element: ChoiceElement) -> Iterable[Any]:
    """Return the values among which a choice element's options let a person choose."""
    return cast(Iterable[Any], element.options)  # a list of values, or a dict by value


def has_listener(element: Element, event: str) -> bool:
    """Whether an element listens to an event, by its name in camel case."""
    return any(each.type == event for each in element._event_listeners.values())  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]


def fire(element: Element, event: str, arguments: Any) -> None:
    """Let an element handle an event, by its name in camel case, as if its browser had sent it with `arguments`."""
    for listener in list(element._event_listeners.values()):  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        if listener.type == event and listener.handler is not None:
            sent = GenericEventArguments(sender=element, client=element.client, args=copy.deepcopy(arguments))
            handle_event(cast(Any, listener.handler), sent)


def screen(element: Element, event: str, js_handler: str, admits: Callable[[GenericEventArguments], bool]) -> None:
    """Let the element's own handler of an event, by its name in camel case, have only the events that `admits` admits.

    `js_handler` says what the browser sends; `admits` turns that into the arguments that the handler expects.
    """
    for listener in element._event_listeners.values():  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        if listener.type == event and listener.handler is not None:
            listener.js_handler = js_handler
            listener.handler = _screened(cast(Callable[[GenericEventArguments], Any], listener.handler), admits)
            element.update()
            return


def _screened(
    handler: Callable[[GenericEventArguments], Any], admits: Callable[[GenericEventArguments], bool]
) -> Callable[[GenericEventArguments], Any]:
    def receive(event: GenericEventArguments) -> Any:
        return handler(event) if admits(event) else None

    return receive


def _sends_differences(element: object) -> bool:
    """Whether the events of an element have differences, not the new value: `ui.codemirror`."""
    return hasattr(element, '_apply_change_set')


# ---- choices

IsStored = Callable[[object, tuple[str, ...]], bool]
"""Whether an attribute, or a nested one, is stored."""


def is_choice(element: object) -> bool:
    """Whether a person chooses among options, and does not enter a text."""
    return isinstance(element, ChoiceElement)


def on_new_options(element: Element, notice: Callable[[], object]) -> None:
    """Call back whenever a choice element may have got other options; do nothing for any other element."""
    update = getattr(element, '_update_options', None) if isinstance(element, ChoiceElement) else None
    if update is None or '_update_options' in vars(element):
        return

    def update_and_notice() -> None:
        update()
        notice()

    setattr(element, '_update_options', update_and_notice)  # noqa: B010 a method, hidden by an attribute of this element


def keep_values_without_option(is_stored: IsStored) -> None:
    """Let a choice element that is bound to what is stored keep a value that its options do not hold.

    `ChoiceElement._update_options` sets such a value to `None`, which a binding would store. With `multiple`, the next
    click would drop it. It is shown as soon as the options hold it. Asking again changes nothing.
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


def show_sets_in_order() -> None:
    """Let an element show a set as a list, in an order that another process finds as well.

    NiceGUI cannot send a set, and has the choices of one in the order of its hashes. Asking again changes nothing.
    """
    for cls, order in ((ui.input_chips, _sorted), (ui.date, _sorted), (Select, _by_options)):
        original: Any = getattr(cls, '_value_to_model_value', None)
        if original is not None and not hasattr(original, 'orders'):
            replacement = _showing_in_order(original, order)
            setattr(replacement, 'orders', order)  # noqa: B010 as above
            setattr(cls, '_value_to_model_value', replacement)  # noqa: B010 as above


def _showing_in_order(original: Any, order: Callable[[Any, Iterable[Any]], list[Any]]) -> Any:
    def value_to_model_value(element: Any, value: Any) -> Any:
        return original(element, order(element, cast(Any, value)) if isinstance(value, (set, frozenset)) else value)

    return value_to_model_value


def _sorted(_: object, items: Iterable[Any]) -> list[Any]:
    found = list(items)
    try:
        return sorted(found)
    except TypeError:  # of several types
        return sorted(found, key=repr)


def _by_options(element: Any, items: Iterable[Any]) -> list[Any]:
    held = list(items)
    return [each for each in element._values if each in held]  # noqa: SLF001


def _updating_options(original: Callable[[Any], None], is_stored: IsStored) -> Callable[[Any], None]:
    def update_options(element: Any) -> None:
        _note_options(element)
        value = element.value
        is_list = isinstance(value, list) or not _is_several(element, value)  # NiceGUI empties other collections
        if value is None or (is_list and not _without_option(element)) or not _is_kept(element, is_stored):
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


_OPTIONS: Final = '_nicegui_stash_options'
_ON_OPTIONS: Final = '_nicegui_stash_on_options'


def on_changed_options(client: Client, notice: Callable[[], None]) -> None:
    """Call back when a bound choice element of a client may have got other options: an index means others then."""
    setattr(client, _ON_OPTIONS, notice)


def _note_options(element: Any) -> None:
    notice = getattr(element.client, _ON_OPTIONS, None)
    if notice is None or (id(element), ('value',)) not in bindings:
        return
    options = (list(element._values), list(element._labels))  # noqa: SLF001
    if getattr(element, _OPTIONS, None) != options:
        setattr(element, _OPTIONS, options)
        notice()


def _choosing(original: Callable[[Any, Any], Any], is_stored: IsStored) -> Callable[[Any, Any], Any]:
    def event_args_to_value(element: Any, event: GenericEventArguments) -> Any:
        before = _items(element, element.value)
        hidden = [each for each in _without_option(element) if not _is_typed(element, each)]
        value = original(element, event)
        if not element.multiple or not hidden or not _is_kept(element, is_stored):
            return value
        kept = [each for each in before if each in hidden or each in value]
        return [*kept, *(each for each in _items(element, value) if each not in kept)]

    return event_args_to_value


def keep_typed(element: Element) -> None:
    """Let a choice element keep, and show, the text without option that a person once typed into it."""
    if isinstance(element, ChoiceElement) and 'new-value-mode' in element.props and _without_option(element):
        setattr(element, _KEEPS, True)
        with element.props.suspend_updates():
            element.props[element.VALUE_PROP] = _model_of(element, element.value)


_KEEPS: Final = '_nicegui_stash_keeps'


def _is_kept(element: object, is_stored: IsStored) -> bool:
    return hasattr(element, _KEEPS) or _is_bound(element, is_stored)


def _is_several(element: Any, value: object) -> bool:
    """Whether a value is several choices: NiceGUI has lists, and a field may be a set or a tuple."""
    is_multiple = bool(getattr(element, 'multiple', False))
    return isinstance(value, list) or (is_multiple and isinstance(value, (set, frozenset, tuple)))


def _items(element: Any, value: Any) -> list[Any]:
    if not _is_several(element, value):
        return [value]
    items = list(cast(list[Any], value))
    if not isinstance(value, (set, frozenset)):
        return items
    shown = _by_options(element, items)
    return [*shown, *_sorted(element, (each for each in items if each not in shown))]


def _without_option(element: Any) -> list[Any]:
    values = element._values  # noqa: SLF001
    return [each for each in _items(element, element.value) if each not in values]


def _model_of(element: Any, value: Any) -> Any:
    """Return what the browser shows. A text without option that was typed once is shown as when it is typed."""
    model_of = element._value_to_model_value  # noqa: SLF001
    if not _is_several(element, value):
        return value if _is_typed(element, value) else model_of(value)
    return [
        shown for each in _items(element, value) for shown in ([each] if _is_typed(element, each) else model_of([each]))
    ]


def _is_typed(element: Any, value: Any) -> bool:
    """Whether it is a text without option that a person may have typed."""
    may_type = bool(element.props.get('new-value-mode')) and isinstance(element.options, list)
    return may_type and isinstance(value, str) and value not in element.options


def count_line_ends_as_browser(is_stored: IsStored) -> None:
    """Let `ui.codemirror` apply what a person types to a stored text with the line ends that its browser counts.

    NiceGUI applies it to the text as it was set. There the two characters of a Windows line end count as two, so that
    each line loses one. Asking again changes nothing.
    """
    original = getattr(ui.codemirror, '_apply_change_set', None)
    if original is None or hasattr(original, 'is_stored'):  # not there: the value of an event is not a difference
        return

    def apply_change_set(element: Any, *difference: Any) -> str:
        if '\r' in (element.value or '') and _is_bound(element, is_stored):
            shown = _LINE_END.sub('\n', element.value)
            setattr(element, '___value', shown)
            element._codepoints = element._encode_codepoints(shown)  # noqa: SLF001
        return original(element, *difference)

    setattr(apply_change_set, 'is_stored', is_stored)  # noqa: B010 as above
    setattr(ui.codemirror, '_apply_change_set', apply_change_set)  # noqa: B010 as above


def _is_bound(element: object, is_stored: IsStored) -> bool:
    """Whether a value comes from what is stored, or leads there."""
    leads = bindings.get((id(element), ('value',)), ())
    return any(is_stored(target, names) for _, target, names, _ in leads) or any(
        target is element and is_stored(source, names)
        for key in binding.propagation_visited.get() or ()
        for names in (key[1],)
        for source, target, _, _ in bindings.get(key, ())
    )


def is_bound_with(element: object, is_meant: IsStored) -> bool:
    """Whether the value of an element leads to such an attribute, or comes from there."""
    leads = bindings.get((id(element), ('value',)), ())
    return any(is_meant(target, names) for _, target, names, _ in leads) or any(
        target is element and names == ('value',) and is_meant(source, key[1])
        for key, links in bindings.items()
        for source, target, names, _ in links
    )


# ---- elements


class Ending(Element, component=None):
    """An invisible element that calls back when its container is cleared."""

    def __init__(self, on_end: Callable[[], None]) -> None:
        super().__init__('template')
        self._on_end = on_end

    def _handle_delete(self) -> None:
        self._on_end()
        super()._handle_delete()


def markers_of(element: Element) -> list[str]:
    return element._markers  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]


def view_path(element: Element) -> str | None:
    """Return the path of the view of `ui.sub_pages` that an element is in; `None` outside."""
    views = next((each for each in element.ancestors() if isinstance(each, SubPages)), None)
    return None if views is None else str(getattr(views, '_rendered_path', '') or '/')


def shows_views(element: Element) -> bool:
    """Whether the children of an element are those of another view later."""
    return isinstance(element, SubPages)


@contextmanager
def apart_from_the_app(client: Client) -> Generator[None]:
    """Make one element at the end of the page, with a number that no element of the app has: -2 or less.

    NiceGUI numbers elements in the order in which they are made, and others go by that: elements that a return in
    place keeps, what is carried over, and blocks of remembered elements. All of them look from 0 upwards; -1 is what
    an event has without a number.
    """
    following = client.next_element_id
    client.next_element_id = min(-1, *client.elements) - 1
    try:
        with client.layout:
            yield
    finally:
        client.next_element_id = following


def reconnect_timeout(client: Client) -> float:
    """Return for how many seconds the server keeps a page whose connection is lost."""
    resolve = getattr(client.page, 'resolve_reconnect_timeout', None)
    return float(app.config.reconnect_timeout if resolve is None else resolve())


def on_new_elements(client: Client, notice: Callable[[], None]) -> None:
    """Call back whenever a client gets a new element, which is not complete by then."""
    known = client.next_element_id

    def look(element: Element) -> None:
        nonlocal known
        if element.id >= known:
            known = element.id + 1
            notice()

    on_updates(client, look)


def on_updates(client: Client, notice: Callable[[Element], None]) -> None:
    """Call back whenever an element of a client is new or has changed; a new one is not complete by then."""
    outbox = client.outbox
    enqueue_update = outbox.enqueue_update

    def enqueue_and_notice(element: Element) -> None:
        notice(element)
        enqueue_update(element)

    setattr(outbox, 'enqueue_update', enqueue_and_notice)  # noqa: B010 as `handle_event`


def show_error(client: Client, error: Exception | str) -> None:
    """Replace a page's content by NiceGUI's error page, for a failure after the first HTML was delivered."""
    client.content.clear()
    with client.content:
        error_content(500, error)


def is_initial(client: Client) -> bool:
    """Whether `ui.sub_pages` shows its view because the page was loaded, not after navigation within it."""
    return bool(getattr(client.sub_pages_router, 'is_initial_request', True))


def check_pages(check: Callable[[object, str], None]) -> None:
    """Check what `@ui.page` decorates, and with which path. Asking again changes nothing."""
    decorate: Any = ui.page.__call__
    if hasattr(decorate, 'checks'):
        return

    def check_and_decorate(page: ui.page, func: Any) -> Any:
        check(func, page.path)
        return decorate(page, func)

    setattr(check_and_decorate, 'checks', check)  # noqa: B010 a function has no such attribute for a type checker
    setattr(ui.page, '__call__', check_and_decorate)  # noqa: B010 a method of somebody else's class


# ---- scripts


def is_script_for_nobody() -> bool:
    """Whether a script without pages runs for the first time, before the server starts, for no visitor."""
    return core.script_mode and not app.is_started


def is_script_for_visitor() -> bool:
    """Whether this app is a script without pages, which NiceGUI runs again for each visitor."""
    return core.script_mode and app.is_started


def on_shutdown(handler: Callable[[], Any]) -> None:
    """Call back at the shutdown, even where NiceGUI refuses new handlers: while it runs a script for a visitor."""
    script, core.script_mode = core.script_mode, False
    try:
        app.on_shutdown(handler)
    finally:
        core.script_mode = script


def end_workers() -> None:
    """End the processes of `run.cpu_bound`, as NiceGUI does after the handlers of a shutdown."""
    run.tear_down()


# ---- requests and clients


def is_simulated(client: Client) -> bool:
    """Whether the client belongs to NiceGUI's user simulation, which has no browser to run a script."""
    scope: dict[str, Any] = (client.environ or {}).get('asgi.scope', {})
    return scope.get('type') == 'test'


def current_client() -> Client | None:
    """Return the client that was entered, if one was and it has a request."""
    stack = Slot.get_stack()
    client = stack[-1].parent.client if stack else None
    return client if client is not None and client._request is not None else None  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]


def current_request() -> Request | None:
    """Return the request of the current client, or else the request that is being answered.

    The client comes first: `with client:` in another handler or job means that client's session, as in `forget`.
    """
    stack = Slot.get_stack()
    if stack and (request := stack[-1].parent.client._request) is not None:  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        return request
    request = request_contextvar.get()
    return request if isinstance(request, Request) else None


def session_id_of(client: Client) -> str | None:
    """Return the id in the cookie of a page's request; `None` for a client without a request."""
    request = client._request  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    return None if request is None else request.session.get('id')


def is_known(client_id: str) -> bool:
    """Whether this process has a client of this id."""
    return client_id in Client.instances


def clients_of(session_id: str) -> list[Client]:
    """Return the open pages of a browser session."""
    return [client for client in Client.instances.values() if session_id_of(client) == session_id]


def not_found(request: Request) -> HTTPException:
    """Return what a route raises so that the answer is that of an address that has no route.

    NiceGUI answers a 404 of a route in JSON, and one without a route by its page.
    """
    request.scope.pop('endpoint', None)
    return HTTPException(404)


def storage_secret() -> str | None:
    return app.storage.secret


def session_cookie_is_valid(request: Request) -> bool:
    """Whether the request brought its session id; otherwise NiceGUI's middleware has just made one."""
    if not getattr(request.session, 'modified', True):
        return True  # Starlette read the session from a valid cookie, and it is unchanged
    options = next(
        (middleware.kwargs for middleware in app.user_middleware if middleware.cls is SessionMiddleware), None
    )
    if options is None:  # the parent app has the middleware, with options unknown here
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
    """Call back whenever a page connects; a second call changes nothing. NiceGUI's tests drop handlers, not routes."""
    if handler not in app._connect_handlers:  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        app.on_connect(handler)
