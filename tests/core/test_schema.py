"""What a class declares."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, ClassVar, TypeVar

import msgspec
import pytest

from nicegui_stash.errors import DeclarationError, StashError
from nicegui_stash.model.fields import Field, stored
from nicegui_stash.model.schema import Schema, StoredField, build_schema, migrate

from .mixins import Owned, Owner

T = TypeVar('T')


class Counter:
    count: int = stored(0)
    note: str = stored('', scope='reconnect')
    filter: str | None = stored(None, scope='tab', live=False, renamed_from='query')
    items: list[str] = stored(default_factory=list)
    unstored: int = 5


class Sorted:
    order: str = stored('name')


class Descending:
    order: str = stored('name, descending')


@dataclass
class Item:
    name: str


class Property:
    """What stands for a field in a class that is decorated already."""

    def __init__(self, field: Field) -> None:
        self.field = field


def defaults(schema: Schema) -> dict[str, Any]:
    return {name: field.field.new_default() for name, field in schema.fields.items()}


def test_a_schema_holds_the_stored_fields_in_order_and_nothing_else() -> None:
    schema = build_schema(Counter, origin='app.py:7')
    assert list(schema.fields) == ['count', 'note', 'filter', 'items']
    assert (schema.name, schema.version, schema.key, schema.migrations) == ('Counter', 1, (), {})
    assert {scope.name for scope in schema.scopes} == {'session', 'reconnect', 'tab'}
    assert [(field.name, field.scope.name) for field in schema.fields.values()] == [
        ('count', 'session'),
        ('note', 'reconnect'),
        ('filter', 'tab'),
        ('items', 'session'),
    ]
    assert (schema.fields['filter'].field.live, schema.fields['filter'].field.renamed_from) == (False, 'query')
    assert schema.fields['items'].codec.annotation == list[str]
    assert schema.origin == 'app.py:7'


def test_the_stored_name_is_the_class_name_or_what_is_said_never_that_of_the_module() -> None:
    moved = type('Counter', (Counter,), {'__module__': '__mp_main__'})
    assert build_schema(moved).name == 'Counter'
    assert build_schema(moved, name='counters').name == 'counters'


def test_a_key_is_one_parameter_or_several() -> None:
    assert build_schema(Counter, key='item_id').key == ('item_id',)
    assert build_schema(Counter, key=('shop', 'item')).key == ('shop', 'item')


def test_fields_of_mixins_and_bases_belong_to_the_class() -> None:
    class Table(Counter, Sorted):
        page: int = stored(1)

    assert set(build_schema(Table).fields) == {'count', 'note', 'filter', 'items', 'order', 'page'}
    assert set(build_schema(Counter).fields) == {'count', 'note', 'filter', 'items'}


def test_the_first_of_two_mixins_wins_as_python_has_it() -> None:
    class One(Sorted, Descending):
        pass

    class Two(Descending, Sorted):
        pass

    assert defaults(build_schema(One)) == {'order': 'name'}
    assert defaults(build_schema(Two)) == {'order': 'name, descending'}


def test_a_field_can_be_overridden_and_withdrawn() -> None:
    class Text(Counter):
        count: str = stored('none')  # type: ignore[assignment]
        note = None  # type: ignore[assignment]

    schema = build_schema(Text)
    assert (schema.fields['count'].codec.annotation, defaults(schema)['count']) == (str, 'none')
    assert 'note' not in schema.fields


def test_a_subclass_of_a_decorated_class_reads_the_declarations_back() -> None:
    class Decorated:
        count: int = stored(3)

    Decorated.count = Property(vars(Decorated)['count'])  # type: ignore[assignment]

    class Below(Decorated):
        more: int = stored(4)

    assert defaults(build_schema(Below)) == {'count': 3, 'more': 4}


def test_the_annotations_of_a_mixin_are_read_in_its_own_module() -> None:
    class Thing(Owned):
        size: int = stored(0)

    schema = build_schema(Thing)
    assert schema.fields['owner'].codec.annotation is Owner
    assert set(schema.fields) == {'owner', 'price', 'size'}


def test_a_local_name_does_not_hide_what_a_mixin_of_another_module_names() -> None:
    class Thing(Owned):
        size: int = stored(0)

    schema = build_schema(Thing, local_names={'Owner': str, 'Money': str})
    assert (schema.fields['owner'].codec.annotation, schema.fields['price'].codec.annotation) == (Owner, Decimal)


def test_a_class_made_in_a_function_may_name_what_is_local_there() -> None:
    @dataclass
    class Local:
        name: str = ''

    class Page:
        item: Local = stored(Local('x'))

    assert build_schema(Page, local_names=locals()).fields['item'].codec.annotation is Local
    with pytest.raises(DeclarationError, match="name 'Local' is not defined"):
        build_schema(Page)


def test_an_abstract_base_takes_no_room_away() -> None:
    class Base(abc.ABC):
        count: int = stored(0)

        @abc.abstractmethod
        def build(self) -> None: ...

    class Page(Base):
        def build(self) -> None: ...

    assert set(build_schema(Page).fields) == {'count'}


def test_annotated_and_class_variables_are_left_as_they_are() -> None:
    class Page:
        size: Annotated[int, msgspec.Meta(ge=1)] = stored(1)
        limit: ClassVar[int] = 5

    schema = build_schema(Page)
    assert schema.fields['size'].codec.annotation == Annotated[int, msgspec.Meta(ge=1)]
    assert list(schema.fields) == ['size']


def test_a_default_is_copied_for_each_instance() -> None:
    class Page:
        items: list[Item] = stored([Item('a')])
        made: dict[str, int] = stored(default_factory=dict)

    fields = build_schema(Page).fields
    first, second = fields['items'].field.new_default(), fields['items'].field.new_default()
    first[0].name = 'changed'
    assert second == [Item('a')]
    assert fields['made'].field.new_default() is not fields['made'].field.new_default()


def test_none_is_a_default_like_any_other() -> None:
    class Page:
        count: int | None = stored(None)

    assert defaults(build_schema(Page)) == {'count': None}


def test_a_stored_field_of_an_undecorated_class_says_so_when_it_is_read() -> None:
    assert isinstance(Counter.count, Field)
    with pytest.raises(StashError, match=r'Counter is not decorated; put @stash\.page'):
        _ = Counter().count


def test_migrations_run_one_after_the_other_on_plain_json() -> None:
    def rename(values: dict[str, Any]) -> dict[str, Any]:
        values['total'] = values.pop('count')
        return values

    schema = build_schema(Counter, version=3, migrations={1: rename, 2: lambda values: {**values, 'unit': 'piece'}})
    raws = {'count': msgspec.Raw(b'3'), 'other': msgspec.Raw(b'{"a":[1.50]}')}
    migrated = migrate(schema, raws, 1)
    assert {name: bytes(raw) for name, raw in migrated.items()} == {
        'total': b'3',
        'other': b'{"a":[1.5]}',
        'unit': b'"piece"',
    }
    assert set(raws) == {'count', 'other'}
    assert bytes(migrate(schema, {'total': msgspec.Raw(b'3')}, 2)['unit']) == b'"piece"'


def test_a_missing_step_is_named() -> None:
    schema = build_schema(Counter, version=3, migrations={2: dict})
    with pytest.raises(LookupError, match='Counter has no migration from version 1'):
        migrate(schema, {'count': msgspec.Raw(b'1')}, 1)
    assert migrate(schema, {}, 1) == {}, 'where nothing is stored there is nothing to migrate'


def test_a_stored_field_is_a_small_record() -> None:
    stored_field = build_schema(Counter).fields['count']
    assert isinstance(stored_field, StoredField)
    with pytest.raises(AttributeError):
        stored_field.name = 'other'  # type: ignore[misc]
