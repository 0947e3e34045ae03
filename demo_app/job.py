"""A long job: it goes on while its page is away, and the page shows its progress when it comes back."""

from __future__ import annotations

import asyncio

from nicegui import app, background_tasks, ui

from nicegui_stash import StoreError, stored

from .frame import Page, frame
from .state import stash

LEAD = (
    'Start it and drop your connection, or close the tab and open it again: the job goes on, and its progress is here. '
    'A new server process cannot take over a running job, but it has the progress: go on from where it was.'
)
STEPS = [
    'Counting the drops', 'Weighing the clouds', 'Sorting the winds', 'Measuring the puddles', 'Asking the frogs',
    'Drying the paper', 'Drawing the isobars', 'Colouring the fronts', 'Checking the almanac', 'Folding the chart',
]  # fmt: skip
SECONDS_PER_STEP = 1.0

running: set[str] = set()  # sessions whose job this process is running; a restart ends the jobs


@stash.page('/job')
class Job(Page):
    done: int = stored(0)
    log: list[str] = stored([])

    def build(self) -> None:
        self.session_id = str(app.storage.browser['id'])
        with frame(self, 'Job', LEAD), ui.element('section').classes('two-thirds'):
            with ui.column().classes('panel'):
                ui.label('A weather chart').classes('font-semibold')
                bar = ui.linear_progress(show_value=False, size='.75rem').props('rounded aria-label=Progress')
                bar.bind_value_from(self, 'done', lambda done: done / len(STEPS))
                said = ui.label().classes('muted').props('data-testid=progress')
                said.bind_text_from(self, 'done', lambda done: f'{done} of {len(STEPS)} steps')
                with ui.row().classes('gap-3'):
                    self.button = ui.button(on_click=self.start)
                    self._name_button()
                    ui.button('Back to nothing', on_click=self.clear).props('flat')
            with ui.column().classes('panel gap-2'):
                self._written()
        stash.on_change(self, 'log', self._written.refresh)
        stash.on_change(self, 'done', self._name_button)
        ui.timer(1.0, self._name_button)  # a job may end without a step

    def _name_button(self) -> None:
        """Let the button say what it does now."""
        is_running = self.session_id in running and self.done < len(STEPS)
        self.button.enabled = not is_running
        begun = 'Go on' if self.done < len(STEPS) else 'Start again'
        self.button.text = 'Running…' if is_running else begun if self.done else 'Start'

    def start(self) -> None:
        if self.done >= len(STEPS):
            self.clear()
        running.add(self.session_id)
        background_tasks.create(work(self.session_id), name='job')
        self._name_button()

    def clear(self) -> None:
        running.discard(self.session_id)
        stash.reset(self)
        self._name_button()

    @ui.refreshable_method
    def _written(self) -> None:
        ui.label('What was done').classes('font-semibold')
        for line in self.log:
            ui.label(line).classes('muted')
        if not self.log:
            ui.label('Nothing yet.').classes('muted')


async def work(session_id: str) -> None:
    """Run the steps for a session, whether or not it has a page open."""

    def step(job: Job) -> None:
        if job.done < len(STEPS):
            job.log.append(STEPS[job.done])
            job.done += 1

    try:
        async with stash.open(session_id) as session:
            while session_id in running and session.fetch(Job).done < len(STEPS):
                await asyncio.sleep(SECONDS_PER_STEP)
                if session_id in running:
                    await session.update(Job, step)
    except StoreError as error:
        raise RuntimeError('the job cannot go on without the store; start it again') from error
    finally:
        running.discard(session_id)
