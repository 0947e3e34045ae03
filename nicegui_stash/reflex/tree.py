"""The tree of states of one client, and the document that keeps it: changes go up, what others wrote comes down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from msgspec import Raw

from ..errors import ValueNotStorable
from ..model.document import SESSION_PART, Part, SliceId
from ..model.operations import Set
from ..model.recovery import decode_value, stored_value
from ..session.session import Session
from .declared import MISSING, StateSchema
from .reflex_private import (
    BaseState,
    has_unsent,
    is_plain_attribute,
    is_touched,
    nodes,
    plain,
    set_touched,
    show,
    touch_all,
)
from .turns import Turns

_UNSURE: Final = object()
"""Stands for a value that may change in place: no value is this one."""
_SAME_IF_IDENTICAL: Final = frozenset({int, str, float, bool, bytes, type(None)})
"""Types whose objects never change, so that the same object has the same JSON."""

SchemaOf = Callable[[type[BaseState]], StateSchema]
Refuse = Callable[[ValueNotStorable], None]
"""Told of each change that is not stored."""
Report = Callable[[str, str], None]
"""Told of each stored value that does not come back: which, and why."""


class Node:
    """One state of the tree, and what the document is known to have of it.

    `_known` has the JSON of each var as it was read or accepted last, where that is not the default's: what differs
    from it was changed here. `_seen` has the values, in the order of the fields, as far as they cannot change in place.
    """

    __slots__ = ('_declared', '_known', '_seen', '_slice_id', 'computed', 'state')

    def __init__(self, state: BaseState, declared: StateSchema) -> None:
        self.state = state
        self.computed = declared.computed
        self._declared = declared
        self._slice_id = declared.schema.slice_id()
        self._known: dict[str, Raw] = {}
        self._seen: list[Any] = declared.nothing_seen.copy()

    @property
    def has_new_computed(self) -> bool:
        """Whether a default that differs each time was made, and is not stored yet."""
        return any(name not in self._known and name in vars(self.state) for name in self.computed)

    def accept(self, tree: Tree) -> None:
        """Hand what was changed here to the document of the tree."""
        values, seen, known = vars(self.state), self._seen, self._known
        for index, name, encode, default in self._declared.rows:
            value = values.get(name, MISSING)
            if value is seen[index]:
                continue
            try:
                try:
                    raw = encode(value)[1]
                except ValueNotStorable:
                    raw = _encode_plain(encode, value)
                if raw != known.get(name, default):
                    tree.session.set(self._slice_id, SESSION_PART, name, raw, source=tree)
                    known[name] = raw
            except ValueNotStorable as error:
                tree.note_refused(error)
            else:
                seen[index] = value if type(value) in _SAME_IF_IDENTICAL else _UNSURE

    def fill(self, session: Session, *, is_new: bool) -> Iterator[tuple[str, str]]:
        """Take from the document what differs from what is known, and yield what does not fit, each with its reason.

        `is_new`: nobody has seen this tree yet; otherwise the browser is sent what is different.
        """
        schema = self._declared.schema
        found = session.inherit(schema, '')
        if found.problem is not None:
            yield '', found.problem.why
        data = found.slice.data if found.slice is not None else None
        for index, name, _, default in self._declared.rows:
            field = schema.fields[name]
            raw = stored_value(field, data) or default
            if raw is None or raw == self._known.get(name, default):
                continue
            value, problem = decode_value(field, raw, found.from_version or schema.version)
            if problem is not None:
                yield name, problem.why
                continue
            self._known[name] = raw
            self._seen[index] = _UNSURE
            if is_new:
                vars(self.state)[name] = value
            else:
                show(self.state, name, value)


def _encode_plain(encode: Callable[[Any], tuple[Any, Raw]], value: Any) -> Raw:
    """Encode a value that may hold what Reflex watches. Raises `ValueNotStorable` if that was not the reason."""
    return encode(plain(value))[1]


class Tree:
    """All states of one client, kept equal to its document. A `Subscriber`.

    One event at a time changes it: that whose turn it is.
    """

    def __init__(
        self, ident: str, root: BaseState, session: Session, schema_of: SchemaOf, refuse: Refuse, report: Report
    ) -> None:
        self.ident = ident
        self.root = root
        self.session = session
        self.turns = Turns()
        self.used = 0.0
        self.looked = 0.0
        self.kept = -1.0  # `used`, when it was found to hold more than its document
        self.refused: ValueNotStorable | None = None
        self._schema_of = schema_of
        self._refuse = refuse
        self._report = report
        self.is_stale = True
        self._nodes = self._make_nodes()
        session.attach(self)
        self.refresh(is_new=True)

    def _make_nodes(self) -> list[Node]:
        pairs = ((state, self._schema_of(type(state))) for state in nodes(self.root))
        return [Node(state, declared) for state, declared in pairs if declared.schema.fields]

    def replace(self, root: BaseState) -> None:
        """Continue with another tree of the same client, whose values win over what is stored."""
        if root is not self.root:
            self.root = root
            self._nodes = self._make_nodes()
            touch_all(root)

    def accept(self) -> None:
        """Hand what was changed in the tree to the document; what cannot be stored is refused, one by one."""
        for node in self._nodes:
            state = node.state
            if is_touched(state) or (node.computed and node.has_new_computed):
                set_touched(state, False)  # noqa: FBT003 a slot's name is not admitted
                node.accept(self)

    def note_refused(self, error: ValueNotStorable) -> None:
        """Keep the first change that could not be stored for `take_refused`, and tell of each."""
        self.refused = self.refused or error
        self._refuse(error)

    def take_refused(self) -> ValueNotStorable | None:
        """Return the first change since the last call that could not be stored."""
        refused, self.refused = self.refused, None
        return refused

    def refresh(self, *, is_new: bool = False) -> None:
        """Show what the document has that the tree has not: it was read late, or another process wrote it."""
        if not self.is_stale:
            return
        self.is_stale = False
        for node in self._nodes:
            for name, why in node.fill(self.session, is_new=is_new):
                self._report(f'{type(node.state).__qualname__}.{name}'.rstrip('.'), why)

    @property
    def holds_more(self) -> bool:
        """Whether there is something in the tree that no document brings back, such as a connection of the app's."""
        if has_unsent(self.root):
            return True
        for state in nodes(self.root):
            fields = type(state).get_fields()
            excluded = self._schema_of(type(state)).excluded
            for name, value in vars(state).items():
                if name in excluded and value is not None and value != fields[name].default:
                    return True
                if name not in fields and is_plain_attribute(name):
                    return True
        return False

    def close(self) -> None:
        """Stop following the document."""
        self.session.detach(self)

    # ---- what the session tells

    def changed(self, slice_id: SliceId, part: Part, name: str) -> None:
        del slice_id, part, name
        self.is_stale = True

    def replaced(self) -> None:
        self.is_stale = True

    def rejected(self, operation: Set) -> None:
        del operation
        self.is_stale = True
