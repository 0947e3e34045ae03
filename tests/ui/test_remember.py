"""What a person sets on elements that are bound to no field comes back: names, defaults, limits and refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from nicegui import ui

from nicegui_stash import Stash, StashError, stored
from nicegui_stash.model.document import SESSION_PART, Raw
from nicegui_stash.testing import FaultyStore
from nicegui_stash.ui.app.runtime import abandon_all

from .scene import Browser, client_of, close, element, emit, go, idle, type_into

pytestmark = pytest.mark.proves('remember')
Build = Callable[[], object]


def serve(build: Build, path: str = '/') -> None:
    ui.page(path)(build)


async def remembered(store: FaultyStore, path: str = '/') -> dict[str, Any]:
    """Return what is stored for the elements of a path, by their names."""
    [document] = [json.loads((await store.get(row.key)).body) async for row in store.list()]
    return document['slices']['stash.remember']['1'][path]['data']


async def test_what_a_person_set_is_there_on_the_next_view_also_of_a_page_function(stash: Stash):
    serve(lambda: stash.remember(ui.input('Name')).mark('name'))
    browser = Browser()
    type_into(await browser.open(), 'name', 'Ada')
    assert element(await browser.open(), 'name').value == 'Ada'


async def test_the_first_html_has_it(stash: Stash):
    serve(lambda: stash.remember(ui.input('Name').mark('name')))
    browser = Browser()
    type_into(await browser.open(), 'name', 'Ada')
    assert 'Ada' in (await browser.get()).text


async def test_it_works_on_the_page_of_a_class_beside_its_fields(stash: Stash):
    @stash.page('/')
    class Page:
        name: str = stored('')

        def build(self) -> None:
            ui.input().bind_value(self, 'name').mark('field')
            self.tab = stash.remember(ui.input('Note').mark('note'))

    browser = Browser()
    tab = await browser.open()
    type_into(tab, 'field', 'Ada')
    type_into(tab, 'note', 'a note')
    again = await browser.open()
    assert (element(again, 'field').value, element(again, 'note').value) == ('Ada', 'a note')


CHOICES: dict[str, Any] = {
    'select': ui.select,
    'several': lambda options: ui.select(options, multiple=True),
    'radio': ui.radio,
    'toggle': ui.toggle,
}


@pytest.mark.parametrize('comes', ['in the page function', 'later'])
@pytest.mark.parametrize('kind', CHOICES)
async def test_options_that_come_later_show_what_was_chosen(stash: Stash, kind: str, comes: str):
    heard: list[Any] = []

    def build() -> None:
        with stash.remembering():
            made = CHOICES[kind]([]).mark('choice').on_value_change(lambda event: heard.append(event.value))
        if comes == 'in the page function':
            made.set_options(['a', 'b', 'c'])

    serve(build)
    browser = Browser()
    tab = await browser.open()
    element(tab, 'choice').set_options(['a', 'b', 'c'])
    option = {'value': 2, 'label': 'c'}
    type_into(tab, 'choice', {'select': option, 'several': [option]}.get(kind, 2))
    chosen = ['c'] if kind == 'several' else 'c'
    for _ in range(2):
        tab = await browser.open()
        made = element(tab, 'choice')
        heard.clear()
        for options in ['a', 'c'], ['a', 'b', 'c']:
            made.set_options(options)
            await idle()
            assert made.value == chosen
        assert heard == ([chosen] if comes == 'later' else [])
    other = {'value': 0, 'label': 'a'}
    type_into(tab, 'choice', {'select': other, 'several': [other]}.get(kind, 0))
    made.set_options(['a', 'b', 'c', 'd'])
    await idle()
    assert made.value == (['a'] if kind == 'several' else 'a')


async def test_a_choice_of_one_is_dropped_where_several_can_be_chosen_now(stash: Stash):
    is_multiple = False
    serve(lambda: stash.remember(ui.select(['a', 'b'], multiple=is_multiple).mark('choice')))
    browser = Browser()
    type_into(await browser.open(), 'choice', {'value': 1, 'label': 'b'})
    is_multiple = True
    assert element(await browser.open(), 'choice').value == []


async def test_a_text_that_was_typed_into_a_select_comes_back(stash: Stash):
    def build() -> None:
        with stash.remembering():
            ui.select(['ant', 'bee'], new_value_mode='add-unique').mark('animal')
            ui.select(['ant', 'bee'], new_value_mode='add-unique', multiple=True).mark('animals')

    serve(build)
    browser = Browser()
    tab = await browser.open()
    type_into(tab, 'animal', 'emu')
    type_into(tab, 'animals', ['emu', {'value': 0, 'label': 'ant'}])
    for _ in range(2):
        tab = await browser.open()
        for marker, value in (('animal', 'emu'), ('animals', ['emu', 'ant'])):
            element(tab, marker).update()
            await idle()
            assert element(tab, marker).value == value


async def test_what_the_page_function_sets_is_a_default(stash: Stash):
    def build() -> None:
        with stash.remember(ui.tabs().mark('tabs')) as tabs:
            first = ui.tab('first')
            ui.tab('second')
        ui.tab_panels(tabs, value=first).mark('panels')

    serve(build)
    browser = Browser()
    tab = await browser.open()
    type_into(tab, 'tabs', 'second')
    again = await browser.open()
    assert element(again, 'tabs').value == element(again, 'panels').value == 'second'


async def test_change_handlers_run_once_when_the_page_is_built(stash: Stash):
    heard: list[tuple[Any, Any]] = []

    def build() -> None:
        stash.remember(
            ui.select([1, 2], value=1, on_change=lambda event: shown.append((event.value, event.previous_value))).mark(
                'select'
            )
        )
        shown = heard  # which the handler needs

    serve(build)
    browser = Browser()
    tab = await browser.open()
    emit(tab, element(tab, 'select'), 'update:modelValue', {'value': 1, 'label': 2})
    heard.clear()
    await browser.open()
    assert heard == [(2, 1)]


async def test_a_block_remembers_all_within_and_what_a_refreshable_makes_in_it_later(stash: Stash):
    def build() -> None:
        with stash.remembering():
            draw()
        ui.input('outside').mark('outside')

    @ui.refreshable
    def draw() -> None:
        for name in ('one', 'two'):
            ui.input(name).mark(name)

    serve(build)
    browser = Browser()
    tab = await browser.open()
    type_into(tab, 'one', '1')
    type_into(tab, 'outside', 'x')
    with client_of(tab):
        draw.refresh()
    await idle()
    assert element(tab, 'one').value == '1'
    type_into(tab, 'two', '2')
    again = await browser.open()
    assert [element(again, name).value for name in ('one', 'two', 'outside')] == ['1', '2', '']


async def test_elements_of_a_loop_are_told_apart_by_key_marker_label_and_place(stash: Stash, store: FaultyStore):
    def build() -> None:
        with stash.remembering():
            stash.remember(ui.input(), key='given').mark('a')
            ui.input().mark('b')
            ui.input('label')
            ui.input('label')

    serve(build)
    tab = await Browser().open()
    for at, each in enumerate(found for found in client_of(tab).elements.values() if isinstance(found, ui.input)):
        emit(tab, each, 'update:value', str(at))
    await stash_is_stored(stash, tab)
    names = list(await remembered(store))
    assert names == ['key given', 'marker b', 'nicegui-input label', 'nicegui-input label #2']


async def stash_is_stored(stash: Stash, tab: Any) -> None:
    with client_of(tab):
        await stash.flush()


async def test_a_key_that_is_used_twice_is_an_error_that_says_so(stash: Stash):
    said: list[str] = []

    def build() -> None:
        stash.remember(ui.input(), key='name')
        with pytest.raises(StashError) as error:
            stash.remember(ui.input(), key='name')
        said.append(str(error.value))

    serve(build, '/here')
    await Browser().open('/here')
    assert said == ["key='name' is used twice on /here; give each remembered element its own key="]


@pytest.mark.parametrize(
    ('make', 'says'),
    [
        (lambda: ui.label('some text'), "ui.label('some text') on / has nothing that a person sets"),
        (lambda: ui.button('go'), "ui.button('go') on / has nothing that a person sets"),
        (ui.linear_progress, 'declare what it shows'),
        (lambda: ui.input('Word', password=True), "ui.input('Word') on / is for a secret"),
    ],
)
async def test_what_cannot_be_remembered_is_an_error_that_says_so(stash: Stash, make: Callable[[], Any], says: str):
    said: list[str] = []

    def build() -> None:
        with pytest.raises(StashError) as error:
            stash.remember(make())
        said.append(str(error.value))

    serve(build)
    await Browser().open()
    assert says in said[0]


async def test_a_container_says_to_write_a_block(stash: Stash):
    def build() -> None:
        with ui.card() as card:
            ui.input()
        with pytest.raises(StashError, match=r'write with stash\.remembering\(\): around it'):
            stash.remember(card)

    serve(build)
    await Browser().open()


async def test_an_unknown_scope_is_an_error(stash: Stash):
    def build() -> None:
        with pytest.raises(StashError, match="write scope='session', 'tab' or 'reconnect'"):
            stash.remember(ui.input(), scope='url')  # type: ignore[arg-type]

    serve(build)
    await Browser().open()


async def test_the_field_wins_over_what_is_remembered(stash: Stash, store: FaultyStore):
    @stash.page('/')
    class Page:
        name: str = stored('default')

        def build(self) -> None:
            with pytest.raises(StashError, match='bound to a stored field'):
                stash.remember(ui.input().bind_value(self, 'name'))
            with stash.remembering():
                ui.input().bind_value(self, 'name').mark('inside')
            stash.remember(ui.input()).bind_value(self, 'name').mark('later')

    browser = Browser()
    tab = await browser.open()
    type_into(tab, 'inside', 'Ada')
    type_into(tab, 'later', 'Bob')
    again = await browser.open()
    assert (element(again, 'inside').value, element(again, 'later').value) == ('Bob', 'Bob')
    await stash_is_stored(stash, tab)
    with pytest.raises(KeyError):
        await remembered(store)


async def test_what_no_person_caused_is_not_stored(stash: Stash, store: FaultyStore):
    serve(lambda: stash.remember(ui.input('Name')).mark('name'))
    tab = await Browser().open()
    client_of(tab).environ = {}  # of a real browser, in which a person's event would be heard
    element(tab, 'name').value = 'set by a timer'
    await stash_is_stored(stash, tab)
    assert [row async for row in store.list()] == []


@pytest.mark.parametrize(
    'stored_there', ['[]', '3', '{"table.1": 3}', '{"nicegui-input.1": {}}', '{"nicegui-input.1": {"value": {"a": 1}}}']
)
async def test_bad_stored_data_costs_only_its_own_element(stash: Stash, store: FaultyStore, stored_there: str):
    def build() -> None:
        with stash.remembering():
            ui.slider(min=0, max=9, value=1).mark('slider')
            ui.table(rows=[{'id': 1}], pagination=1).mark('table')
            ui.input('Name').mark('name')

    serve(build)
    browser = Browser()
    tab = await browser.open()
    type_into(tab, 'name', 'Ada')
    memory = stash._app_state.connection_of(client_of(tab)).memory
    session = memory.places.session
    [slice_id] = {each.slice_id for each in memory.roll}
    for name in ('marker slider', 'marker table'):
        session.set(slice_id, SESSION_PART, name, Raw(stored_there.encode()))
    again = await browser.open()
    assert element(again, 'name').value == 'Ada'
    assert element(again, 'slider').value == 1
    assert element(again, 'table').pagination['rowsPerPage'] == 1


async def test_a_long_text_is_not_kept_and_a_short_one_after_it_is(stash: Stash, store: FaultyStore):
    serve(lambda: stash.remember(ui.input('Name')).mark('name'))
    browser = Browser()
    tab = await browser.open()
    type_into(tab, 'name', 'x' * 20_000)
    assert element(await browser.open(), 'name').value == ''
    type_into(tab, 'name', 'short')
    assert element(await browser.open(), 'name').value == 'short'


async def test_a_page_drops_what_is_not_on_it_any_more_when_there_is_no_room(stash: Stash, store: FaultyStore):
    names = [f'old-{number}' for number in range(300)]

    def build() -> None:
        with stash.remembering():
            for name in names:
                ui.input(name).mark(name)

    serve(build)
    browser = Browser()
    tab = await browser.open()
    for name in names:
        type_into(tab, name, name)
    await close(tab)
    names[:] = ['new', 'other']
    tab = await browser.open()
    type_into(tab, 'new', 'value')
    await stash_is_stored(stash, tab)
    assert list(await remembered(store)) == ['marker new']
    assert element(await browser.open(), 'new').value == 'value'


async def test_views_of_sub_pages_and_the_layout_around_them_are_remembered_apart(stash: Stash):
    def layout() -> None:
        stash.remember(ui.input('Name').mark('layout'))
        ui.sub_pages({'/': lambda: view('home'), '/other': lambda: view('other')})

    def view(name: str) -> None:
        stash.remember(ui.input('Name').mark('view'))
        ui.label(name)

    ui.page('/')(layout)
    ui.page('/{_:path}')(layout)
    browser = Browser()
    tab = await browser.open()
    type_into(tab, 'layout', 'around')
    type_into(tab, 'view', 'at home')
    await go(tab, '/other')
    assert element(tab, 'view').value == ''
    type_into(tab, 'view', 'elsewhere')
    await go(tab, '/')
    assert element(tab, 'view').value == 'at home'
    again = await browser.open('/other')
    assert (element(again, 'layout').value, element(again, 'view').value) == ('around', 'elsewhere')


async def test_pages_with_other_parameters_are_remembered_apart(stash: Stash):
    @ui.page('/items/{number}')
    def page(number: int) -> None:
        stash.remember(ui.input(f'Item {number}').mark('name'), key='name')

    browser = Browser()
    type_into(await browser.open('/items/1'), 'name', 'Ada')
    assert element(await browser.open('/items/2'), 'name').value == ''
    assert element(await browser.open('/items/1'), 'name').value == 'Ada'


async def test_forgetting_the_session_shows_the_defaults_and_nothing_comes_back(stash: Stash):
    serve(lambda: stash.remember(ui.input('Name', value='default')).mark('name'))
    browser = Browser()
    tab = await browser.open()
    type_into(tab, 'name', 'Ada')
    with client_of(tab):
        await stash.forget()
    await idle()
    assert element(tab, 'name').value == 'default'
    assert element(await browser.open(), 'name').value == 'default'


async def test_a_session_that_is_read_late_shows_what_was_set_and_keeps_what_is_set_meanwhile(
    stash: Stash, store: FaultyStore
):
    def build() -> None:
        stash.remember(ui.input('Name').mark('name'))
        stash.remember(ui.input('Note').mark('note'))

    serve(build)
    browser = Browser()
    tab = await browser.open()
    type_into(tab, 'name', 'Ada')
    type_into(tab, 'note', 'old')
    await stash_is_stored(stash, tab)
    await abandon_all(drain=True)
    stash._app_state._remembering.clear()
    store.hold('get')
    tab = await browser.open()
    assert element(tab, 'name').value == ''
    type_into(tab, 'note', 'new')
    store.release()
    for _ in range(20):
        await idle()
    assert (element(tab, 'name').value, element(tab, 'note').value) == ('Ada', 'new')
    again = await browser.open()
    assert (element(again, 'name').value, element(again, 'note').value) == ('Ada', 'new')


async def test_the_rows_of_a_server_side_table_are_asked_for_by_its_handler(stash: Stash):
    asked: list[int] = []

    def build() -> None:
        table = stash.remember(
            ui.table(
                rows=[{'id': 1}],
                pagination={'rowsPerPage': 1, 'rowsNumber': 9},
                on_pagination_change=lambda event: asked.append(event.value['page']),
            ).mark('table')
        )
        assert table.pagination

    serve(build)
    browser = Browser()
    tab = await browser.open()
    emit(tab, element(tab, 'table'), 'update:pagination', {'page': 4, 'rowsPerPage': 1, 'rowsNumber': 9})
    await idle()
    await close(tab)
    asked.clear()
    again = await browser.open()
    assert asked == [4]
    assert element(again, 'table').pagination['page'] == 4


async def test_a_table_that_was_made_before_reports_nothing_newer_than_what_was_shown_since(
    stash: Stash, store: FaultyStore
):
    rows = [{'id': number} for number in range(9)]
    serve(lambda: stash.remember(ui.table(rows=rows, pagination=3).mark('table')))
    browser = Browser()
    tab = await browser.open()
    table = element(tab, 'table')
    begins = {'sortBy': None, 'descending': False, 'page': 1, 'rowsPerPage': 3}
    emit(tab, table, 'update:pagination', begins, True)
    assert table.pagination == begins
    emit(tab, table, 'update:pagination', begins | {'page': 2}, False)
    again = await browser.open()
    table = element(again, 'table')
    emit(again, table, 'update:pagination', begins, True)
    assert table.pagination == begins | {'page': 2}
    await stash_is_stored(stash, tab)
    assert (await remembered(store))['marker table']['table.1']['page'] == 2
    emit(again, table, 'update:pagination', begins, False)
    assert table.pagination == begins


async def test_rows_per_page_that_the_browser_chooses_are_not_stored(stash: Stash, store: FaultyStore):
    serve(lambda: stash.remember(ui.table(rows=[{'id': 1}], pagination={'page': 1}).mark('table')))
    tab = await Browser().open()
    chosen = {'sortBy': None, 'descending': False, 'page': 1, 'rowsPerPage': 5}
    emit(tab, element(tab, 'table'), 'update:pagination', chosen, True)
    await idle()
    await stash_is_stored(stash, tab)
    assert [row async for row in store.list()] == []
    emit(tab, element(tab, 'table'), 'update:pagination', chosen | {'rowsPerPage': 10}, False)
    await idle()
    await stash_is_stored(stash, tab)
    assert (await remembered(store))['marker table']['table.1'] == {'per_page': 10}


@pytest.mark.parametrize('told', [[], [1, 2, 3], [None, True], 'page', 3], ids=repr)
async def test_a_table_takes_no_pagination_that_is_none(stash: Stash, told: Any):
    serve(lambda: stash.remember(ui.table(rows=[{'id': 1}], pagination=3).mark('table')))
    tab = await Browser().open()
    emit(tab, element(tab, 'table'), 'update:pagination', *(told if isinstance(told, list) else [told]))
    assert element(tab, 'table').pagination == {'rowsPerPage': 3}


async def test_a_grid_evaluates_nothing_of_what_its_browser_told(stash: Stash):
    grid = {'columnDefs': [{'field': 'name'}, {'field': 'qty'}], 'rowData': []}
    serve(lambda: stash.remember(ui.aggrid(dict(grid)).mark('grid')))
    browser = Browser()
    tab = await browser.open()
    told = {
        'filter': {'name': {':filter': 'alert(1)'}, 'qty': {'type': 'equals', 'filter': 3}},
        'sort': [['name', 'asc']],
    }
    listener = next(each for each in element(tab, 'grid')._event_listeners.values() if each.type == 'sortChanged')
    client_of(tab).handle_event({'id': element(tab, 'grid').id, 'listener_id': listener.id, 'args': [json.dumps(told)]})
    state = element(await browser.open(), 'grid').options['initialState']
    assert state['filter'] == {'filterModel': {'qty': {'type': 'equals', 'filter': 3}}}
    assert state['sort'] == {'sortModel': [{'colId': 'name', 'sort': 'asc'}]}


async def test_a_page_without_remembered_elements_has_no_memory(stash: Stash):
    @stash.page('/')
    class Page:
        name: str = stored('')

        def build(self) -> None:
            ui.input().bind_value(self, 'name')

    tab = await Browser().open()
    assert stash._app_state.connection_of(client_of(tab))._memory is None
