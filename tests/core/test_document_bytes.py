"""The stored bytes: stable, complete, and never half understood."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nicegui_stash.errors import DocumentError, MalformedDocument, UnknownFormat
from nicegui_stash.model.document import (
    SESSION_PART,
    Document,
    Part,
    SliceId,
    from_bytes,
    new_document,
    prune,
    stamp,
    to_bytes,
)
from nicegui_stash.model.fields import stored
from nicegui_stash.model.operations import Forget, Reset, Set, apply
from nicegui_stash.model.schema import build_schema
from nicegui_stash.model.versions import Found, find

GOLDEN = Path(__file__).parent / 'golden'


class Counter:
    count: int = stored(0)


WRITER = 'b7c1a90e55d24f3a'
NOW = 1_763_700_000_000
TAB = Part('tabs', '5cc46ce1-8c1b-4a37-9a83-0d5f0f2f6c11')
VISIT = Part('visits', '498cf1ac-2f0e-4b0c-8f0a-5b3a9d0b7e21')
COUNTER = SliceId('Counter', 1)
EMPTY = b'{"format":1,"epoch":0,"seen":0,"applied":{},"slices":{}}'


def golden(name: str) -> bytes:
    """The bytes of a file that was written once and never changes; an editor may have ended its line."""
    return (GOLDEN / f'{name}.json').read_bytes().removesuffix(b'\n')


def visited() -> Document:
    """A session with a count, a tab, and a visit with a draft."""
    document = new_document()
    document.values(COUNTER, TAB)
    apply(
        document,
        [
            Set(41, 0, 0, COUNTER, SESSION_PART, 'count', msgspec.Raw(b'3')),
            Set(42, 0, 0, COUNTER, VISIT, 'note', msgspec.Raw(b'"half-ty"')),
        ],
    )
    stamp(document, WRITER, 42, NOW, [(COUNTER, SESSION_PART), (COUNTER, TAB), (COUNTER, VISIT)])
    return document


def test_a_document_is_written_as_it_always_was() -> None:
    assert to_bytes(visited()) == golden('visited')


def test_a_tombstone_is_written_as_it_always_was() -> None:
    document = from_bytes(golden('visited'))
    apply(document, [Forget(43)])
    stamp(document, WRITER, 43, NOW, [(COUNTER, SESSION_PART)])
    assert to_bytes(document) == golden('tombstone')


def test_a_document_is_read_as_it_always_was() -> None:
    document = from_bytes(golden('visited'))
    assert (document.format, document.epoch, document.seen, document.erased) == (1, 0, NOW, False)
    assert document.applied == {WRITER: 42}
    found = document.slice(COUNTER)
    assert found is not None
    assert (found.reset, found.seen) == (0, NOW)
    assert {part: {name: bytes(raw) for name, raw in values.items()} for part, values in found.parts()} == {
        SESSION_PART: {'count': b'3'},
        TAB: {},
        VISIT: {'note': b'"half-ty"'},
    }
    assert from_bytes(golden('tombstone')).erased


@pytest.mark.parametrize('path', sorted(GOLDEN.glob('*.json')), ids=lambda path: path.stem)
def test_what_is_not_touched_is_kept_byte_for_byte(path: Path) -> None:
    body = golden(path.stem)
    assert to_bytes(from_bytes(body)) == body


def test_a_change_keeps_unknown_slices_fields_and_versions_byte_for_byte() -> None:
    document = from_bytes(golden('versions'))
    apply(document, [Set(1, 2, 3, SliceId('Item', 2, '7/large'), SESSION_PART, 'new', msgspec.Raw(b'1'))])
    stamp(document, 'another', 1, NOW, [])
    body = to_bytes(document)
    kept = golden('versions')
    for part in (
        b'"NotKnownHere":{"9":{"":{"reset":0,"seen":0,"data":{"x":[1,  2]},"tabs":{},"visits":{}}}}',
        b'{"amount":1.50,"from":"2025-11-21"}',
        rb'{"note":"\u00e4 \/ ' + 'ä'.encode() + b'"}',
        b'"amount":{"value":2,"unit":"kg"}',
    ):
        assert part in kept
        assert part in body
    assert b'"amount":{"value":2,"unit":"kg"},"new":1' in body


def test_a_document_is_an_object_that_any_reader_of_json_understands() -> None:
    assert json.loads(to_bytes(visited()))['slices']['Counter']['1']['']['visits'][VISIT.id]['data'] == {
        'note': 'half-ty'
    }
    assert json.loads(to_bytes(new_document())) == json.loads(EMPTY)


@pytest.mark.parametrize(
    'body',
    [
        b'',
        b' ',
        b'null',
        b'[]',
        b'{}',
        b'"format"',
        b'1',
        b'true',
        b'not json',
        b'\x00' * 100,
        b'\xff\xfe',
        b'\xef\xbb\xbf' + EMPTY,
        b'\x1f\x8b\x08\x00rest of an archive',
        b'<html>502 Bad Gateway</html>',
        EMPTY + b'}',
        EMPTY + EMPTY,
        EMPTY[:-1],
        EMPTY[:20],
        EMPTY.replace(b'1', b'01'),
        b'{"format":null}',
        b'{"format":"1"}',
        b'{"format":true}',
        b'{"format":1.5}',
        b'{"format":1.0}',
        b'{"format":[1]}',
        b'{"format":1}',
        b'{"format":1,"format":"2"}',
        b'{"format":1,"epoch":0}',
        EMPTY.replace(b'"slices":{}', b'"slices":[]'),
        EMPTY.replace(b'"slices":{}', b'"slices":null'),
        EMPTY.replace(b'"slices":{}', b'"slices":{"A":[]}'),
        EMPTY.replace(b'"slices":{}', b'"slices":{"A":{"1":{"":5}}}'),
        EMPTY.replace(b'"slices":{}', b'"slices":{"A":{"1":{"":{"data":[]}}}}'),
        EMPTY.replace(b'"slices":{}', b'"slices":{"A":{"1":{"":{"data":{"x":}}}}}'),
        EMPTY.replace(b'"slices":{}', b'"slices":{"A":{"1":{"":{"tabs":{"t":{"data":7}}}}}}'),
        EMPTY.replace(b'"slices":{}', b'"slices":{"A":{"1":{"":{"seen":"now"}}}}'),
        EMPTY.replace(b'"applied":{}', b'"applied":{"a":"b"}'),
        EMPTY.replace(b'"applied":{}', b'"applied":{"a":1e99}'),
        EMPTY.replace(b'"epoch":0', b'"epoch":-1'),
        EMPTY.replace(b'"epoch":0', b'"epoch":' + b'9' * 40),
        EMPTY.replace(b'"seen":0', b'"seen":null'),
        EMPTY.replace(b'"seen":0', b'"seen":NaN'),
        EMPTY.replace(b'"seen":0', b'"seen":1' + b'0' * 5000),
        b'[' * 100_000,
        b'{"format":1,"epoch":' + b'[' * 100_000,
        EMPTY.replace(b'"slices":{}', b'"slices":{"A":{"1":{"":{"data":{"x":' + b'[' * 100_000),
    ],
)
def test_bytes_that_are_no_document_are_malformed(body: bytes) -> None:
    with pytest.raises(MalformedDocument):
        from_bytes(body)


@pytest.mark.parametrize('length', range(0, 341, 7))
def test_a_truncated_document_is_malformed(length: int) -> None:
    body = golden('visited')
    assert length < len(body)
    with pytest.raises(MalformedDocument):
        from_bytes(body[:length])


@pytest.mark.proves('unreadable')
@pytest.mark.parametrize(
    ('body', 'found'),
    [
        (b'{"format":2}', 2),
        (b'{"format":0}', 0),
        (b'{"slices":[1,2],"format":17,"whatever":null}', 17),
        (EMPTY.replace(b'"format":1', b'"format":2'), 2),
    ],
)
def test_a_document_of_another_format_is_told_by_its_number_whatever_else_it_holds(body: bytes, found: int) -> None:
    with pytest.raises(UnknownFormat) as caught:
        from_bytes(body)
    assert caught.value.found == found


@pytest.mark.parametrize(
    ('found', 'hint'),
    [
        (2, 'a newer version wrote it: deploy that version again'),
        (0, 'formats count from 1, so no version wrote it: restore the object, or remove it'),
        (-1, 'formats count from 1, so no version wrote it: restore the object, or remove it'),
    ],
)
def test_an_unknown_format_says_what_to_do_about_it(found: int, hint: str) -> None:
    with pytest.raises(UnknownFormat) as caught:
        from_bytes(EMPTY.replace(b'"format":1', b'"format":%d' % found))
    assert caught.value.hint == hint


@pytest.mark.parametrize('version', ['one', '-1', '01', '٣', '²', '1' * 5000])
def test_a_version_that_is_no_number_is_kept_and_shown_to_nobody(version: str) -> None:
    slices = {'Counter': {version: {'': {'reset': 0, 'seen': 1, 'data': {'count': 3}, 'tabs': {}, 'visits': {}}}}}
    document = from_bytes(msgspec.json.encode({**json.loads(EMPTY), 'slices': slices}))
    assert find(build_schema(Counter, version=5, migrations=dict.fromkeys((1, 2, 3, 4), dict)), document, '') == Found()
    assert json.loads(to_bytes(document))['slices'] == slices
    prune(document, 2, 1000, 1000, {'Counter': 1}, lambda *_: False)
    assert json.loads(to_bytes(document))['slices'] == slices


def test_of_duplicate_keys_the_last_one_holds_and_is_all_that_is_kept() -> None:
    body = EMPTY.replace(b'"seen":0', b'"seen":1,"seen":2').replace(
        b'"slices":{}', b'"slices":{"A":{"1":{"":{"data":{"x":1,"x":2}}}}}'
    )
    document = from_bytes(body)
    assert document.seen == 2
    assert json.loads(to_bytes(document))['slices']['A']['1']['']['data'] == {'x': 2}
    assert to_bytes(document).count(b'"x"') == 1


def test_ten_megabytes_are_read_or_refused_at_once() -> None:
    big = b'"' + b'x' * 10_000_000 + b'"'
    document = from_bytes(EMPTY.replace(b'"slices":{}', b'"slices":{"A":{"1":{"":{"data":{"x":' + big + b'}}}}}'))
    assert big in to_bytes(document)
    for body in (big, b'{' + b'"a":1,' * 2_000_000, b' ' * 10_000_000, b'\x00' * 10_000_000):
        with pytest.raises(MalformedDocument):
            from_bytes(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NUMBERS = st.integers(-2, 5) | st.integers(-(10**30), 10**30) | st.floats() | JSON
DATA = st.dictionaries(st.text(max_size=4), JSON, max_size=2) | JSON
PARTS = st.dictionaries(
    st.text(max_size=4), st.fixed_dictionaries({}, optional={'seen': NUMBERS, 'data': DATA}) | JSON, max_size=2
)
SLICE = st.fixed_dictionaries(
    {}, optional={'reset': NUMBERS, 'seen': NUMBERS, 'data': DATA, 'tabs': PARTS | JSON, 'visits': PARTS}
)
VERSIONS = st.sampled_from(['1', '2', '03', '', '-1', '²', '٣', 'one', '9' * 4400, '9' * 30])
SLICES = st.dictionaries(
    st.text(max_size=4), st.dictionaries(VERSIONS, st.dictionaries(st.text(max_size=4), SLICE), max_size=2), max_size=2
)
ALMOST = st.fixed_dictionaries(
    {
        'format': st.just(1),
        'epoch': NUMBERS,
        'seen': NUMBERS,
        'applied': st.dictionaries(st.text(max_size=4), NUMBERS, max_size=3) | JSON,
        'slices': SLICES,
    },
    optional={'erased': st.booleans() | JSON, 'more': JSON},
)


def use(body: bytes) -> None:
    """Do with some bytes all that is done with a document; only a `DocumentError` may come out."""
    document = from_bytes(body)
    again: Any = to_bytes(document)
    assert to_bytes(from_bytes(again)) == again
    apply(document, [Set(1, document.epoch, 0, COUNTER, SESSION_PART, 'count', msgspec.Raw(b'3'))])
    stamp(document, WRITER, 1, NOW, [(COUNTER, SESSION_PART)])
    prune(document, NOW, 1000, 1000, {'A': 1}, lambda id_, part: (id_, part) == (COUNTER, SESSION_PART))
    from_bytes(to_bytes(document))


@pytest.mark.proves('unreadable')
@given(st.binary(max_size=80) | JSON.map(json.dumps).map(str.encode) | ALMOST.map(json.dumps).map(str.encode))
@example(json.dumps({'format': 1, 'epoch': 0, 'seen': 0, 'applied': {'a': 2**70}, 'slices': {}}).encode())
@example(json.dumps({'format': 1, 'epoch': 10**30, 'seen': 0, 'applied': {}, 'slices': {}}).encode())
@example(json.dumps({'format': 10**30}).encode())
@example(EMPTY.replace(b'"slices":{}', b'"slices":{"A":{"' + b'9' * 4400 + b'":{"":{}}}}'))
def test_bytes_of_any_kind_are_a_whole_document_or_an_error_that_says_which(body: bytes) -> None:
    try:
        use(body)
    except DocumentError as error:
        assert isinstance(error, (MalformedDocument, UnknownFormat))  # noqa: PT017 most bytes are none


def test_a_version_of_thousands_of_digits_is_no_version() -> None:
    document = from_bytes(
        b'{"format":1,"epoch":0,"seen":0,"applied":{},"slices":{"Counter":{"%s":{"":{}}}}}' % (b'9' * 5000)
    )
    assert list(document.all_slices()) == []


def test_what_a_document_counts_can_always_be_read_again() -> None:
    document = from_bytes(b'{"format":1,"epoch":9007199254740992,"seen":0,"applied":{},"slices":{}}')
    apply(document, [Forget(1)])
    assert from_bytes(to_bytes(document)).epoch == 2**53


def test_a_reset_beyond_what_can_be_counted_can_be_read_again() -> None:
    body = b'{"format":1,"epoch":0,"seen":0,"applied":{},"slices":{"Counter":{"1":{"":{"reset":9007199254740992}}}}}'
    document = from_bytes(body)
    apply(document, [Reset(1, 0, COUNTER)])
    assert from_bytes(to_bytes(document)).ensure(COUNTER).reset == 2**53
