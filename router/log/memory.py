"""The log in memory: the reference of the protocol, and what the simulation runs on.

`Faults` makes it fail between any two steps, deterministically from a seed: before a commit is
stored, after it is stored but before the caller hears of it, while a former owner still works
(whoever keeps a fenced handle may go on using it); published messages come twice, for a producer
repeats what was stored and not confirmed; records show late.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from channels.errors import Full, Unavailable
from router.log.partition import place
from router.log.protocol import (
    Batch,
    Commit,
    Delivery,
    Fenced,
    Message,
    Record,
    ShardLog,
    Source,
    Subscription,
    TooLarge,
)
from router.topics import Partitions

ZERO = timedelta(0)


@dataclass
class Faults:
    """What may go wrong, each with its probability, drawn from `chance`.

    `delay` is how long at most a record stays invisible after it was stored. A poll's frontier
    stays behind what is invisible.
    """

    chance: random.Random
    before_poll: float = 0.0
    before_commit: float = 0.0
    after_commit: float = 0.0
    before_publish: float = 0.0
    after_publish: float = 0.0
    full: float = 0.0
    delay: timedelta = ZERO

    def strike(self, probability: float, what: str, kind: type[Unavailable] = Unavailable) -> None:
        """Raise `kind` with that probability."""
        if probability and self.chance.random() < probability:
            raise kind(f"injected: {what}")

    def lag(self) -> timedelta:
        """How long the next record stays invisible."""
        return self.delay * self.chance.random() if self.delay else ZERO


@dataclass
class _Stored:
    record: Record
    visible_at: datetime


@dataclass
class _Owned:
    """What is stored of a shard, whoever owns it."""

    epoch: int = 0
    state: dict[str, bytes] = field(default_factory=dict)
    positions: dict[Source, str] = field(default_factory=dict)


class MemoryLog:
    """A log for one process.

    Args:
        clock: The log's own clock; time moves only as it says.
        partitions: How many partitions the topics have.
        faults: What goes wrong; may be set and taken away at any time.
        max_bytes: A larger value is `TooLarge`.
        max_records: With so many the log is `Full`; None is never.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        partitions: Partitions | None = None,
        *,
        faults: Faults | None = None,
        max_bytes: int = 1_000_000,
        max_records: int | None = None,
    ) -> None:
        self.faults = faults
        self._clock = clock
        self._partitions = partitions or Partitions()
        self._max_bytes = max_bytes
        self._max_records = max_records
        self._streams: dict[Source, list[_Stored]] = defaultdict(list)
        self._shards: dict[tuple[str, int], _Owned] = defaultdict(_Owned)
        self._groups: dict[str, dict[Source, int]] = defaultdict(dict)
        self._changed = asyncio.Event()

    async def open_shard(self, stage: str, partition: int, sources: Sequence[Source]) -> ShardLog:
        """See `Log.open_shard`."""
        owned = self._shards[stage, partition]
        owned.epoch += 1
        return MemoryShard(self, owned, sources)

    async def publish(self, messages: Sequence[Message]) -> None:
        """See `Log.publish`."""
        placed = self._placed(messages)
        if self.faults is not None:
            self.faults.strike(self.faults.before_publish, "nothing was published")
        self._store(placed)
        if self.faults is not None:
            self.faults.strike(self.faults.after_publish, "published, but the reply was lost")

    def subscribe(
        self, topics: Sequence[str], group: str | None, *, from_start: bool = False
    ) -> Subscription:
        """See `Log.subscribe`."""
        return MemorySubscription(self, topics, group, from_start=from_start)

    async def topics(self) -> Mapping[str, int]:
        """See `Log.topics`."""
        return {source.topic: self._partitions.of(source.topic) for source in self.sources(["*"])}

    async def now(self) -> datetime:
        """See `Log.now`."""
        return self._clock()

    async def close(self) -> None:
        """See `Log.close`."""

    def stored(self) -> list[Record]:
        """Everything that is stored, by source, for tests."""
        return [one.record for stream in self._streams.values() for one in stream]

    def knows(self, group: str) -> bool:
        """Whether the group has ever read."""
        return group in self._groups

    def positions(self, group: str) -> dict[Source, int]:
        """The acknowledged positions of a group."""
        return self._groups[group]

    def sources(self, topics: Sequence[str]) -> list[Source]:
        """The partitions of the topics; `*` at the end is every topic that holds a record."""
        found = {
            Source(topic, partition)
            for topic in topics
            if not topic.endswith("*")
            for partition in range(self._partitions.of(topic))
        }
        prefixes = tuple(topic[:-1] for topic in topics if topic.endswith("*"))
        held = (source for source, stream in self._streams.items() if stream)
        found.update(source for source in held if source.topic.startswith(prefixes))
        return sorted(found, key=lambda source: (source.topic, source.partition))

    def read(self, source: Source, after: int, limit: int) -> tuple[list[Record], datetime]:
        """At most `limit` visible records behind index `after`, and how far it is read with them.

        That is: whatever else the source has, or will have, was stored at that instant or later.
        """
        now = self._clock()
        following = self._streams[source][after + 1 : after + 2 + limit]
        found: list[Record] = []
        for one in following:
            if one.visible_at > now or len(found) == limit:
                return found, min(now, one.record.stored_at)
            found.append(one.record)
        return found, now

    def length(self, source: Source) -> int:
        """How many records are stored."""
        return len(self._streams[source])

    async def changed(self) -> None:
        """Wait until something is stored."""
        self._changed.clear()
        await self._changed.wait()

    def commit(self, commit: Commit, owned: _Owned, epoch: int) -> None:
        """Store a shard's commit, if it still is the owner's."""
        if owned.epoch != epoch:
            raise Fenced("another owner has opened this shard")
        placed = self._placed(commit.outputs)
        if self.faults is not None:
            self.faults.strike(self.faults.before_commit, "nothing was committed")
        self._store(placed)
        for key, data in commit.changes.items():
            if data is None:
                owned.state.pop(key, None)
            else:
                owned.state[key] = data
        owned.positions.update(commit.positions)
        if self.faults is not None:
            self.faults.strike(self.faults.after_commit, "committed, but the reply was lost")

    def clock(self) -> datetime:
        """The log's clock."""
        return self._clock()

    def _placed(self, messages: Sequence[Message]) -> list[tuple[Source, Message]]:
        """The messages with their partitions. Raises what refuses them: nothing is stored yet."""
        for index, message in enumerate(messages):
            size = len(message.value or b"")
            if size > self._max_bytes:
                raise TooLarge(f"{size} bytes where {self._max_bytes} are taken", index)
        if self.faults is not None:
            self.faults.strike(self.faults.full, "no room is left", Full)
        stored = sum(map(len, self._streams.values())) if self._max_records is not None else 0
        if self._max_records is not None and stored + len(messages) > self._max_records:
            raise Full("no room is left")
        return [(Source(one.topic, place(one, self._partitions)), one) for one in messages]

    def _store(self, placed: Sequence[tuple[Source, Message]]) -> None:
        now = self._clock()
        for source, message in placed:
            stream = self._streams[source]
            record = Record(
                topic=source.topic,
                partition=source.partition,
                offset=str(len(stream)),
                key=message.key,
                value=message.value or b"",
                envelope=message.envelope,
                stored_at=now,
            )
            lag = self.faults.lag() if self.faults is not None else ZERO
            stream.append(_Stored(record, now + lag))
        self._changed.set()


class MemoryShard:
    """One owner's handle; a later one fences it."""

    def __init__(self, log: MemoryLog, owned: _Owned, sources: Sequence[Source]) -> None:
        self._log = log
        self._owned = owned
        self._epoch = owned.epoch
        self._read = {source: int(owned.positions.get(source, -1)) for source in sources}

    async def restore(self) -> AsyncIterator[tuple[str, bytes]]:
        """See `ShardLog.restore`."""
        for key, data in list(self._owned.state.items()):
            yield key, data

    async def poll(self, max_records: int, wait_seconds: float) -> Batch:
        """See `ShardLog.poll`."""
        if self._log.faults is not None:
            self._log.faults.strike(self._log.faults.before_poll, "nothing was read")
        batch = self._poll(max_records)
        if batch.records or wait_seconds <= 0:
            return batch
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_seconds):
                while not batch.records:
                    await self._log.changed()
                    batch = self._poll(max_records)
        return batch if batch.records else self._poll(max_records)

    def _poll(self, max_records: int) -> Batch:
        if self._epoch != self._owned.epoch:
            raise Fenced("another owner has opened this shard")
        records: list[Record] = []
        frontier = now = self._log.clock()
        for source, after in self._read.items():
            found, through = self._log.read(source, after, max_records)
            records += found
            self._read[source] = after + len(found)
            frontier = min(frontier, through)
        records.sort(key=lambda record: record.stored_at)
        return Batch(records, frontier, now)

    async def commit(self, commit: Commit) -> None:
        """See `ShardLog.commit`."""
        self._log.commit(commit, self._owned, self._epoch)

    async def close(self) -> None:
        """See `ShardLog.close`."""


class MemorySubscription:
    """See `Subscription`."""

    LIMIT = 500
    WAIT_SECONDS = 0.05

    def __init__(
        self, log: MemoryLog, topics: Sequence[str], group: str | None, *, from_start: bool
    ) -> None:
        self._log = log
        self._topics = topics
        self._group = group
        self._from_start = from_start
        self._positions: dict[Source, int] = {}
        self._read: dict[Source, int] = {}
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[Delivery]:
        first = was_behind = True
        skips = self._join()
        while not self._closed:
            records, behind = self._next(skips=skips and first)
            if records or first or (was_behind and not behind):
                yield Delivery(records, caught_up=not behind)
            if not records:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self.WAIT_SECONDS):
                        await self._log.changed()
            first, was_behind = False, behind

    def _join(self) -> bool:
        """Take the group's positions up; whether what is stored already is skipped."""
        if self._group is None:
            return not self._from_start
        known = self._log.knows(self._group)
        self._positions = self._log.positions(self._group)
        return not (known or self._from_start)

    def _next(self, *, skips: bool) -> tuple[list[Record], bool]:
        """What comes next, and whether there is more."""
        records: list[Record] = []
        behind = False
        for source in self._log.sources(self._topics):
            length = self._log.length(source)
            # A group keeps where it began: else it would lose what it was given and did not ack.
            start = self._positions.setdefault(source, length - 1 if skips else -1)
            after = self._read.setdefault(source, start)
            found, _ = self._log.read(source, after, self.LIMIT - len(records))
            self._read[source] = after + len(found)
            behind = behind or self._read[source] + 1 < length
            records += found
        return records, behind

    async def ack(self, delivery: Delivery) -> None:
        """See `Subscription.ack`."""
        for record in delivery.records:
            source = Source(record.topic, record.partition)
            self._positions[source] = max(self._positions.get(source, -1), int(record.offset))

    async def close(self) -> None:
        """See `Subscription.close`."""
        self._closed = True
