"""What recovering each stored session at the current version of a class would do: counts, and keys as examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from ..errors import CannotOpen, MalformedDocument, UnknownFormat, ValueNotStorable
from ..maintenance.documents import listed, read_each
from ..maintenance.sweep import Watcher
from ..model.document import Document, Slice, version_number
from ..model.limits import Policy
from ..model.recovery import stored_value
from ..model.schema import Schema, StoredField
from ..model.sealing import Sealing
from ..model.versions import blame, candidates, find, find_parts, too_large
from ..session.loading import opened_document
from ..session.store_io import Away, Denied, Read
from ..stores.base import Store, StoredObject

Kind = Literal[
    'current', 'migrates', 'discarded', 'newer', 'nothing', 'erased', 'expired', 'foreign', 'malformed', 'unread'
]
LOSSES: Final[frozenset[Kind]] = frozenset({'discarded', 'unread'})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What would happen to one slice, or to a session that has none; `detail` says from where, or why."""

    kind: Kind
    detail: str = ''


@dataclass(slots=True)
class Tally:
    """How often each verdict was given, and each reason for a field to fall back; the first keys of each, in order."""

    sessions: int = 0
    verdicts: Counter[Verdict] = field(default_factory=Counter[Verdict])
    fallbacks: Counter[str] = field(default_factory=Counter[str])
    examples: dict[Verdict | str, list[str]] = field(default_factory=dict['Verdict | str', list[str]])

    @property
    def has_losses(self) -> bool:
        return any(verdict.kind in LOSSES for verdict in self.verdicts)

    def add(self, key: str, verdicts: Iterable[Verdict], fallbacks: Iterable[str] = ()) -> None:
        self.sessions += 1
        for verdict in verdicts:
            self.verdicts[verdict] += 1
            self._example(verdict, key)
        for why in fallbacks:
            self.fallbacks[why] += 1
            self._example(why, key)

    def _example(self, of: Verdict | str, key: str) -> None:
        self.examples[of] = sorted({*self.examples.get(of, ()), key})[:3]  # the same ones each time


async def survey(
    store: Store,
    schema: Schema,
    prefix: str,
    policy: Policy,
    now: int,
    tally: Tally,
    watcher: Watcher,
    sealing: Sealing,
) -> None:
    """Look at every session below a prefix, as of `now` (ms), and count. Raises `StoreError` if it cannot list them."""

    def take(key: str, outcome: Read | Away | Denied) -> None:
        if not isinstance(outcome, Read):
            tally.add(key, [Verdict('unread', outcome.error.reason)])
        elif isinstance(outcome.found, StoredObject):
            tally.add(key, *examine(sealing, key, outcome.found.body, schema, policy, now))

    await read_each(store, [row.key for row in await listed(store, prefix)], take, watcher)


def examine(
    sealing: Sealing, address: str, body: bytes, schema: Schema, policy: Policy, now: int
) -> tuple[list[Verdict], list[str]]:
    """Say what recovering one stored object would do, and which fields would fall back to their default."""
    try:
        document, opened = opened_document(sealing, address, body)
    except CannotOpen as error:
        return [Verdict('unread', f'{error} ({error.hint})')], []
    except UnknownFormat as error:
        return [Verdict('foreign', str(error.found))], []
    except MalformedDocument:
        return [Verdict('malformed')], []
    if document.erased:
        return [Verdict('erased')], []
    if document.seen < now - policy.ttl * 1000:
        return [Verdict('expired')], []
    keys = dict.fromkeys(
        key
        for name in (schema.name, schema.renamed_from)
        for by in document.slices.get(name or '', {}).values()
        for key in by
    )
    verdicts: list[Verdict] = []
    fallbacks: list[str] = []
    for key in keys:
        found, given = _examine_slice(schema, document, key, len(opened), policy)
        verdicts += given
        fallbacks += _fallbacks(schema, found) if found else ()
    return verdicts or [Verdict('nothing')], fallbacks


def _examine_slice(
    schema: Schema, document: Document, key: str, size: int, policy: Policy
) -> tuple[Slice | None, list[Verdict]]:
    found = find(schema, document, key)
    if found.slice is None and found.problem is None:
        stored = [versions for name, versions in document.slices.items() if name in {schema.name, schema.renamed_from}]
        newest = max(version_number(text) for versions in stored for text, keys in versions.items() if key in keys)
        return None, [Verdict('newer', str(newest))]
    source = f'version {found.from_version}'
    if schema.renamed_from and candidates(schema, document, key)[0][0].name == schema.renamed_from:
        source += f' of {schema.renamed_from}'
    if found.error is not None:
        return None, [Verdict('discarded', f'{source}: {blame(found.error)}')]
    if found.slice is not None and found.migrated:
        why = too_large(found.slice, size, policy)
        return (
            (None, [Verdict('discarded', f'{source}: {why}')]) if why else (found.slice, [Verdict('migrates', source)])
        )
    return found.slice, [Verdict('current'), *_examine_drafts(schema, document, key, found.slice)]


def _examine_drafts(schema: Schema, document: Document, key: str, own: Slice | None) -> Iterator[Verdict]:
    """Say what would not come back of tabs and visits that only an older version has."""
    older = [part for _, stored in candidates(schema, document, key)[1:] for part, _ in stored.parts()]
    for part in dict.fromkeys(part for part in older if own and part.kind != 'data' and own.values(part) is None):
        found = find_parts(schema, document, key, [part])
        if found.error is not None:
            yield Verdict('discarded', f'a tab or visit of version {found.from_version}: {blame(found.error)}')


def _fallbacks(schema: Schema, found: Slice) -> list[str]:
    """Return why fields would fall back, each reason once per slice."""
    reasons: dict[str, None] = {}
    for stored in schema.fields.values():
        for part, _ in found.parts():
            raw = stored_value(stored, found.values(part)) if part.kind == stored.scope.part else None
            if raw is not None and (why := _misfit(stored, raw)) is not None:
                reasons[why] = None
    return list(reasons)


def _misfit(stored: StoredField, raw: msgspec.Raw) -> str | None:
    """Say why stored JSON does not become the field's value, without quoting it; `None` if it does."""
    try:
        value = stored.codec.decode(raw)
    except ValueNotStorable as error:
        return error.without_value
    validate = stored.field.validate
    try:
        if validate is None or validate(value):
            return None
    except Exception as error:  # noqa: BLE001 it is the app's code and may raise anything
        return f'{stored.codec.name}: validate= raised {blame(error)}'
    return f'{stored.codec.name}: validate= says that it does not hold any more'
