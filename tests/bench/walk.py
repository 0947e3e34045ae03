"""Count the walk of one typed value: every call in the package from the browser's event until the value is durable.

`python -m tests.bench.walk` prints it. A page has the README's `count` and `note`; it is connected and reported; one
keystroke arrives in the element of `note`, the first of this page; the store is in memory. The trace ends when the put
has returned, the browser was told, and nothing of the package runs any more.

- A **call** enters a function or starts a coroutine. What goes on after an `await` or a `yield` is the same call. Calls
  of one function in direct succession count once. Comprehensions and lambdas belong to the function around them;
  properties and special methods (`__len__`) to whoever asks. Reading and writing a stored field are calls.
- A **stay** is a longest run of calls in one file; coming back from a call is not a new one.
- A **re-entry** is a stay in a file that was visited before. So files and re-entries add up to the stays.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import inspect
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

TYPED = 'typed'
MOST_STAYS, MOST_REENTRIES = 40, 20
QUIET = 100
"""After how many turns of the event loop in which nothing of the package ran the walk is over."""


@dataclass(frozen=True, slots=True)
class Call:
    file: str
    function: str


@dataclass
class Walk:
    """The calls in the package, in order; each file is named as seen from the package."""

    package: Path
    calls: list[Call] = field(default_factory=list[Call])
    _frames: dict[int, FrameType] = field(default_factory=dict[int, FrameType])
    """Kept until the end, so that no other frame is given the identity of one that waits."""

    @contextmanager
    def traced(self) -> Iterator[None]:
        gc.disable()  # a finalizer is not on the way
        sys.setprofile(self._note)
        try:
            yield
        finally:
            sys.setprofile(None)
            gc.enable()
            self._frames.clear()

    def _note(self, frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event != 'call' or not code.co_filename.startswith(f'{self.package}{os.sep}') or id(frame) in self._frames:
            return
        self._frames[id(frame)] = frame
        call = Call(Path(code.co_filename).relative_to(self.package).as_posix(), code.co_qualname)
        if _counts(code) and self.calls[-1:] != [call]:
            self.calls.append(call)

    def without(self, properties: set[Call]) -> Walk:
        return Walk(self.package, [call for call, _ in groupby(call for call in self.calls if call not in properties)])

    @property
    def stays(self) -> list[tuple[str, list[str]]]:
        """Each stay's file, and the functions that were called in it."""
        return [
            (file, [call.function for call in calls]) for file, calls in groupby(self.calls, key=lambda call: call.file)
        ]

    @property
    def files(self) -> set[str]:
        return {call.file for call in self.calls}

    @property
    def reentries(self) -> int:
        return len(self.stays) - len(self.files)

    def __str__(self) -> str:
        return (
            f'{len(self.calls)} calls, {len(self.stays)} stays in {len(self.files)} files, {self.reentries} re-entries'
        )


def _counts(code: CodeType) -> bool:
    name = code.co_name
    return name in {'__get__', '__set__'} or not (name.startswith(('<', '__')))


def properties_of(package: Path) -> set[Call]:
    """Return what the package reads as an attribute, among all that is in memory."""
    getters = [each.fget for each in gc.get_objects() if isinstance(each, property) and inspect.isfunction(each.fget)]
    return {
        Call(Path(getter.__code__.co_filename).relative_to(package).as_posix(), getter.__qualname__)
        for getter in getters
        if Path(getter.__code__.co_filename).is_relative_to(package)
    }


async def walk() -> Walk:
    """Open the page, type once, and return the walk. Raises `RuntimeError` if the value did not become durable."""
    from nicegui import core, ui  # noqa: PLC0415 it reads NICEGUI_STORAGE_PATH when it is imported

    import nicegui_stash  # noqa: PLC0415
    from nicegui_stash import Stash, stored  # noqa: PLC0415
    from nicegui_stash.stores.memory import MemoryStore  # noqa: PLC0415

    from ..steady import count_only_waiting  # noqa: PLC0415
    from .simulation import get_page, new_browser, serving  # noqa: PLC0415

    count_only_waiting()  # no timer of the package comes between, however slow the machine is
    opened: list[Any] = []

    def declare() -> Stash:
        stash = Stash('memory://walk')

        @stash.page('/')
        class Counter:
            count: int = stored(0)
            note: str = stored('', scope='reconnect')

            def build(self) -> None:
                ui.label().bind_text_from(self, 'count')
                self.element = ui.textarea('Note').bind_value(self, 'note')
                opened.append(self)

        return stash

    walked = Walk(Path(nicegui_stash.__file__).parent)
    async with serving(declare):
        client = await get_page(new_browser(), '/')
        client.accept_handshake('socket', 'tab', None)
        client.environ = {}  # a browser, not NiceGUI's user simulation: it reports, and is told what is durable
        await client.handle_handshake('socket', 'tab', None, 'document', None)
        receive: dict[str, Callable[[str, dict[str, Any]], object]] = core.sio.handlers['/']
        receive['nicegui_stash'](
            'socket', {'client_id': client.id, 'told': {'kind': 'report', 'reason': 'visit'}, 'stash': 1}
        )
        await _quiet(walked)
        element = opened[0].element
        (listener,) = [each for each in element._event_listeners.values() if each.type.startswith('update:')]
        event = {'client_id': client.id, 'id': element.id, 'listener_id': listener.id, 'args': [json.dumps(TYPED)]}
        with walked.traced():
            receive['event']('socket', {**event, 'stash': 2})
            await _quiet(walked)
    stored_bodies = [await store.get(row.key) for store in [MemoryStore('walk')] async for row in store.list()]
    if not any(TYPED in getattr(found, 'body', b'').decode() for found in stored_bodies):
        raise RuntimeError('what was typed is not in the store, so that nothing was counted')
    return walked.without(properties_of(walked.package))


async def _quiet(walked: Walk) -> None:
    """Let the event loop turn until the walk has not grown for a while."""
    known, turns = -1, 0
    while turns < QUIET:
        turns = turns + 1 if known == len(walked.calls) else 0
        known = len(walked.calls)
        await asyncio.sleep(0)


def main() -> int:
    parser = argparse.ArgumentParser(prog='python -m tests.bench.walk', description=__doc__.partition('\n')[0])
    parser.add_argument(
        '--check',
        action='store_true',
        help=f'exit with 1 if there are more than {MOST_STAYS} stays or {MOST_REENTRIES} re-entries',
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix='walk-') as folder:
        os.environ['NICEGUI_STORAGE_PATH'] = folder
        walked = asyncio.run(walk())
    seen: set[str] = set()
    for number, (file, functions) in enumerate(walked.stays, 1):
        print(f'{number:3} {"again" if file in seen else "":5} {file}: {", ".join(functions)}')
        seen.add(file)
    print(walked)
    return int(options.check and (len(walked.stays) > MOST_STAYS or walked.reentries > MOST_REENTRIES))


if __name__ == '__main__':
    sys.exit(main())
