"""The loop around one core and one partition: restore, poll, step, commit.

A commit is atomic: outputs, state changes and positions together. An outage stops the shard, which
opens anew and goes on from what is stored.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from channels.errors import Unavailable
from router import operations
from router.collector import resting_collector
from router.log.protocol import (
    Batch,
    Commit,
    Fenced,
    Log,
    Message,
    Record,
    ShardLog,
    Source,
    TooLarge,
)
from router.log.topics import sources
from router.preparing import STORED, is_activation, prepare_restore, prepare_step, superseded
from router.stepping import Core, Stepper
from router.topics import COMPACTED, Stage

MAX_CLOCK_SKEW = timedelta(seconds=5)
TIMERS_A_COMMIT = 2_000
RECORDS_A_SLICE = 50
"""So many steps at a stretch, then the event loop's other work: sockets must not wait for us."""
_NOW = "shard:now"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How a shard works: records a batch, the longest wait for one, time between watermarks."""

    batch_records: int = 1_000
    wait_seconds: float = 0.1
    watermark: timedelta | None = timedelta(seconds=10)


class Shard:
    """One owner of one partition of one stage; `turn` is a single round, `run` all of them.

    `positions` are the offsets of the last records that it has processed since it was opened.
    """

    def __init__(
        self,
        log: Log,
        core: Callable[[], Core],
        partition: int,
        *,
        clock: Callable[[], datetime],
        pace: Pace | None = None,
    ) -> None:
        self._log = log
        self._make_core = core
        self._partition = partition
        self._clock = clock
        self._pace = pace or Pace()
        self._handle: ShardLog | None = None
        self._held: list[Record] = []
        self.positions: dict[Source, str] = {}
        self._stepper = Stepper(core(), partition)
        self.name = self._stepper.name

    @property
    def core(self) -> Core:
        """The core that is stepped: another one each time that the shard is opened."""
        return self._stepper.core

    async def open(self) -> None:
        """Own the partition: fence who owned it before, and restore what is stored."""
        await self.close()
        stage: Stage = self.core.stage
        inputs = sources(stage, self._partition)
        self._handle = await self._log.open_shard(stage.value, self._partition, inputs)
        self._stepper = Stepper(self._make_core(), self._partition)
        self._held = []
        self.positions = {}
        self._now: datetime | None = None
        self._since: datetime | None = None
        self._caught_up = False
        self._watermark_at: datetime | None = None
        with resting_collector():
            async for key, data in self._handle.restore():
                if key == _NOW:
                    self._now = datetime.fromisoformat(data.decode())
                    continue
                if key == STORED:
                    await prepare_restore(data)
                self.core.journal.load(key, data)

    async def close(self) -> None:
        """Give the partition up."""
        handle, self._handle = self._handle, None
        if handle is not None:
            await handle.close()

    async def run(self, ready: asyncio.Event | None = None) -> None:
        """Work until cancelled; after an outage open anew, with backoff. Raises `Fenced`."""
        delay = 0.1
        while True:
            try:
                await self.open()
                while True:
                    await self.turn(self._pace.wait_seconds)
                    delay = 0.1
                    if ready is not None and self._caught_up:
                        ready.set()
            except Unavailable as error:
                _log.warning("shard_waits", shard=self.name, reason=str(error), seconds=delay)
                await asyncio.sleep(delay)
                delay = min(delay * 2, 5.0)
            except Fenced:
                await self.close()
                raise

    async def turn(self, wait_seconds: float = 0.0) -> int:
        """One round: poll, step, fire what is due, commit. Returns the number of inputs."""
        if self._handle is None:
            await self.open()
        assert self._handle is not None  # noqa: S101 - open() has just set it
        asked = self._clock()
        batch = await self._handle.poll(self._pace.batch_records, self._patience(wait_seconds))
        now = self._time(batch, asked)
        records = [*self._held, *batch.records]
        before = self._caught_up, self._watermark_at
        try:
            await self._commit(*await self._process(records, batch, now), now)
        except TooLarge:
            self.core.journal.rollback()
            self._caught_up, self._watermark_at = before
            await self._one_by_one(records, batch, now)
        return len(batch.records)

    def _patience(self, wait_seconds: float) -> float:
        """Wait no longer than until the next timer is due."""
        due = self.core.next_at() if self._caught_up else None
        if due is None:
            return wait_seconds
        return max(0.0, min(wait_seconds, (due - self._clock()).total_seconds()))

    def _time(self, batch: Batch, asked: datetime) -> datetime:
        """The shard's `now`: its clock, never running backwards, near the log's.

        The log told its time at some instant between `asked` and now: a reply that had to wait
        until this process came to read it shows no wrong clock.
        """
        clock = self._clock()
        if not asked - MAX_CLOCK_SKEW <= batch.log_time <= clock + MAX_CLOCK_SKEW:
            raise Unavailable(
                f"the clock here says {clock:%H:%M:%S}, the log's {batch.log_time:%H:%M:%S}: "
                f"they may differ by {MAX_CLOCK_SKEW.total_seconds():g} s; set this machine's clock"
            )
        return clock if self._now is None else max(self._now, clock)

    async def _process(
        self, records: Sequence[Record], batch: Batch, now: datetime
    ) -> tuple[list[Message], dict[Source, str]]:
        messages: list[Message] = []
        last: dict[tuple[str, int], Record] = {}
        passed_over = () if self.core.activation else await superseded(records)
        for number, record in enumerate(self._ready(records), 1):
            if number % RECORDS_A_SLICE == 0:
                await asyncio.sleep(0)
            if record not in passed_over:
                if is_activation(record):
                    await prepare_step(record, self.core.activation)
                messages += self._stepper.step(record, now)
            last[record.topic, record.partition] = record
        positions = {Source(*place): record.offset for place, record in last.items()}
        frontier = self._frontier(batch)
        messages += self._catch_up(batch, frontier, now)
        messages += self._watermark(frontier, len(records), now)
        return messages, positions

    def _ready(self, records: Sequence[Record]) -> Iterator[Record]:
        """Those that can be stepped, each asked once the ones before it are; others are held."""
        self._held = []
        waiting: set[tuple[str, int]] = set()
        for record in records:
            place = record.topic, record.partition
            if place in waiting or self._ahead(record):
                waiting.add(place)
                self._held.append(record)
            else:
                yield record

    def _frontier(self, batch: Batch) -> datetime:
        """Everything stored before this instant has been stepped."""
        return min([batch.read_through, *(record.stored_at for record in self._held)])

    def _ahead(self, record: Record) -> bool:
        """Whether the record needs a rulebook that this shard has not read yet."""
        in_force = self.core.activation
        if in_force == 0 and record.topic not in COMPACTED:
            return True
        activation = record.envelope.extensions.get("activation")
        return activation is not None and int(activation) > in_force

    def _catch_up(self, batch: Batch, frontier: datetime, now: datetime) -> list[Message]:
        """Timers rest until everything is read that was stored when the shard opened."""
        if not self._caught_up:
            self._since = self._since or batch.log_time
            if frontier < self._since or self._held or self.core.activation == 0:
                return []
            self._caught_up = True
            return [*self._stepper.messages(self.core.caught_up(now)), *self._fire(frontier, now)]
        return self._fire(frontier, now)

    def _fire(self, before: datetime, now: datetime) -> list[Message]:
        messages: list[Message] = []
        for _ in range(TIMERS_A_COMMIT):
            fired = self._stepper.fire(before, now)
            if fired is None:
                break
            messages += fired
        return messages

    def _watermark(self, frontier: datetime, records: int, now: datetime) -> list[Message]:
        every = self._pace.watermark
        if every is None or (self._watermark_at is not None and now - self._watermark_at < every):
            return []
        self._watermark_at = now
        data = operations.Watermark(
            source=self.name, read_through=frontier, records=records, at=now
        )
        identity = f"{self.name}/watermark/{now.isoformat()}"
        return [operations.message(data, id=identity, source=self.name, at=now)]

    async def _commit(
        self, messages: list[Message], positions: dict[Source, str], now: datetime
    ) -> None:
        changes = self.core.journal.changes()
        if not (messages or positions or changes):
            return
        changes[_NOW] = now.isoformat().encode()
        assert self._handle is not None  # noqa: S101 - a turn has opened it
        await self._handle.commit(Commit(messages, changes, positions))
        self._now = now
        self.positions |= positions
        self.core.journal.committed()

    async def _one_by_one(self, records: Sequence[Record], batch: Batch, now: datetime) -> None:
        """Some output was too large for the log: find its cause, set it aside, keep the rest."""
        for record in self._ready(records):
            position = {Source(record.topic, record.partition): record.offset}
            if is_activation(record):
                await prepare_step(record, self.core.activation)
            try:
                await self._commit(self._stepper.step(record, now), position, now)
            except TooLarge as error:
                self.core.journal.rollback()
                await self._commit(self._stepper.refused(record, error, now), position, now)
        while self._caught_up and (fired := self._stepper.fire(self._frontier(batch), now)):
            try:
                await self._commit(fired, {}, now)
            except TooLarge as error:
                self.core.journal.rollback()
                await self._commit([self._stepper.timer_failed(error, now)], {}, now)
