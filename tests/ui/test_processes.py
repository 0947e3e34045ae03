from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from nicegui_stash.session.keys import object_key

from .processes import PATIENTLY, running

APP = """
import os
from nicegui import ui
from nicegui_stash import Stash, stored

os.environ['NICEGUI_STASH_RECOVER_TIMEOUT'] = '100'  # as a busy machine may take
{before}stash = Stash({folder!r})


@stash.page('/', response_timeout=300)
class Page:
    visits: int = stored(0)

    async def build(self) -> None:
        self.visits += 1
        await stash.flush()
        ui.label(f'text of visit {{self.visits}}')


{run}
"""
PORT = "host='127.0.0.1', port=int(os.environ['PORT'])"
RUN = f'ui.run({PORT}, show=False, show_welcome_message=False, reload={{reload}}{{secret}})'
RUN_WITH = f"""
import uvicorn
from fastapi import FastAPI
host = FastAPI()
ui.run_with(host, show_welcome_message=False{{secret}})
uvicorn.run(host, {PORT}, log_level='warning')
"""
RUN_RELOADING = f"""
import uvicorn
from fastapi import FastAPI
host = FastAPI()
ui.run_with(host, show_welcome_message=False{{secret}})
if __name__ == '__main__':
    uvicorn.run('main:host', {PORT}, log_level='warning', reload={{reload}})
"""
SECRET = ", storage_secret='a secret'"


def app(folder: Path, run: str, *, secret: str = SECRET, reload: bool = False, before: str = '') -> str:
    return APP.format(folder=str(folder), before=before, run=run.format(secret=secret, reload=reload))


@pytest.mark.slow
@pytest.mark.parametrize('run', [RUN, RUN_WITH], ids=['ui.run', 'ui.run_with'])
def test_a_server_without_a_storage_secret_ends_with_the_line_to_write(tmp_path: Path, run: str) -> None:
    with running(tmp_path, app(tmp_path / 'store', run, secret='')) as server:
        assert server.ends_with() != 0
        assert 'nicegui_stash: storage_secret: ' in server.output
        assert "Write ui.run(storage_secret='…') with a private random text, or pass it to" in server.output
        assert not (tmp_path / 'store').exists()


@pytest.mark.slow
@pytest.mark.parametrize('run', [RUN, RUN_WITH], ids=['ui.run', 'ui.run_with'])
def test_a_server_whose_folder_cannot_be_written_ends_and_names_it(tmp_path: Path, run: str) -> None:
    (tmp_path / 'file').write_text('')
    with running(tmp_path, app(tmp_path / 'file' / 'store', run)) as server:
        assert server.ends_with() != 0
        assert str(tmp_path / 'file') in server.output
        assert 'nicegui_stash: ' in server.output


@pytest.mark.slow
def test_two_classes_of_one_name_end_the_process_before_it_serves(tmp_path: Path) -> None:
    again = "\n@Stash('{folder}').state\nclass Page:\n    visits: str = stored('')\n".format(folder=tmp_path / 'store')
    with running(tmp_path, app(tmp_path / 'store', again + RUN)) as server:
        assert server.ends_with() != 0
        assert "already has the stored name 'Page'; pass name= to one" in server.output


@pytest.mark.slow
@pytest.mark.parametrize('run', [RUN, RUN_WITH], ids=['ui.run', 'ui.run_with'])
def test_a_server_ends_cleanly_at_sigterm_and_its_successor_has_the_state(tmp_path: Path, run: str) -> None:
    cookies = httpx.Cookies()
    for visit in (1, 2):
        with running(tmp_path, app(tmp_path / 'store', run)) as server:
            answer = server.answers(lambda: httpx.get(server.url, cookies=cookies, **PATIENTLY))
            cookies.update(answer.cookies)
            assert f'text of visit {visit}' in answer.text
            assert server.terminate() in {0, -15}
            assert 'Traceback' not in server.output


@pytest.mark.slow
@pytest.mark.parametrize('run', [RUN, RUN_RELOADING], ids=['ui.run', 'uvicorn'])
def test_state_is_back_after_an_auto_reload_under_the_name_of_its_class(tmp_path: Path, run: str) -> None:
    source = app(tmp_path / 'store', run, reload=True)
    with running(tmp_path, source, cold=True) as server, httpx.Client(base_url=server.url, **PATIENTLY) as visitor:
        assert 'text of visit 1' in server.answers(lambda: visitor.get('/')).text
        (tmp_path / 'main.py').write_text(source.replace('text of visit', 'new text of visit'))

        def reloaded() -> str | None:
            text = httpx.get(server.url, **PATIENTLY).text  # of another visitor
            return text if 'new text' in text else None

        server.answers(reloaded)
        answer = visitor.get('/')
        assert 'new text of visit 2' in answer.text
    documents = [json.loads(path.read_text()) for path in (tmp_path / 'store').rglob('*.json')]
    assert {tuple(document['slices']) for document in documents} == {('Page',)}


@pytest.mark.slow
def test_by_default_documents_are_in_a_database_beside_the_folder_of_nicegui(tmp_path: Path) -> None:
    source = app(tmp_path, RUN).replace(f'Stash({str(tmp_path)!r})', 'Stash()')
    with running(tmp_path, source) as server, httpx.Client(base_url=server.url, **PATIENTLY) as visitor:
        server.answers(lambda: visitor.get('/'))
    with closing(sqlite3.connect(tmp_path / '.nicegui-stash' / 'stash.db')) as database:
        ((key, body),) = database.execute('SELECT key, body FROM objects')
    assert json.loads(body)['slices']['Page']['1']['']['data'] == {'visits': 1}
    assert len(object_key('a secret', 'an id')) == len(key)


@pytest.mark.slow
def test_state_that_an_earlier_version_left_in_the_default_folder_is_back(tmp_path: Path) -> None:
    folder = tmp_path / '.nicegui-stash'
    cookies = httpx.Cookies()
    for url, visit in ((f'Stash({str(folder)!r})', 1), ('Stash()', 2)):
        source = app(tmp_path, RUN).replace(f'Stash({str(tmp_path)!r})', url)
        with running(tmp_path, source) as server:
            answer = server.answers(lambda: httpx.get(server.url, cookies=cookies, **PATIENTLY))
            cookies.update(answer.cookies)
            assert f'text of visit {visit}' in answer.text
            assert server.terminate() in {0, -15}
            assert ('was filled by an earlier version' in server.output) == (visit == 2)
    assert not (folder / 'stash.db').exists()
