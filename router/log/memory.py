"""The log in memory: the reference of the protocol, and what the simulation runs on.

`Faults` makes it fail between any two steps, deterministically from a seed: before a commit is
stored, after it is stored but before the caller hears of it, while a former owner still works;
published messages come twice, records show late.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from channels.errors import Full, Unavailable
from router.log.partition import partition_of
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

    `delay` is how long at most a record stays invisible to shards after it was stored.
    """

    chance: random.Random
    before_commit: float = 0.0
    after_commit: float = 0.0
    before_publish: float = 0.0
    after_publish: float = 0.0
    delay: timedelta = ZERO

    def strike(self, probability: float, what: str) -> None:
        """Raise `Unavailable` with that probability."""
        if probability and self.chance.random() < probability:
            raise Unavailable(f"injected: {what}")

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
    """A log for one process. `clock` is the log's own clock; time moves only as it says."""

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
        self._check(messages)
        if self.faults is not None:
            self.faults.strike(self.faults.before_publish, "nothing was published")
        self._store(messages)
        if self.faults is not None:
            self.faults.strike(self.faults.after_publish, "published, but the reply was lost")

    def subscribe(
        self, topics: Sequence[str], group: str | None, *, from_start: bool = False
    ) -> Subscription:
        """See `Log.subscribe`."""
        return MemorySubscription(self, topics, group, from_start=from_start)

    async def topics(self) -> Mapping[str, int]:
        """See `Log.topics`."""
        return {source.topic: self._partitions.of(source.topic) for source in self._streams}

    async def now(self) -> datetime:
        """See `Log.now`."""
        return self._clock()

    async def close(self) -> None:
        """See `Log.close`."""

    def stored(self) -> list[Record]:
        """Everything that is stored, by source, for tests."""
        return [one.record for stream in self._streams.values() for one in stream]

    def positions(self, group: str) -> dict[Source, int]:
        """The acknowledged positions of a group."""
        return self._groups[group]

    def matching(self, topics: Sequence[str]) -> list[Source]:
        """The partitions of the topics that exist; `*` at the end matches a prefix."""
        return sorted(
            (source for source in self._streams if _matches(source.topic, topics)),
            key=lambda source: (source.topic, source.partition),
        )

    def read(self, source: Source, after: int, limit: int) -> tuple[list[Record], datetime]:
        """The visible records behind index `after`, and how far the source is read with them."""
        found: list[Record] = []
        stream, now = self._streams[source], self._clock()
        for one in stream[after + 1 :]:
            if one.visible_at > now:
                return found, min(now, one.record.stored_at)
            if len(found) == limit:
                return found, found[-1].stored_at
            found.append(one.record)
        return found, now

    def length(self, source: Source) -> int:
        """How many records are stored."""
        return len(self._streams[source])

    async def wait(self, seconds: float) -> None:
        """Until something is stored, at most so long."""
        self._changed.clear()
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except TimeoutError:
            return

    def commit(self, commit: Commit, owned: _Owned, epoch: int) -> None:
        """Store a shard's commit, if it still is the owner's."""
        if owned.epoch != epoch:
            raise Fenced("another owner has opened this shard")
        self._check(commit.outputs)
        if self.faults is not None:
            self.faults.strike(self.faults.before_commit, "nothing was committed")
        self._store(commit.outputs)
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

    def _check(self, messages: Sequence[Message]) -> None:
        for index, message in enumerate(messages):
            size = len(message.value or b"")
            if size > self._max_bytes:
                raise TooLarge(f"{size} bytes where {self._max_bytes} are taken", index)
        if self._max_records is not None:
            stored = sum(map(len, self._streams.values()))
            if stored + len(messages) > self._max_records:
                raise Full("no room is left")

    def _store(self, messages: Sequence[Message]) -> None:
        now = self._clock()
        for message in messages:
            count = self._partitions.of(message.topic)
            partition = message.partition
            if partition is None:
                partition = partition_of(message.key, count)
            stream = self._streams[Source(message.topic, partition)]
            record = Record(
                topic=message.topic,
                partition=partition,
                offset=str(len(stream)),
                key=message.key,
                value=message.value or b"",
                envelope=message.envelope,
                stored_at=now,
            )
            lag = self.faults.lag() if self.faults is not None else ZERO
            before = stream[-1].visible_at if stream else now
            stream.append(_Stored(record, max(before, now + lag)))
        self._changed.set()


def _matches(topic: str, patterns: Sequence[str]) -> bool:
    return any(
        topic.startswith(one[:-1]) if one.endswith("*") else topic == one for one in patterns
    )


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
        batch = self._poll(max_records)
        if not batch.records and wait_seconds > 0:
            await self._log.wait(wait_seconds)
            batch = self._poll(max_records)
        return batch

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
    POLL_SECONDS = 0.05

    def __init__(
        self, log: MemoryLog, topics: Sequence[str], group: str | None, *, from_start: bool
    ) -> None:
        self._log = log
        self._topics = topics
        self._group = group
        self._from_start = from_start
        self._read: dict[Source, int] = {}
        self._skip = (
            {} if from_start else {one: log.length(one) - 1 for one in log.matching(topics)}
        )
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[Delivery]:
        behind = True
        while not self._closed:
            records = self._next()
            if records or behind:
                behind = len(records) >= self.LIMIT
                yield Delivery(records, caught_up=not behind)
            else:
                await self._log.wait(self.POLL_SECONDS)

    def _next(self) -> list[Record]:
        records: list[Record] = []
        acked = self._log.positions(self._group) if self._group is not None else {}
        for source in self._log.matching(self._topics):
            start = acked.get(source, self._skip.get(source, -1))
            after = self._read.get(source, start)
            found, _ = self._log.read(source, after, self.LIMIT - len(records))
            self._read[source] = after + len(found)
            records += found
        return records

    async def ack(self, delivery: Delivery) -> None:
        """See `Subscription.ack`."""
        if self._group is None:
            return
        positions = self._log.positions(self._group)
        for record in delivery.records:
            source = Source(record.topic, record.partition)
            positions[source] = max(positions.get(source, -1), int(record.offset))

    async def close(self) -> None:
        """See `Subscription.close`."""
        self._closed = True
