"""Servers that live and die, and the documents that they share: of browsers, guests, people and rooms.

The servers are real registries with real page objects; the store tells them who has put, or does not. A browser signs
in on several servers at once, two people take back what they did, and the secrets change. The model only knows who has
put which value where: each value is another one, and says for which document it was entered.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from nicegui_stash.errors import StoreError
from nicegui_stash.model.document import SESSION_PART, Document, Raw, Slice, SliceId, from_bytes
from nicegui_stash.model.limits import Policy
from nicegui_stash.model.operations import ADOPTED
from nicegui_stash.model.pieces import joined
from nicegui_stash.model.scopes import Owner
from nicegui_stash.model.sealing import SEALED, Sealing
from nicegui_stash.session.keys import Keys, guest_key, object_key, room_key, user_key
from nicegui_stash.session.registry import Registry
from nicegui_stash.session.session import Session

from .lives import Broken
from .notices import Telling
from .shown import BOARD, FIELDS, ShownPage, Whose
from .weather import Weather

NAMES = ('a', 'b')
"""Browsers, people and rooms have the same names, which must not lead to the same documents."""
COUNTER = SliceId('Counter', 1)
BOARDS = BOARD.slice_id()
STEPS = 'stash.undo'
EMPTY = {b'""', b'[]'}
"""What several people may have put, as nobody else's value is."""
PATIENCE = 400.0
"""Seconds of simulated time within which everything must settle once the weather is good."""
AT_ONCE = 120.0
"""Seconds within which a store that loses no notice makes all servers show the same."""


EVERYBODY = [Whose(kind, name) for kind in ('session', 'guest', 'user', 'room') for name in NAMES]
_KEY_OF = {'session': object_key, 'guest': guest_key, 'user': user_key, 'room': room_key}


Place = tuple[Whose, str]
"""A field of a document."""


@dataclass
class Server:
    """One process from start to kill, the documents that it holds, and what it has accepted in each."""

    name: str
    registry: Registry
    documents: dict[Whose, Session] = field(default_factory=dict[Whose, Session])
    pages: list[ShownPage] = field(default_factory=list[ShownPage])
    tasks: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])
    written: Counter[Whose] = field(default_factory=Counter[Whose])
    """Of each document, how many changes of the field that only this server writes."""
    durable: Counter[Whose] = field(default_factory=Counter[Whose])
    acted: dict[tuple[Whose, str], tuple[bytes, str]] = field(
        default_factory=dict[tuple[Whose, str], tuple[bytes, str]]
    )
    """Which page of this server has put a field's value last, and which that was."""
    increments: int = 0
    confirmed: int = 0

    def open(self, whose: Whose) -> Session:
        """Return a document, held from now on."""
        found = self.documents.get(whose)
        if found is None:
            registry = self.registry
            of = {'session': registry.session, 'guest': registry.guest, 'user': registry.person, 'room': registry.room}
            found = self.documents[whose] = of[whose.kind](whose.name)
        return found


class House:
    """The servers, the store and the model."""

    def __init__(self, seed: int) -> None:
        self.dice = dice = random.Random(f'house {seed}')
        trouble = dice.choice([0.0, 0.05, 0.2])
        tells = dice.random() < 0.7
        self.store: Weather = (
            Telling(dice, trouble, loses=dice.choice([0.0, 0.0, 0.3]), delay=dice.choice([0.01, 0.5, 3.0]))
            if tells
            else Weather(dice, trouble)
        )
        self.interval = 0.0 if tells else dice.choice([0.0, 2.0])
        self.store.on_put = self._check_put
        self.store.clock = self.wall
        self.secrets = ['secret']
        self.seals = dice.random() < 0.15
        self.may_rotate = dice.random() < 0.2
        self.replaces = dice.random() < 0.3
        self.may_crash = dice.random() < 0.6
        self.may_erase = dice.random() < 0.3
        self.person_of = {browser: dice.choice(NAMES) for browser in NAMES}
        self.erased: set[Whose] = set()
        """Documents in which somebody has erased something."""
        self.adopted: set[Whose] = set()
        """Guests whose values somebody has begun to bring over."""
        self.known: dict[Whose, dict[tuple[SliceId, str], bytes]] = {whose: {} for whose in EVERYBODY}
        self.before: dict[Whose, dict[tuple[SliceId, str], set[bytes]]] = {whose: {} for whose in EVERYBODY}
        """What was stored in each field: now, and ever."""
        self.returns: Counter[tuple[Whose, str, bytes]] = Counter()
        """How often a page has put a value that was there before."""
        self.putter: dict[tuple[Whose, str, bytes], str] = {}
        """Which visit has put a field's value last, on any server."""
        self.places: dict[str, Whose] = {}
        self.gone: list[Server] = []
        self.numbers = self.births = self.visits = 0
        self.failure: Broken | None = None
        self._name_objects()
        self.servers = [self._start() for _ in range(dice.choice([2, 2, 3]))]
        for server in self.servers:
            self._show(server)

    def wall(self) -> float:
        return 1_700_000_000.0 + asyncio.get_running_loop().time()

    def _name_objects(self) -> None:
        """Note where which document is, also under older secrets; the present one comes last."""
        for secret in reversed(self.secrets):
            for whose in EVERYBODY:
                key = _KEY_OF[whose.kind](secret, whose.name)
                if self.places.setdefault(key, whose) != whose:
                    raise Broken(f'{whose} and {self.places[key]} are one object')
        self.sealing = Sealing(self.secrets, encrypts=self.seals)
        self.store.clear = self._clear

    def _clear(self, key: str, body: bytes) -> bytes:
        return self.sealing.open(key, body) if body.startswith(SEALED) else body

    # ---- what happens

    async def step(self) -> None:
        """Let one thing happen, somewhere."""
        server = self.dice.choice(self.servers)
        self.dice.choices(
            [
                self._act,
                self._write,
                self._take_back,
                self._count,
                self._flush,
                self._look,
                self._show,
                self._sign_in,
                self._erase,
                self._crash,
                self._rotate,
            ],
            [30, 15, 15, 6, 8, 5, 8, 8, 5 * self.may_erase, 5 * self.may_crash, 2 * self.may_rotate],
        )[0](server)
        if self.dice.random() < 0.6:
            await asyncio.sleep(self.dice.random() * self.dice.choice([0.4, 0.4, 3.0]))
        if self.failure:
            raise self.failure

    def _start(self) -> Server:
        self.births += 1
        policy = Policy(live_interval=self.interval)
        registry = Registry(
            self.store, Keys(self.secrets), policy, wall=self.wall, rng=self.dice.random, sealing=self.sealing
        )
        registry._shared.writer = name = f's{self.births}'
        registry.declare(BOARD)
        self.store.note('start', name)
        return Server(name, registry)

    def _show(self, server: Server) -> None:
        """Open a page: of a room, signed in or not."""
        browser = self.dice.choice(NAMES)
        self.visits += 1
        self._open(server, f'visit{self.visits}', browser, self.dice.choice(NAMES), signed_in=self.dice.random() < 0.7)
        if len(server.pages) > 3:
            server.pages.pop(0).close()

    def _open(self, server: Server, visit: str, browser: str, room: str, *, signed_in: bool) -> None:
        user = Whose('user', self.person_of[browser]) if signed_in else Whose('guest', browser)
        whose: dict[Owner, Whose] = {'session': Whose('session', browser), 'user': user, 'room': Whose('room', room)}
        page = ShownPage(server.registry, visit, whose, server.open)
        server.pages.append(page)
        if signed_in:
            self._adopt(server, browser)
        self.store.note('show', server.name, visit, *whose.values())

    def _sign_in(self, server: Server) -> None:
        """Let a browser sign in, here and perhaps elsewhere at the same moment."""
        browser = self.dice.choice(NAMES)
        for each in {server.name: server, (other := self.dice.choice(self.servers)).name: other}.values():
            self._adopt(each, browser)

    def _adopt(self, server: Server, browser: str) -> None:
        guest, person = Whose('guest', browser), Whose('user', self.person_of[browser])
        self.adopted.add(guest)
        self.store.note('adopt', server.name, guest, person)
        task = server.registry.adopt(
            server.open(person), server.open(guest), replace=self.replaces, arrived=lambda: None
        )
        server.tasks.append(task)

    def _some(self, server: Server) -> Whose:
        return self.dice.choice(list(server.documents) or EVERYBODY)

    def _token(self, whose: Whose, writer: str) -> str:
        self.numbers += 1
        return f'{whose}/{writer}:{self.numbers}'

    def _write(self, server: Server) -> None:
        """Change a field that only this server writes."""
        whose = self._some(server)
        server.written[whose] += 1
        value = f'{whose}/{server.name}:{server.written[whose]}'
        server.open(whose).set(_marks(whose), SESSION_PART, server.name, _raw(value))
        self.store.note('write', server.name, whose)

    def _act(self, server: Server) -> None:
        """Let people change something on their pages."""
        for _ in range(self.dice.choice([1, 1, 2]) if server.pages else 0):
            self._change(server, self.dice.choice(server.pages))

    def _change(self, server: Server, page: ShownPage) -> None:
        name = self.dice.choice(['title', 'title', 'cards', 'cards', 'mine', 'note'])
        token = self._token(page.whose(name), page.visit.id)
        with self._noted(server, page):
            if name != 'cards':
                setattr(page.board, name, token)
            elif len(page.board.cards) > 8:
                page.board.cards = [token]
            else:
                page.board.cards.insert(self.dice.randrange(len(page.board.cards) + 1), token)

    def _take_back(self, server: Server) -> None:
        """Let people take a step back, or make it again."""
        for _ in range(self.dice.choice([1, 1, 2, 3]) if server.pages else 0):
            self._move(server, self.dice.choice(server.pages))

    def _move(self, server: Server, page: ShownPage) -> None:
        before, mine = page.raws(), self._is_own(server, page)
        with self._noted(server, page):
            done = page.move(back=self.dice.random() < 0.7)
        after = page.raws()
        for name in FIELDS:
            if after[name] != before[name]:
                if not mine[name]:
                    raise Broken(f'{page.visit.id} has replaced what somebody else has put: {before[name]!r}')
                self.returns[page.whose(name), name, after[name]] += 1
                self.store.note('undo', page.visit.id, name)
        if done != (after != before):
            raise Broken('a step that was taken has changed nothing, or one that was not has')

    def _is_own(self, server: Server, page: ShownPage) -> dict[str, bool]:
        """Say of each field whether this visit has put the value that the page shows."""
        own: dict[str, bool] = {}
        for name, raw in page.raws().items():
            place = page.whose(name), name
            value, visit = server.acted.get(place, (b'', ''))
            own[name] = raw in EMPTY or page.visit.id == (visit if value == raw else self.putter.get((*place, raw)))
        return own

    def _noted(self, server: Server, page: ShownPage) -> _Noted:
        return _Noted(self, server, page)

    def _count(self, server: Server) -> None:
        """Count in a room, where every server does."""

        async def update() -> None:
            try:
                await room.update(COUNTER, _increment)
            except StoreError:
                return  # accepted all the same, as the docstring says
            server.confirmed += 1

        room = server.open(Whose('room', 'a'))
        server.increments += 1
        self._spawn(server, update())

    def _flush(self, server: Server) -> None:
        async def flush(whose: Whose, written: int) -> None:
            try:
                await server.open(whose).flush()
            except StoreError:
                return
            server.durable[whose] = max(server.durable[whose], written)

        for whose in self.dice.sample(list(server.documents), min(2, len(server.documents))):
            self._spawn(server, flush(whose, server.written[whose]))

    def _look(self, server: Server) -> None:
        """Let somebody request a page, which looks at its documents."""
        for whose in self.dice.sample(list(server.documents), min(3, len(server.documents))):
            self._spawn(server, _looked_at(server.open(whose)))

    def _erase(self, server: Server) -> None:
        """Forget a document, or reset a class in it."""
        whose = self._some(server)
        self.erased.add(whose)
        self.store.note('erase', server.name, whose)
        if self.dice.random() < 0.3:
            server.open(whose).forget()
        else:
            server.open(whose).reset(self.dice.choice([BOARDS, _marks(whose)]))

    def _crash(self, server: Server) -> None:
        """Kill a server wherever it is waiting; another starts, and open pages come back there or elsewhere."""
        self._kill(server)
        self.servers[self.servers.index(server)] = self._start()
        self._come_back(server)

    def _rotate(self, server: Server) -> None:
        """Start all servers again, with another secret before the old one."""
        if len(self.secrets) > 1:
            return
        killed = list(self.servers)
        for each in killed:
            self._kill(each)
        self.secrets = ['a newer secret', *self.secrets]
        self._name_objects()
        self.store.note('rotate', server.name)
        self.servers = [self._start() for _ in killed]
        for each in killed:
            self._come_back(each)

    def _kill(self, server: Server) -> None:
        self.store.note('crash', server.name)
        for task in sorted([*server.tasks, *server.registry._tasks], key=lambda task: int(task.get_name()[5:])):
            task.cancel()
        for page in server.pages:
            page.vanish()
        self.gone.append(server)

    def _come_back(self, killed: Server) -> None:
        for page in killed.pages:
            server = self.dice.choice(self.servers)
            signed_in = page.whose('mine').kind == 'user'
            self._open(server, page.visit.id, page.whose('note').name, page.whose('title').name, signed_in=signed_in)

    def _spawn(self, server: Server, work: Coroutine[Any, Any, None]) -> None:
        server.tasks.append(asyncio.ensure_future(work))

    # ---- what has to be true

    def stored(self, whose: Whose) -> Document | None:
        """Return a document as it is stored under the newest secret that has it."""
        for key in reversed([key for key, each in self.places.items() if each == whose]):
            if (found := self.store.objects.get(key)) is not None:
                return from_bytes(self._clear(key, found.body))
        return None

    def _check_put(self, key: str, body: bytes) -> None:
        try:
            whose = self.places[key]
            if key == _KEY_OF[whose.kind](self.secrets[0], whose.name):  # and not what a killed server had sent before
                self._check_values(whose, from_bytes(self._clear(key, body)))
                self._check_durable(whose)
        except Broken as error:  # here it would be taken for a failure of the store
            self.failure = self.failure or error

    def _check_values(self, whose: Whose, document: Document) -> None:
        """Find what belongs elsewhere; and what was replaced or erased, and is back without a person's wish."""
        now = dict(_values_of(document))
        known, before = self.known[whose], self.before[whose]
        for place, raw in now.items():
            if known.get(place) == raw:
                continue
            for token in _tokens(raw):
                self._check_place(whose, token)
            ever = before.setdefault(place, set())
            if raw in ever and raw not in EMPTY:
                if self.returns[whose, place[1], raw] <= 0:
                    raise Broken(f'{raw!r} was replaced or erased in {whose}, and is back')
                self.returns[whose, place[1], raw] -= 1
            ever.add(raw)
        self.known[whose] = now

    def _check_place(self, whose: Whose, token: str) -> None:
        kind, _, name = token.partition('/')[0].partition(':')
        if (kind, name) == whose:
            return
        if kind != 'guest' or whose != ('user', self.person_of[name]):
            raise Broken(f'{token} is in {whose}')

    def _check_durable(self, whose: Whose) -> None:
        for server in [*self.servers, *self.gone]:
            if (durable := server.durable[whose]) and self._number(whose, server) < durable:
                raise Broken(f'{server.name} was told that {durable} is durable in {whose}')

    def _number(self, whose: Whose, server: Server) -> int:
        """Return up to which change of a server's own field all is stored, or replaced as it should be."""
        if whose in self.erased:
            return server.written[whose]
        place = _marks(whose), server.name
        number = _number(self.known[whose].get(place))
        if whose.kind == 'guest' and whose in self.adopted:
            person = Whose('user', self.person_of[whose.name])
            adopted = self.before[person].get(place, set())
            if person in self.erased or (adopted and not self.replaces):
                return server.written[whose]  # the person's own value stays
            number = max([number, *map(_number, adopted)])
        return number

    async def settle(self) -> None:
        """Let the weather clear; check that all becomes durable and visible everywhere, and that no call waits."""
        await self.store.calm()
        for whose in EVERYBODY if len(self.secrets) > 1 else ():
            self.known[whose] = self._there(whose)  # also what only a killed server had put, under the older secret
        await self._all_over()
        await self._drain()
        is_told = isinstance(self.store, Telling) and not self.store.has_lost_notices
        if is_told and len(self.secrets) == 1:  # of what a killed server puts under an older name nobody hears
            await asyncio.sleep(AT_ONCE)
            await self._drain()
            self._check_same('room', 'user')
        if self.failure:
            raise self.failure
        self._check_written()
        self._check_count()
        await self._view()
        self._check_adopted()
        self._check_same('room', 'user', 'guest', 'session')
        self._check_pages()
        for whose in EVERYBODY:
            self._check_durable(whose)
        if self.failure:
            raise self.failure

    async def _view(self) -> None:
        """Request all pages once more."""
        for server in self.servers:
            for guest in sorted(self.adopted & server.documents.keys()):
                self._adopt(server, guest.name)
        await self._all_over()
        await self._look_everywhere()
        await self._drain()
        await self._look_everywhere()

    async def _all_over(self) -> None:
        tasks = [task for server in self.servers for task in server.tasks]
        if tasks:
            _, waiting = await asyncio.wait(tasks, timeout=PATIENCE)
            if waiting:
                raise Broken(f'{len(waiting)} still wait for what is durable')
        for task in tasks:
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def _drain(self) -> None:
        """Put everything; what comes from elsewhere meanwhile may make pages note that steps are dead."""
        for _ in range(10):
            if not [left for server in self.servers for left in await server.registry.drain(PATIENCE)]:
                return
        raise Broken('a server cannot get rid of its changes')

    async def _look_everywhere(self) -> None:
        for server in self.servers:
            for session in server.documents.values():
                async with asyncio.timeout(PATIENCE):
                    while not await session.revalidate(PATIENCE):
                        await asyncio.sleep(1.0)

    def _there(self, whose: Whose) -> dict[tuple[SliceId, str], bytes]:
        found = self.stored(whose)
        return dict(_values_of(found)) if found else {}

    def _check_written(self) -> None:
        for server in self.servers:
            for whose in server.documents:
                if self._number(whose, server) < server.written[whose]:
                    raise Broken(f'{server.name} has lost its change {server.written[whose]} of {whose}')

    def _check_same(self, *kinds: str) -> None:
        for server in self.servers:
            for whose, session in server.documents.items():
                if whose.kind in kinds and dict(_values_of(session.document)) != self._there(whose):
                    raise Broken(f'{server.name} shows something else of {whose} than is stored')

    def _check_pages(self) -> None:
        for page in (page for server in self.servers for page in server.pages):
            defaults = page.page_object.values.defaults
            for name, raw in page.raws().items():
                there = self.known[page.whose(name)].get((BOARDS, name), bytes(joined(defaults[name])))
                if raw != there:
                    raise Broken(f'{page.visit.id} shows {raw!r} and not {there!r}')

    def _check_adopted(self) -> None:
        for guest in self.adopted:
            if any(guest in server.documents for server in self.servers) and self.known[guest]:
                raise Broken(f'what {guest} has entered stays there')

    def _check_count(self) -> None:
        room = Whose('room', 'a')
        found = self.stored(room)
        raw = ((found.slice(COUNTER) if found else None) or Slice()).data.get('count', Raw(b'0'))
        low = sum(server.increments for server in self.servers) + sum(server.confirmed for server in self.gone)
        high = sum(server.increments for server in [*self.servers, *self.gone])
        if room not in self.erased and not low <= int(bytes(raw)) <= high:
            raise Broken(f'{raw!r} were counted, not {low} to {high}')


class _Noted:
    """Notes what a page changes meanwhile: which visit has put which value."""

    def __init__(self, house: House, server: Server, page: ShownPage) -> None:
        self._house, self._server, self._page = house, server, page

    def __enter__(self) -> None:
        self._before = self._page.raws()

    def __exit__(self, *_: object) -> None:
        page = self._page
        for name, raw in page.raws().items():
            if raw != self._before[name]:
                place = page.whose(name), name
                self._server.acted[place] = raw, page.visit.id
                self._house.putter[(*place, raw)] = page.visit.id


def _values_of(document: Document) -> Iterator[tuple[tuple[SliceId, str], bytes]]:
    """Iterate over the values that are told apart; steps are a visit's own, and what they keep is no value."""
    for slice_id, found in document.all_slices():
        if slice_id.name not in {STEPS, ADOPTED.name, COUNTER.name}:
            for name, raw in found.data.items():
                yield (slice_id, name), bytes(raw)


def _tokens(raw: bytes) -> list[str]:
    value = msgspec.json.decode(raw)
    return [token for token in (value if isinstance(value, list) else [value]) if token]


def _marks(whose: Whose) -> SliceId:
    return SliceId('Mark', 1, str(whose))


def _raw(value: str) -> Raw:
    return Raw(msgspec.json.encode(value))


def _number(raw: bytes | None) -> int:
    return int(msgspec.json.decode(raw).rpartition(':')[2]) if raw else 0


def _increment(found: Slice) -> list[tuple[Any, str, Raw]]:
    return [(SESSION_PART, 'count', Raw(b'%d' % (int(bytes(found.data.get('count', Raw(b'0')))) + 1)))]


async def _looked_at(session: Session) -> None:
    await session.revalidate(0.3)
