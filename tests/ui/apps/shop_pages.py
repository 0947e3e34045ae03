"""The pages. NiceGUI's user simulation unloads this module after each test, and the main file imports it again."""

from nicegui import ui
from shop_state import Cart, stash

from nicegui_stash import stored


@stash.page('/')
class Shop:
    """Puts things into the cart."""

    cart: Cart = stash.use(Cart)
    visits: int = stored(0)

    def build(self) -> None:
        self.visits += 1
        ui.label(f'visit {self.visits}')
        ui.label().bind_text_from(self.cart, 'items', lambda items: f'cart: {" ".join(items)}')
        ui.button('buy', on_click=lambda: self.cart.items.append('pen'))
        ui.button('to the other page', on_click=lambda: ui.navigate.to(Checkout))


@stash.page('/checkout')
class Checkout:
    """Shows the cart."""

    cart: Cart = stash.use(Cart)

    def build(self) -> None:
        ui.label(f'{len(self.cart.items)} things to pay')
