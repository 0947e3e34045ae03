"""Who has a room open: people on this server, and those whom other servers name in objects beside the documents."""

from __future__ import annotations

import asyncio
import math
import weakref
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from typing import Final

from .keys import Keys
from .lookout import Lookout
from .server_rows import Row, ServerRows
from .shared import Shared

BEAT = 10.0
"""Seconds after which a server says again that it is there, while pages here show who is present."""
LAPSE = 30.0
"""Seconds after which people are no longer counted whose server has said nothing."""
CLOCKS: Final = 60.0
"""Seconds by which the clocks of two servers may differ."""
PAUSE: Final = 0.2
"""Seconds between two changes that pages are told of: of a crowd that arrives they are told a few times."""
TABLES: Final = 64
"""How many objects name people, whatever the number of rooms: visitors cannot make more of them."""
MOST: Final = 1000
"""How many people of a room a server names; of more it says only how many."""
PERSON: Final = 8
"""How many characters stand for a person: 48 bits, so that two of a thousand are hardly ever alike."""
ROOM: Final = 16
SAID: Final = 'said'
BEATS: Final = 'beats'


class Presence:
    """The people of one room, here and on other servers. Whoever shows it keeps it in memory."""

    def __init__(self, room: str, table: Table | None) -> None:
        """`room` stands for the room in its table, which is `None` where servers do not hear of each other."""
        self._room = room
        self._table = table
        self._here: Counter[str] = Counter()
        self._elsewhere: frozenset[str] = frozenset()
        self._size = self._more = 0
        self._watchers: dict[Callable[[], None], None] = {}
        self._is_telling = False
        self._quiet_until = 0.0

    def count(self, person: str) -> int:
        """Return how many are there, with this person, who may be about to come."""
        return self._size + (person not in self._here and person not in self._elsewhere)

    def enter(self, person: str) -> None:
        """Count a page of a person."""
        self._here[person] += 1
        if self._here[person] == 1:
            self._changed_here(person not in self._elsewhere)

    def leave(self, person: str) -> None:
        """Count a page of a person no longer."""
        self._here[person] -= 1
        if not self._here[person]:
            del self._here[person]
            self._changed_here(-(person not in self._elsewhere))

    def _changed_here(self, difference: int) -> None:
        if difference:
            self._size += difference
            self._tell_soon()
        if self._table is not None:
            self._table.rows.wake()

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call a watcher when more or fewer are there: at once, or soon where many come and go."""
        self._watchers[watcher] = None

    def unwatch(self, watcher: Callable[[], None]) -> None:
        self._watchers.pop(watcher, None)

    @property
    def text(self) -> str:
        """What this server says of the room: nothing if it is not open here."""
        return text_of(self._here)

    def look(self) -> None:
        """Count again: other servers, or their people, have come or gone."""
        people: set[str] = set()
        self._more = 0
        for text in self._table.elsewhere(self._room) if self._table is not None else ():
            found, more = people_of(text)
            people |= found
            self._more += more
        self._elsewhere = frozenset(people)
        before, self._size = self._size, len(people.union(self._here)) + self._more
        if before != self._size:
            self._tell_soon()

    def _tell_soon(self) -> None:
        if not self._is_telling:
            self._is_telling = True
            loop = asyncio.get_running_loop()
            loop.call_at(max(loop.time(), self._quiet_until), self._tell)

    def _tell(self) -> None:
        self._is_telling = False
        self._quiet_until = asyncio.get_running_loop().time() + PAUSE
        for watcher in list(self._watchers):
            watcher()


class Table:
    """Rooms whose people are named in one object."""

    def __init__(self, number: str, presences: Presences) -> None:
        self._rooms: weakref.WeakValueDictionary[str, Presence] = weakref.WeakValueDictionary()
        self._presences = presences
        self.rows = presences.rows(number, self._row, self.look)

    @property
    def is_open(self) -> bool:
        """Whether a page here shows one of the rooms."""
        return bool(self._rooms)

    def room(self, room: str) -> Presence:
        """Return the people of a room, by what stands for it."""
        found = self._rooms.get(room)
        if found is None:
            was_open = self.is_open
            found = self._rooms[room] = Presence(room, self)
            if was_open:
                found.look()
            else:
                self.rows.begin_again()
        return found

    def elsewhere(self, room: str) -> Iterator[str]:
        """Iterate over what other servers say of a room."""
        for server in self._presences.others:
            if text := self.rows.rows.get(server, {}).get(room):
                yield text

    def look(self) -> None:
        """Count the people of all rooms again."""
        for presence in list(self._rooms.values()):
            presence.look()

    def _row(self) -> Row:
        return {room: text for room, presence in list(self._rooms.items()) if (text := presence.text)}


class Presences:
    """The rooms of one registry of which pages show who is present. Without such a page nothing is done.

    People are named in a few objects, put when somebody comes or goes. In another one each server says now and then
    that it is there; the people of one that falls silent are not counted. Silence counts while the store answers.
    """

    def __init__(self, shared: Shared, keys: Keys, lookout: Lookout) -> None:
        self._shared = shared
        self._keys = keys
        self._lookout = lookout
        self._apart: weakref.WeakValueDictionary[str, Presence] = weakref.WeakValueDictionary()
        self._tables: dict[str, Table] = {}
        self._servers = self.rows('servers', self._said, self._heard)
        self._beats = 0
        self._said_at = -math.inf
        self._saying: Row = {}
        self._heard_of: dict[str, tuple[Row, float]] = {}
        self._met: dict[str, float] = {}
        self._silent_until = 0.0
        self._task: asyncio.Task[None] | None = None
        self.others: frozenset[str] = frozenset()
        """The servers that are there, without this one."""

    def of(self, name: str) -> Presence:
        """Return the people of a room."""
        room = self._keys.token(f'room\0{name}', ROOM)
        if not self._lookout.follows:
            found = self._apart.get(room)
            if found is None:
                found = self._apart[room] = Presence(room, None)
            return found
        number = f'{int.from_bytes(room.encode()) % TABLES:02x}'
        table = self._tables.get(number)
        if table is None:
            table = self._tables[number] = Table(number, self)
        found = table.room(room)
        if self._task is None:
            self._servers.begin_again()
            self._task = self._shared.spawn(self._beat())
            self._lookout.begin()
        return found

    def person(self, name: str, who: str) -> str:
        """Return what stands for somebody in one room; in another room something else does."""
        return self._keys.token(f'person\0{who}\0{name}', PERSON)

    def followed(self) -> list[ServerRows]:
        """Return the objects that are looked at when the store tells of them."""
        tables = [table.rows for table in self._tables.values() if table.is_open]
        return [self._servers, *tables] if tables else []

    def be_silent(self, seconds: float) -> None:
        """Say nothing for a while: this server ends, and its people come back to another one."""
        self._silent_until = asyncio.get_running_loop().time() + seconds

    def renew(self) -> None:
        """Put what is not put for long, so that it does not expire."""
        for table in self._tables.values():
            if table.is_open:
                table.rows.wake(again=True)

    def rows(self, table: str, mine: Callable[[], Row], changed: Callable[[], None]) -> ServerRows:
        """Return the rows of an object of these, not read yet."""
        return ServerRows(
            self._keys.of_presence(table),
            self._shared,
            mine,
            changed,
            is_gone=self._is_gone,
            may_write=self._may_write,
        )

    def _may_write(self) -> bool:
        return asyncio.get_running_loop().time() >= self._silent_until

    # ---- this server

    async def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        while any(table.is_open for table in self._tables.values()):
            if loop.time() - self._said_at >= BEAT:
                self._beats += 1
                self._said_at = loop.time()
                self._saying = {SAID: str(self._shared.now()), BEATS: str(self._beats)}
                self._servers.wake()
                for table in self._tables.values():  # one that could not be put before
                    table.rows.wake()
            await asyncio.sleep(min(BEAT, self._next_lapse()))
            self._judge()
        self._task, self._saying, self._said_at = None, {}, -math.inf
        self.others = frozenset()
        self._heard_of.clear()
        self._met.clear()
        self._servers.wake()

    def _said(self) -> Row:
        return self._saying

    # ---- the others

    def _heard(self) -> None:
        now = asyncio.get_running_loop().time()
        for server, row in self._servers.rows.items():
            before = self._heard_of.get(server)
            if before is None and self._is_old(row):
                self._heard_of[server] = row, -math.inf
            elif before is None or before[0] != row:
                self._heard_of[server] = row, now
        self._judge()

    def _is_old(self, row: Row) -> bool:
        """Whether what a server says was said long ago, whatever its clock."""
        said = row.get(SAID, '')
        return not said.isdecimal() or self._shared.now() - int(said) > (LAPSE + CLOCKS) * 1000

    def _next_lapse(self) -> float:
        known = self._lookout.known
        return max(0.1, min((self._heard_of[each][1] + LAPSE - known for each in self.others), default=BEAT))

    def _judge(self) -> None:
        """Count the people of those servers that are there now."""
        known, before = self._lookout.known, self.others
        self.others = frozenset(
            server
            for server in self._servers.rows
            if server != self._shared.writer and known - self._heard_of[server][1] < LAPSE
        )
        if before != self.others:
            for table in self._tables.values():
                table.look()

    def _is_gone(self, server: str) -> bool:
        """Whether a server has said nothing for so long that its row can be left out."""
        if server in self.others:
            return False
        met = self._met.setdefault(server, asyncio.get_running_loop().time())  # it may be there before it says so
        _, since = self._heard_of.get(server, (None, met))
        return self._lookout.known - since >= 2 * LAPSE


def text_of(people: Collection[str]) -> str:
    """Return how a server names people: the first ones, and how many more there are.

    >>> text_of(['abcdefgh', 'ijklmnop'])
    'abcdefghijklmnop'
    """
    more = len(people) - MOST
    return ''.join(sorted(people)[:MOST]) + (f'+{more}' if more > 0 else '')


def people_of(text: str) -> tuple[set[str], int]:
    """Return the people whom a server names, and how many more there are.

    >>> people_of('abcdefgh+12')
    ({'abcdefgh'}, 12)
    """
    names, _, more = text.partition('+')
    people = {names[place : place + PERSON] for place in range(0, len(names), PERSON)}
    return people, int(more) if more.isdecimal() else 0
