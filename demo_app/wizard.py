"""A wizard: its step and its choices belong to the browser tab."""

from __future__ import annotations

from nicegui import ui
from nicegui.events import ValueChangeEventArguments

from nicegui_stash import stored

from .frame import Page, frame
from .state import stash

LEAD = 'Go a few steps, then redeploy. Each tab has its own order.'

SIZES = {'small': 'Small, 24 cm', 'medium': 'Medium, 30 cm', 'large': 'Large, 36 cm'}
TOPPINGS = ['Tomato', 'Mozzarella', 'Basil', 'Mushrooms', 'Olives', 'Peppers', 'Onions', 'Artichokes', 'Capers']


@stash.page('/wizard')
class Wizard(Page):
    step: str = stored('Size', scope='tab')
    size: str = stored('medium', scope='tab')
    toppings: list[str] = stored(['Tomato', 'Mozzarella'], scope='tab')
    address: str = stored('', scope='tab')
    time: str | None = stored('19:00', scope='tab')

    def build(self) -> None:
        with frame(self, 'Wizard', LEAD), ui.element('section').classes('two-thirds'):
            with ui.stepper().classes('panel wizard').props('vertical animated flat') as stepper:
                self._steps(stepper)
            stepper.bind_value(self, 'step')  # after all steps exist, so that the earlier ones show as done
            self._ticket()

    def _steps(self, stepper: ui.stepper) -> None:
        with ui.step('Size', icon='straighten'):
            ui.radio(SIZES).bind_value(self, 'size')
            with ui.stepper_navigation():
                ui.button('Next', on_click=stepper.next)
        with ui.step('Toppings', icon='local_pizza'):
            with ui.row().classes('gap-1 max-w-md'):
                for topping in TOPPINGS:
                    self._topping(topping)
            _next_and_back(stepper)
        with ui.step('Delivery', icon='moped'):
            ui.input('Address').bind_value(self, 'address').classes('max-w-sm')
            ui.time_input('Time').bind_value(self, 'time').classes('max-w-sm')
            _next_and_back(stepper)
        with ui.step('Order', icon='receipt_long'):
            ui.label('Everything as it should be?')
            with ui.stepper_navigation():
                ui.button('Order', on_click=self.order)
                ui.button('Back', on_click=stepper.previous).props('flat')

    def _topping(self, topping: str) -> None:
        def choose(event: ValueChangeEventArguments[bool]) -> None:
            if event.value and topping not in self.toppings:
                self.toppings.append(topping)
            elif not event.value and topping in self.toppings:
                self.toppings.remove(topping)

        chip = ui.chip(topping, selectable=True, color=None, on_selection_change=choose).classes('topping')
        chip.bind_selected_from(self, 'toppings', lambda chosen: topping in chosen)

    def _ticket(self) -> None:
        with ui.column().classes('panel gap-2').props('data-testid=ticket'):
            ui.label('Your pizza').classes('font-semibold')
            ui.label().bind_text_from(self, 'size', SIZES.get)
            ui.label().bind_text_from(self, 'toppings', lambda chosen: ', '.join(chosen) or 'No toppings')
            ui.separator()
            ui.label().classes('muted').bind_text_from(self, 'address', lambda address: address or 'No address yet')
            ui.label().classes('muted').bind_text_from(self, 'time', lambda time: f'At {time or "any time"}')

    def order(self) -> None:
        ui.notify('Ordered. The oven is as imaginary as the outage.', position='top')
        self.step = 'Size'


def _next_and_back(stepper: ui.stepper) -> None:
    with ui.stepper_navigation():
        ui.button('Next', on_click=stepper.next)
        ui.button('Back', on_click=stepper.previous).props('flat')
