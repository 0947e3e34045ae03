from fastapi.responses import RedirectResponse
from nicegui import app, ui

from nicegui_stash import Stash, stored

stash = Stash()
PASSWORDS = {'ada': 'engine', 'grace': 'compiler'}  # a real app compares salted hashes


@stash.state
class Desk:
    note: str = stored('')


async def sign_out() -> None:
    app.storage.user.clear()
    await stash.new_session(to='/sign-in')


@ui.page('/')
async def desk_page() -> RedirectResponse | None:
    if 'name' not in app.storage.user:
        return RedirectResponse('/sign-in')
    desk = await stash.recover(Desk)
    ui.label(f'Hello {app.storage.user["name"]}')
    ui.textarea('Note').bind_value(desk, 'note')
    ui.button('Sign out', on_click=sign_out)
    return None


@ui.page('/sign-in')
def sign_in_page() -> None:
    def sign_in() -> None:
        if PASSWORDS.get(name.value) == password.value:
            app.storage.user['name'] = name.value
            ui.navigate.to('/')
        else:
            ui.notify('Wrong name or password')

    name = ui.input('Name')
    password = ui.input('Password', password=True)
    ui.button('Sign in', on_click=sign_in)


ui.run(storage_secret='private and random')
