"""Dates and times that an element brings: as text, in part, as a range, and through `forward=`."""

from __future__ import annotations

import types
from dataclasses import make_dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, TypedDict

import pytest
from nicegui import ui

from nicegui_stash import Stash, ValueNotStorable, stored
from nicegui_stash.testing import FaultyStore

from .scene import Browser, data_of, element, idle, shown, type_into

NOTHING: Any = None


async def test_iso_text_is_taken_for_dates_and_times(stash: Stash, store: FaultyStore) -> None:
    @stash.page('/')
    class Trip:
        day: date | None = stored(None)
        picked: date = stored(date(2030, 1, 1))
        at: time = stored(time(8))
        moment: datetime | None = stored(None)
        days: list[date] = stored([])

        def build(self) -> None:
            ui.date_input().mark('day').bind_value(self, 'day')
            ui.date().mark('picked').bind_value(self, 'picked')
            ui.time().mark('at').bind_value(self, 'at')
            ui.input().props('type=datetime-local').mark('moment').bind_value(self, 'moment')
            ui.date().props('multiple').mark('days').bind_value(self, 'days')
            ui.label().mark('label').bind_text_from(self, 'day', str)

    ann = Browser()
    tab = await ann.open()
    trip: Any = shown(stash, tab, Trip)
    type_into(tab, 'day', '2030-05-31')
    type_into(tab, 'picked', '2030-05-31')
    type_into(tab, 'at', '10:30')
    type_into(tab, 'moment', '2030-05-31T10:30')
    type_into(tab, 'days', ['2030-05-31', '2030-06-01'])
    await idle()
    assert (trip.day, trip.picked, trip.at) == (date(2030, 5, 31), date(2030, 5, 31), time(10, 30))
    assert (trip.moment, trip.days) == (datetime(2030, 5, 31, 10, 30), [date(2030, 5, 31), date(2030, 6, 1)])  # noqa: DTZ001
    assert (element(tab, 'day').value, element(tab, 'label').text) == ('2030-05-31', '2030-05-31')
    type_into(tab, 'day', '')
    await idle()
    assert trip.day is None
    await stash.flush(trip)
    assert await data_of(store, 'Trip') == {
        'day': None,
        'picked': '2030-05-31',
        'at': '10:30:00',
        'moment': '2030-05-31T10:30:00',
        'days': ['2030-05-31', '2030-06-01'],
    }


@pytest.mark.parametrize('half', ['2030', '2030-01', '2030-01-3', '2030-02-31', '20300101', 'soon'])
async def test_half_a_date_is_marked_and_not_stored(stash: Stash, half: str) -> None:
    @stash.page('/')
    class Trip:
        day: date = stored(date(2030, 1, 1))

        def build(self) -> None:
            ui.input().mark('day').bind_value(self, 'day')

    tab = await Browser().open()
    type_into(tab, 'day', half)
    await idle()
    assert (shown(stash, tab, Trip).day, element(tab, 'day').error) == (date(2030, 1, 1), 'Please enter a date.')
    type_into(tab, 'day', '2030-01-31')
    await idle()
    assert (shown(stash, tab, Trip).day, element(tab, 'day').error) == (date(2030, 1, 31), None)


async def test_a_date_is_no_date_and_time(stash: Stash) -> None:
    @stash.page('/')
    class Trip:
        moment: datetime | None = stored(None)

        def build(self) -> None:
            ui.input().mark('moment').bind_value(self, 'moment')

    tab = await Browser().open()
    type_into(tab, 'moment', '2030-01-31')
    await idle()
    assert element(tab, 'moment').error == 'Please enter a date and a time.'


async def test_code_that_assigns_a_text_is_told(stash: Stash) -> None:
    @stash.page('/')
    class Trip:
        day: date | None = stored(None)

        def build(self) -> None: ...

    trip: Any = shown(stash, await Browser().open(), Trip)
    with pytest.raises(ValueNotStorable, match='a str would come back as a date'):
        trip.day = '2030-01-31'


@pytest.mark.parametrize('kind', ['input', 'date_input'])
async def test_a_forward_that_raises_leaves_the_value_marked(stash: Stash, errors: Any, kind: str) -> None:
    @stash.page('/')
    class Trip:
        day: date = stored(date(2030, 1, 1))
        note: str = stored('')
        form: dict[str, date] = stored({'day': date(2030, 1, 1)})

        def build(self) -> None:
            iso: Any = {'forward': date.fromisoformat, 'backward': str}
            getattr(ui, kind)().mark('day').bind_value(self, 'day', **iso)
            ui.input(value='x').mark('note').bind_value_to(self, 'note', lambda text: str(1 // len(text)))
            ui.input().mark('inside').bind_value(self, ('form', 'day'), **iso)

    tab = await Browser().open()
    trip = shown(stash, tab, Trip)
    for marker, value in (('day', '2030-01'), ('note', ''), ('inside', '2030-')):
        type_into(tab, marker, value)
    await idle()
    assert (trip.day, trip.note, trip.form) == (date(2030, 1, 1), '1', {'day': date(2030, 1, 1)})
    day = element(tab, 'day')
    assert (day.props['error'], day.props['error-message']) == (True, 'Please enter a date.')
    assert element(tab, 'note').error == 'Please enter another value.'
    assert {trouble.field for trouble in stash.status(trip).troubles} == {'day', 'note', 'form'}
    type_into(tab, 'day', '2030-01-31')
    type_into(tab, 'note', 'xx')
    type_into(tab, 'inside', '2030-01-31')
    await idle()
    assert (trip.day, trip.note, trip.form) == (date(2030, 1, 31), '0', {'day': date(2030, 1, 31)})
    assert stash.status(trip).troubles == ()
    assert not day.props.get('error')
    assert errors() == []


async def test_a_range_of_one_day_and_an_emptied_selection(stash: Stash) -> None:
    @stash.page('/')
    class Trip:
        stay: dict[str, str] = stored({'from': '2030-01-01', 'to': '2030-01-08'})
        nights: dict[str, date] = stored({})
        days: list[str] = stored(['2030-01-01'])
        any_days: list[date] | None = stored([date(2030, 1, 1)])

        def build(self) -> None:
            ui.date().props('range').mark('stay').bind_value(self, 'stay')
            ui.date().props('range').mark('nights').bind_value(self, 'nights')
            ui.date().props('multiple').mark('days').bind_value(self, 'days')
            ui.date().props('multiple').mark('any_days').bind_value(self, 'any_days')

    tab = await Browser().open()
    trip: Any = shown(stash, tab, Trip)
    type_into(tab, 'stay', '2030-05-31')
    type_into(tab, 'nights', '2030-05-31')
    type_into(tab, 'days', NOTHING)
    type_into(tab, 'any_days', NOTHING)
    await idle()
    assert trip.stay == {'from': '2030-05-31', 'to': '2030-05-31'}
    assert trip.nights == {'from': date(2030, 5, 31), 'to': date(2030, 5, 31)}
    assert (trip.days, trip.any_days) == ([], None)
    type_into(tab, 'nights', {'from': '2030-05-31', 'to': '2030-06-02'})
    await idle()
    assert trip.nights == {'from': date(2030, 5, 31), 'to': date(2030, 6, 2)}
    type_into(tab, 'stay', '2030-06-03 - 2030-06-09')  # as ui.date_input brings it with range_input
    type_into(tab, 'nights', '2030-06-03 - 2030-06-09')
    await idle()
    assert trip.stay == {'from': '2030-06-03', 'to': '2030-06-09'}
    assert trip.nights == {'from': date(2030, 6, 3), 'to': date(2030, 6, 9)}


KINDS = {'day': date | None, 'must': date, 'at': time, 'tags': list[str], 'price': Decimal}
FLIGHT = {'day': date(2030, 1, 1), 'must': date(2030, 1, 1), 'at': time(8), 'tags': ['a'], 'price': Decimal(1)}
Flight: Any = make_dataclass('Flight', list(KINDS.items()))
Leg: Any = types.new_class('Leg', (TypedDict,), exec_body=lambda body: body.update(__annotations__=KINDS))


@pytest.mark.parametrize('kind', ['row', 'object', 'nested names'])
async def test_parts_of_a_field_take_what_fields_take(stash: Stash, kind: str) -> None:
    @stash.page('/')
    class Trip:
        legs: list[Leg] = stored([FLIGHT])
        flight: Flight = stored(default_factory=lambda: Flight(**FLIGHT))

        def build(self) -> None:
            owner: Any = {'row': self.legs[0], 'object': self.flight, 'nested names': self}[kind]
            for name, make in (('day', ui.input), ('must', ui.input), ('at', ui.time_input), ('price', ui.number)):
                make().mark(name).bind_value(owner, name if kind != 'nested names' else ('flight', name))
            chosen = ui.date(value=[]).props('multiple').mark('tags')
            chosen.bind_value(owner, 'tags' if kind != 'nested names' else ('flight', 'tags'))

    tab = await Browser().open()
    trip = shown(stash, tab, Trip)
    entered = {'day': '', 'must': '2030-05-31', 'at': '10:30', 'tags': None, 'price': 2.5}
    for marker, value in entered.items():
        type_into(tab, marker, value)
        await idle()
    fits = {'day': None, 'must': date(2030, 5, 31), 'at': time(10, 30), 'tags': [], 'price': Decimal('2.5')}
    assert (trip.legs[0] if kind == 'row' else vars(trip.flight)) == fits
    assert stash.status(trip).troubles == ()
    type_into(tab, 'must', '')
    await idle()
    assert element(tab, 'must').error == 'Please enter a date.'
    assert [trouble.field for trouble in stash.status(trip).troubles] == ['legs' if kind == 'row' else 'flight']


async def test_a_decimal_is_taken_from_a_number_and_from_a_text(stash: Stash, store: FaultyStore) -> None:
    @stash.page('/')
    class Offer:
        price: Decimal = stored(Decimal('1.5'))
        least: Decimal | None = stored(None)

        def build(self) -> None:
            ui.number().mark('price').bind_value(self, 'price')
            ui.input().mark('least').bind_value(self, 'least')

    tab = await Browser().open()
    offer: Any = shown(stash, tab, Offer)
    for marker, value, held in (
        ('price', 2.1, Decimal('2.1')),
        ('price', 3, Decimal(3)),
        ('least', '19.90', Decimal('19.90')),
    ):
        type_into(tab, marker, value)
        await idle()
        assert (getattr(offer, marker), element(tab, marker).error) == (held, None)
    type_into(tab, 'least', '19,90')
    await idle()
    assert (offer.least, element(tab, 'least').error) == (Decimal('19.90'), 'Please enter a number.')
    type_into(tab, 'least', '')
    await idle()
    await stash.flush(offer)
    assert await data_of(store, 'Offer') == {'price': '3', 'least': None}


async def test_dates_inside_a_dict_are_taken(stash: Stash) -> None:
    @stash.page('/')
    class Trip:
        form: dict[str, date | None] = stored({'a': None, 'b': None})

        def build(self) -> None:
            ui.date_input().mark('a').bind_value(self.form, 'a')
            ui.date_input().mark('b').bind_value(self, ('form', 'b'))

    tab = await Browser().open()
    type_into(tab, 'a', '2030-05-31')
    type_into(tab, 'b', '2030-05-31')
    await idle()
    assert shown(stash, tab, Trip).form == {'a': date(2030, 5, 31), 'b': date(2030, 5, 31)}
