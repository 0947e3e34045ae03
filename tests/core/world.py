"""Servers that live and die, one store, and a browser session that all of them write: time and faults from a seed.

The servers are real registries and session actors, with an old or a new version of a class. The model only knows what
was accepted where, in which order, and what was told to be durable. It is compared with the store after every put, and
with everything at the end.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from nicegui_stash.errors import StoreError
from nicegui_stash.maintenance.sweep import Sweep, Tally
from nicegui_stash.model.document import SESSION_PART, Document, Raw, Slice, SliceId, from_bytes
from nicegui_stash.model.limits import Policy
from nicegui_stash.model.operations import Set, Written
from nicegui_stash.session.journal import entry_of
from nicegui_stash.session.keys import Keys
from nicegui_stash.session.registry import Registry
from nicegui_stash.stores.journal import Row

from .disk import Desk, Disk
from .lives import VERSIONS, Broken, Life
from .weather import Weather

DAY = 86400.0
COUNTER = SliceId('Counter', 1)
PATIENCE = 400.0
"""Seconds of simulated time within which everything must settle once the weather is good."""


class World:
    """The servers, the store and the model."""

    def __init__(self, seed: int, *, may_have_journals: bool = True) -> None:
        self.dice = random.Random(seed)
        self.other_dice = random.Random(f'journals {seed}')  # so that a seed without them goes on as it did before
        has_journals = may_have_journals and self.other_dice.random() < 0.5
        self.disks = [
            Disk(self.other_dice, self.other_dice.choice([0.0, 0.0, 0.05]))
            for _ in range(self.other_dice.choice([1, 1, 2]) if has_journals else 0)
        ]
        self.lives: dict[str, Life] = {}
        self.shared_before: dict[int, list[str]] = {version: [] for version in VERSIONS}
        """Which values of the shared field were stored, by version of the slice, each as often as it appeared."""
        self.store = Weather(self.dice, trouble=self.dice.choice([0.0, 0.05, 0.2]))
        self.store.on_put = self._check_put
        self.store.on_delete = self._check_delete
        self.store.clock = self.wall
        self.born = 1_700_000_000.0
        self.may_erase = self.dice.choice([None, None, 'one', 'all'])
        self.may_crash = self.dice.random() < 0.6
        self.may_lose = not self.may_erase and self.dice.random() < 0.4
        self.skews = self.dice.choice([[0.0], [0.0], [0.0, 2 * 3600.0, 40 * DAY, -40 * DAY]])
        for disk in self.disks:
            disk.on_commit = self._committed
            disk.skew = self.other_dice.choice(self.skews)
        self.has_lost = False
        self.months = self.dice.choice([0.005, 0.005, 0.1])
        self.versions = self.dice.choice([[1], [2], [1, 2]])
        self.erasers: set[str] = set()
        self.gone: dict[int, set[str]] = {1: set(), 2: set()}
        """What was durably erased, by version of the slice."""
        self.dead: list[Life] = []
        self.sweeps: list[asyncio.Task[None]] = []
        self.births = 0
        self.servers = [self._start() for _ in range(3)]

    def wall(self) -> float:
        return self.born + asyncio.get_running_loop().time()

    # ---- what happens

    async def step(self) -> None:
        """Let one thing happen, somewhere."""
        life = self.dice.choice(self.servers)
        await self.dice.choices(
            [self._write, self._write_shared, self._increment, self._flush, self._look, self._erase, self._crash],
            [30, 12, 12, 10, 10, 6 if self._may_erase(life) else 0, 4 if self.may_crash else 0],
        )[0](life)
        if self.may_lose and self.dice.random() < 0.06:
            self._lose()
        for server in self.servers:
            self._check_shown(server)
        if self.may_crash and self.dice.random() < self.months:
            await self._month()
        if self.dice.random() < 0.6:
            await asyncio.sleep(self.dice.random() * 0.4)

    def _start(self) -> Life:
        self.births += 1
        name, schema = f's{self.births}', VERSIONS[self.dice.choice(self.versions)]
        skew = self.dice.choice(self.skews)  # by which the clock of this server is wrong
        desk = None
        if self.disks:
            disk = self.other_dice.choice(self.disks)
            skew = disk.skew  # servers of one host have one clock
            self.store.note('start beside', *(file.writer for file in disk.left))
            desk = Desk(disk, name)
        policy = Policy(flush_interval=self.other_dice.choice([0.1, 5.0]) if desk else 0.1)
        registry = Registry(
            self.store,
            Keys(['secret']),
            policy,
            wall=lambda: self.wall() + skew,
            rng=self.dice.random,
            journals=desk,
        )
        registry._shared.writer = name
        registry.declare(schema)
        life = Life(name, registry, registry.session('visitor'), schema, desk)
        self.lives[name] = life
        life.session.hold(life.slice_id, SESSION_PART)
        life.session.hold(COUNTER, SESSION_PART)
        life.session.attach(life.page)
        self.store.note('start', name, schema.version)
        return life

    async def _write(self, life: Life) -> None:
        """Change a field that only this server writes."""
        life.written += 1
        life.wrote_since = True
        life.session.set(life.slice_id, SESSION_PART, life.name, _raw(f'{life.name}:{life.written}'))
        self.store.note('write', life.name, life.written)

    async def _write_shared(self, life: Life) -> None:
        if life.session.is_read:  # before, what is stored may win
            value = f'{life.name}:shared {self.dice.randrange(10**6)}'
            life.session.set(life.slice_id, SESSION_PART, 'shared', _raw(value))

    async def _increment(self, life: Life) -> None:
        async def update() -> None:
            try:
                await life.session.update(COUNTER, _increment)
            except StoreError:
                return  # accepted all the same, as the docstring says
            life.confirmed += 1

        life.increments += 1
        self._spawn(life, update())

    async def _flush(self, life: Life) -> None:
        async def flush(written: int) -> None:
            try:
                await life.session.flush()
            except StoreError:
                return
            life.durable = max(life.durable, written)

        self._spawn(life, flush(life.written))

    async def _look(self, life: Life) -> None:
        """Show another page."""
        await life.session.revalidate(self.dice.random() * 0.3)
        if life.session.is_read:
            life.session.inherit(life.schema, '')

    def _may_erase(self, life: Life) -> bool:
        return self.may_erase == 'all' or (self.may_erase == 'one' and self.erasers <= {life.name})

    async def _erase(self, life: Life) -> None:
        """Forget or reset; once that is durable, nothing that was stored before may be there ever again."""
        forget = self.dice.random() < 0.5
        versions = [version for version in VERSIONS if forget or version <= life.schema.version]
        before = {version: tokens for version, tokens in self.tokens().items() if version in versions}
        for version in versions if forget else [life.schema.version]:  # a slice that is not there cannot be reset
            before[version] |= self._accepted(version) | self._left(version)
        if not forget and self.has_missed_a_forget(life):
            before = {}  # it does not know yet that all was forgotten, and does not erase what came after that
        if forget:
            life.session.forget()
        else:
            life.session.reset(life.slice_id)
        self.store.note('forget' if forget else 'reset', life.name)
        life.erased, life.wrote_since = True, False
        self.erasers.add(life.name)

        async def until_durable() -> None:
            while True:
                try:
                    await life.session.flush()
                except StoreError:
                    await asyncio.sleep(1.0)
                    continue
                for version, tokens in before.items():
                    self.gone[version] |= tokens
                self._check_gone(self.tokens())
                return

        self._spawn(life, until_durable())

    async def _crash(self, life: Life) -> None:
        """Let a server die wherever it is waiting, and another start, perhaps with the other version."""
        self._kill(life)
        self.servers[self.servers.index(life)] = self._start()

    def _lose(self) -> None:
        """Let the store lose what it was given. Those who hold it put it back; what only the dead had is gone."""
        self.store.lose()
        self.has_lost = True
        for life in [*self.servers, *self.dead]:
            life.durable = 0

    async def _month(self) -> None:
        """Nobody is there for 34 days; then a sweep, which may die, meets visitors who come back."""
        for life in self.servers:
            self._kill(life)
        trouble = self.store.trouble
        await self.store.calm()
        for life in self.dead:
            life.durable = life.increments = life.confirmed = 0
        for version, tokens in self.tokens().items():
            self.gone[version] |= tokens
        self.born += 34 * DAY
        self.store.history.clear()  # older backups are too old
        self.store.note('a month')
        self.store.trouble = trouble
        self.sweeps += [asyncio.ensure_future(self._sweep()) for _ in range(self.dice.choice([0, 1, 1, 2]))]
        await asyncio.sleep(self.dice.random() * self.dice.choice([0.5, 2.0]))
        self.servers = [self._start() for _ in self.servers]
        if self.sweeps and self.dice.random() < 0.3:
            self.sweeps[-1].cancel()

    async def _sweep(self) -> None:
        skew = self.dice.choice(self.skews)
        with suppress(StoreError):  # the store has not told its time
            await Sweep(self.store, '', 30 * DAY, lambda: self.wall() + skew).run(Tally(), _Nobody())

    def _spawn(self, life: Life, work: Coroutine[Any, Any, None]) -> None:
        life.tasks.add(asyncio.ensure_future(work))

    def _kill(self, life: Life) -> None:
        self.store.note('crash', life.name)
        if life.desk is not None:
            life.desk.let_go()
        for task in sorted([*life.tasks, *life.registry._tasks], key=lambda task: int(task.get_name()[5:])):
            task.cancel()
        self.dead.append(life)

    # ---- what has to be true

    def tokens(self, body: bytes | None = None) -> dict[int, set[str]]:
        """What is stored of the class now, or in a body, by version."""
        found = body or next((there.body for there in self.store.objects.values()), None)
        return {version: _values(from_bytes(found), version) if found else set() for version in VERSIONS}

    def _accepted(self, version: int) -> set[str]:
        """What servers hold that know the document, and have erased nothing that may come before: pending or not.

        But a journal may still have it as accepted before the first read, if it could not be written since.
        """
        holders = [life for life in self.servers if life.session.is_read and not life.erased]
        held = set[str]().union(*(_values(life.session.document, version) for life in holders))
        return held - self._in_journals(holders, version, None)

    def _left(self, version: int) -> set[str]:
        """What servers that died have accepted for the document that is stored now, and not put."""
        there = next((from_bytes(found.body).born for found in self.store.objects.values()), None)
        dead = [life for life in self.dead if not life.erased]
        return set() if there is None else self._in_journals(dead, version, there)

    def _in_journals(self, lives: list[Life], version: int, born: int | None) -> set[str]:
        rows = [row for life in lives for disk in self.disks for row in disk.rows(life.name)]
        entries = [entry for entry in map(entry_of, rows) if entry.born == born]
        changes = [entry.operation for entry in entries if isinstance(entry.operation, Set)]
        return {msgspec.json.decode(one.raw) for one in changes if one.slice == SliceId('Form', version)}

    def _committed(self, writer: str, rows: Sequence[Row]) -> None:
        """What is in a journal is durable, without a flush."""
        life = self.lives[writer]
        for operation in (entry_of(row).operation for row in rows):
            if isinstance(operation, Set) and operation.field == writer:
                life.durable = max(life.durable, _number(msgspec.json.decode(operation.raw)))

    def has_missed_a_forget(self, life: Life) -> bool:
        """Whether the document was forgotten since this server has read it, or one that it does not know was.

        One that has not read yet may be about to be given what was there before.
        """
        known = life.session.document
        there = [from_bytes(found.body) for found in self.store.objects.values()]
        return any((known.epoch if known.born == found.born else 0) < found.epoch for found in there)

    def stored(self, id_: SliceId, name: str) -> Any:
        found = next((from_bytes(there.body).slice(id_) for there in self.store.objects.values()), None)
        raw = (found.data if found else {}).get(name)
        return None if raw is None else msgspec.json.decode(raw)

    def _check_put(self, key: str, body: bytes) -> None:
        try:
            self._check_gone(self.tokens(body))
            self._check_durable()
            self._check_once(body)
        except Broken as error:
            self.failure = self.failure or error

    def _check_delete(self, body: bytes) -> None:
        if not from_bytes(body).closing and not self.has_lost:  # who holds it would put it back, but may die before
            self.failure = self.failure or Broken('a sweep has deleted what somebody had put over its mark')

    failure: Broken | None = None
    """What went wrong within a put, where it would be taken for a failure of the store."""

    def _check_gone(self, tokens: dict[int, set[str]]) -> None:
        for version, there in tokens.items():
            if back := there & self.gone[version]:
                raise Broken(f'what was erased came back: {sorted(back)} in version {version}')

    def _check_durable(self) -> None:
        for life in [] if self.erasers or self.has_lost else [*self.servers, *self.dead]:
            there = max(_number(self.stored(life.slice_id, life.name)), self._journalled(life))
            if there < life.durable:
                raise Broken(f'{life.name} was told that {life.durable} is durable, and {there} is stored')

    def _journalled(self, life: Life) -> int:
        """The newest change of a server's own field that is in its journal."""
        changes = [entry_of(row).operation for disk in self.disks for row in disk.rows(life.name)]
        return max(
            (
                _number(msgspec.json.decode(one.raw))
                for one in changes
                if isinstance(one, Set) and one.field == life.name
            ),
            default=0,
        )

    def _check_once(self, body: bytes) -> None:
        """A value of the field that all servers write, once replaced by another, comes back only from a backup."""
        for version, before in () if self.has_lost else self.shared_before.items():
            found = from_bytes(body).slice(SliceId('Form', version)) or Slice()
            value = msgspec.json.decode(found.data['shared']) if 'shared' in found.data else ''
            if value != (before[-1] if before else ''):
                if value and value in before:
                    raise Broken(f'{value} was applied twice')
                before.append(value)

    def _check_shown(self, life: Life) -> None:
        """What was accepted here is shown here, from then on."""
        if self.failure:
            raise self.failure
        if life.written and not self.erasers and _number(life.shown()) != life.written:
            raise Broken(f'{life.name} has accepted {life.written} and shows {life.shown()}')

    async def settle(self) -> None:
        """Let the weather clear; check that all becomes durable and visible, and that no call still waits."""
        await self.store.calm()
        await self._all_over([*self.sweeps, *(task for life in self.servers for task in life.tasks)])
        await self._replay()
        await self._drain()
        if self.has_lost:
            await self._reread()  # who has not looked since does not know that something is lost
        if self.failure:
            raise self.failure
        self._check_durable()
        for life in self.servers:
            self._check_life(life)
        self._check_count()
        await self._reread()  # or what is written now could be older than what another has erased
        for life in self.servers:
            await self._write(life)
        await self._drain()
        await self._reread()
        await self._replay()
        self._check_agreement()
        if self.failure:
            raise self.failure

    async def _all_over(self, tasks: list[asyncio.Task[None]]) -> None:
        if tasks:
            _, waiting = await asyncio.wait(tasks, timeout=PATIENCE)
            if waiting:
                raise Broken(f'{len(waiting)} still wait for what is durable')
        for task in tasks:
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def _drain(self) -> None:
        for life in self.servers:
            if await life.registry.drain(PATIENCE) or life.session.pending or life.session.pending_bytes:
                raise Broken(f'{life.name} cannot get rid of its changes')

    async def _replay(self) -> None:
        """Let somebody start where journals are left over; then all is put, and every journal becomes empty."""
        for disk in self.disks:
            disk.trouble = 0.0
            while disk.left:
                self.servers.append(self._start())
        await self._drain()
        for disk in self.disks:
            for _ in range(100):
                if not any(file.rows for file in disk.files.values()):
                    break
                await asyncio.sleep(PATIENCE / 100)
            else:
                raise Broken('a journal does not become empty')

    async def _reread(self) -> None:
        for life in self.servers:
            try:
                async with asyncio.timeout(PATIENCE):
                    while not await life.session.revalidate(PATIENCE):
                        await asyncio.sleep(1.0)
            except TimeoutError as error:
                raise Broken(f'{life.name} does not read') from error
        await self._drain()

    def _check_life(self, life: Life) -> None:
        only_its_own = self.erasers <= {life.name} and (life.wrote_since or not life.erased)
        if life.written and only_its_own and _number(self.stored(life.slice_id, life.name)) != life.written:
            raise Broken(f'{life.name} lost {life.written}: {self.stored(life.slice_id, life.name)} is stored')

    def _check_count(self) -> None:
        """Count the changes that lives have accepted; unconfirmed changes of dead ones may be stored or not."""
        seen = max((from_bytes(there.body).seen for there in self.store.objects.values()), default=0)
        count = (self.stored(COUNTER, 'count') or 0) if seen >= (self.wall() - 30 * DAY) * 1000 else 0
        low = sum(life.increments for life in self.servers) + sum(life.confirmed for life in self.dead)
        high = sum(life.increments for life in [*self.servers, *self.dead])
        if not (self.erasers or self.has_lost or low <= count <= high):
            raise Broken(f'{count} were counted, not {low} to {high}')

    def _check_agreement(self) -> None:
        for version in VERSIONS:
            lives = [life for life in self.servers if life.schema.version == version]
            views = [(life.session.document.slice(life.slice_id) or Slice()).data for life in lives]
            if any(view != views[0] for view in views):
                raise Broken('two servers show different things')
        for life in self.servers:
            if _number(self.stored(life.slice_id, life.name)) != life.written:
                raise Broken(f'{life.name} lost its last change')


class _Nobody:
    def show(self, done: int, total: int) -> None:
        """Need nothing."""


def _values(document: Document, version: int) -> set[str]:
    found = document.slice(SliceId('Form', version)) or Slice()
    return {msgspec.json.decode(raw) for raw in found.data.values()}


def _raw(value: str) -> Raw:
    return Raw(msgspec.json.encode(value))


def _number(token: str | None) -> int:
    return int(token.rpartition(':')[2]) if token else 0


def _increment(found: Slice) -> list[Written]:
    count = msgspec.json.decode(found.data.get('count', Raw(b'0')))
    return [(SESSION_PART, 'count', Raw(str(count + 1).encode()))]
