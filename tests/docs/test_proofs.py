"""Every guarantee is proved by a test, and every mark that says so reaches the page of proofs."""

from __future__ import annotations

import re

from .proofs import CLAIMS, ROOT, claims, proofs, written

GUARANTEES, LIMITS = claims('Guarantees'), claims('Limits')


def test_every_guarantee_and_limit_has_an_id_and_none_stands_for_two() -> None:
    items = re.findall(r'^- (\S*)', CLAIMS.read_text(encoding='utf-8'), re.MULTILINE)
    assert len(items) > 30
    assert items == [f'`{claim}`:' for claim in [*GUARANTEES, *LIMITS]]
    assert not GUARANTEES.keys() & LIMITS.keys()


def test_every_guarantee_has_a_test() -> None:
    assert GUARANTEES.keys() - proofs().keys() == set()


def test_every_mark_names_a_guarantee_or_a_limit() -> None:
    assert proofs().keys() - GUARANTEES.keys() - LIMITS.keys() == set()


def test_no_mark_is_where_it_is_not_read() -> None:
    mark = re.compile(r'^\s*(?:@|pytestmark = )?pytest\.mark\.proves\((.*?)\)', re.MULTILINE)
    texts = [path.read_text(encoding='utf-8') for path in (ROOT / 'tests').rglob('*.py')]
    marks = [found for text in texts for found in mark.findall(text)]
    assert sum(found.count(',') + 1 for found in marks) == sum(map(len, proofs().values()))


def test_the_page_names_every_test_that_is_marked() -> None:
    tests = {test for found in proofs().values() for test in found}
    assert set(re.findall(r'^- `(.*)`$', written(), re.MULTILINE)) == tests
    for test in tests:
        file, *names = test.split('::')
        for name in names:
            assert re.search(rf'(def|class) {name}\b', (ROOT / file).read_text()), test
