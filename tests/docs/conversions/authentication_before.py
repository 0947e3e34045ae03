from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from nicegui import app, ui
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint

PASSWORDS = {'ada': 'engine', 'grace': 'compiler'}  # a real app compares salted hashes


@app.add_middleware
class Doorkeeper(BaseHTTPMiddleware):
    """Sends everybody who is not signed in to the page where that is done."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        path = request.url.path
        if path == '/sign-in' or path.startswith('/_nicegui') or 'name' in app.storage.user:
            return await call_next(request)
        return RedirectResponse(f'/sign-in?then={path}')


def sign_out() -> None:
    app.storage.user.clear()
    ui.navigate.to('/sign-in')


@ui.page('/')
def desk_page() -> None:
    ui.label(f'Hello {app.storage.user["name"]}')
    ui.button('Sign out', on_click=sign_out)


@ui.page('/shelf')
def shelf_page() -> None:
    ui.label('The shelf is empty.')


@ui.page('/sign-in')
def sign_in_page(then: str = '/') -> RedirectResponse | None:
    if 'name' in app.storage.user:
        return RedirectResponse('/')

    def sign_in() -> None:
        if PASSWORDS.get(name.value) == password.value:
            app.storage.user['name'] = name.value
            ui.navigate.to(then)
        else:
            ui.notify('Wrong name or password')

    name = ui.input('Name')
    password = ui.input('Password', password=True).on('keydown.enter', sign_in)
    ui.button('Sign in', on_click=sign_in)
    return None


ui.run(storage_secret='private and random')
