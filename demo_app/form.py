"""A long form: its draft belongs to the visit, its bookings belong to the session."""

from __future__ import annotations

from dataclasses import dataclass

from nicegui import ui

from nicegui_stash import stored

from .frame import Page, frame
from .state import stash

HUTS = ['Larch Saddle', 'Grey Marmot', 'Upper Tarn', 'Windward Ridge']
ROOMS = {'bunk': 'Bunk room', 'double': 'Double', 'family': 'Family room'}
MEALS = ['Breakfast', 'Packed lunch', 'Dinner']
DRAFT = (
    'name', 'email', 'hut', 'meals', 'arrival', 'time', 'nights', 'guests', 'room', 'budget', 'dog', 'notes', 'terms',
)  # fmt: skip
LEAD = (
    'Fill in some of it, press Redeploy or Drop my connection, and go on typing: the draft comes back with every '
    'letter. Reload the page yourself, and it is blank, since a draft belongs to one visit. What you have booked stays.'
)


@dataclass
class Booking:
    hut: str
    details: str


@stash.page('/form')
class Form(Page):
    name: str = stored('', scope='reconnect')
    email: str = stored('', scope='reconnect')
    hut: str | None = stored(None, scope='reconnect')
    meals: list[str] = stored(['Breakfast'], scope='reconnect')
    arrival: str | None = stored('', scope='reconnect')
    time: str | None = stored('', scope='reconnect')
    nights: float | None = stored(2.0, scope='reconnect')
    guests: int = stored(2, scope='reconnect')
    room: str = stored('bunk', scope='reconnect')
    budget: dict[str, int] = stored({'min': 40, 'max': 120}, scope='reconnect')
    dog: bool = stored(False, scope='reconnect')
    notes: str = stored('', scope='reconnect')
    terms: bool = stored(False, scope='reconnect')
    bookings: list[Booking] = stored([])

    def __init__(self) -> None:
        self.blank = {name: getattr(self, name) for name in DRAFT}  # before recovery these are the defaults

    def build(self) -> None:
        with frame(self, 'Form', LEAD), ui.element('section').classes('two-thirds'):
            with ui.element().classes('panel form'):
                self._who()
                self._when()
                self._how()
                with ui.row().classes('wide justify-end'):
                    ui.button('Clear', on_click=self.clear).props('flat')
                    ui.button('Book', on_click=self.book).bind_enabled_from(self, 'terms')
            with ui.column().classes('panel'):
                self._booked()
        stash.on_change(self, 'bookings', lambda _: self._booked.refresh())

    def _who(self) -> None:
        ui.input('Name').bind_value(self, 'name')
        ui.input('E-mail').props('type=email').bind_value(self, 'email')
        ui.select(HUTS, label='Hut').bind_value(self, 'hut')
        ui.select(MEALS, label='Meals', multiple=True).bind_value(self, 'meals')

    def _when(self) -> None:
        ui.date_input('Arrival').bind_value(self, 'arrival')
        ui.time_input('Time').bind_value(self, 'time')
        ui.number('Nights', min=1, max=30, format='%.0f').bind_value(self, 'nights')
        with ui.column().classes('gap-0'):
            ui.label().classes('muted').bind_text_from(self, 'guests', lambda guests: f'Guests: {guests}')
            ui.slider(min=1, max=12).props('markers').bind_value(self, 'guests')

    def _how(self) -> None:
        ui.radio(ROOMS).props('inline').classes('wide').bind_value(self, 'room')
        with ui.column().classes('gap-0'):
            budget = ui.label().classes('muted')
            budget.bind_text_from(self, 'budget', lambda budget: f'Budget: {budget["min"]} to {budget["max"]}')
            ui.range(min=0, max=200, step=10).bind_value(self, 'budget')
        ui.switch('With a dog').bind_value(self, 'dog')
        ui.textarea('Anything else').props('autogrow').classes('wide').bind_value(self, 'notes')
        ui.checkbox('I carry my rubbish back down').classes('wide').bind_value(self, 'terms')

    @ui.refreshable_method
    def _booked(self) -> None:
        ui.label('Booked').classes('font-semibold')
        if not self.bookings:
            ui.label('Nothing yet.').classes('muted')
        for booking in self.bookings:
            self._booking(booking)

    def _booking(self, booking: Booking) -> None:
        with ui.row().classes('entry'):
            with ui.column().classes('gap-0'):
                ui.label(booking.hut)
                ui.label(booking.details).classes('muted')
            cancel = ui.button(icon='close', color=None, on_click=lambda: self.bookings.remove(booking))
            cancel.props('flat round dense size=sm aria-label="Cancel"')

    def book(self) -> None:
        details = f'{self.name or "Somebody"} · nights: {self.nights or 1:.0f} · guests: {self.guests}'
        self.bookings.append(Booking(self.hut or 'Any hut', details))
        self.clear()
        ui.notify('Booked, and the draft is blank again.', position='top')

    def clear(self) -> None:
        for name, value in self.blank.items():
            setattr(self, name, value)
