"""One owner's handle on a shard: a transactional id, and a partition of the stage's changelog.

`<namespace>.<stage>.<partition>` is the transactional id: starting its producer fences who had it
before, and waits until that one's last transaction is over. The changelog's partition is written
by the owner alone. The last record of each commit there is `log:positions`: where the shard stands
in its sources, so that state and positions can only come from the same transaction. An owner
begins by writing that record again; whoever sees the changelog grow by more than itself has
written knows that it is fenced.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import MessageSizeTooLargeError
from aiokafka.structs import RecordMetadata

from channels.errors import Malformed, Unavailable
from router.log import kafka_layout as layout
from router.log.kafka_batches import Builders, Entry, batches, filled
from router.log.kafka_clock import BrokerClock
from router.log.kafka_namespace import Namespace
from router.log.kafka_sending import send
from router.log.protocol import Batch, Commit, Fenced, Record, Source, TooLarge

POSITIONS = "log:positions"
TAIL_RECORDS = 20
SETTLING = timedelta(milliseconds=200)
"""A record has its time before its copies are made, and is seen after: so long that may take."""

_BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)


class Standing(msgspec.Struct, frozen=True):
    """`log:positions`: the next offset to read of each source, by `topic:partition`."""

    partitions: int
    positions: dict[str, int] = {}


class KafkaShard:
    """See `ShardLog`."""

    def __init__(
        self, namespace: Namespace, stage: str, partition: int, sources: Sequence[Source]
    ) -> None:
        self._namespace = namespace
        self._cluster = namespace.cluster
        self._lookups = namespace.lookups
        self._name = namespace.name(f"{stage}.{partition}")
        self._state = TopicPartition(namespace.name(layout.state_topic(stage)), partition)
        self._sources = {
            TopicPartition(namespace.name(source.topic), source.partition): source
            for source in sources
        }
        self._standing = Standing(namespace.partitions.count(stage))
        self._clock = BrokerClock()
        self._producer = self._cluster.producer(self._name)
        self._reader = self._cluster.consumer()
        self._fetched: dict[TopicPartition, deque[Any]] = {one: deque() for one in self._sources}
        self._read_through = dict.fromkeys(self._sources, _BEFORE_ALL)
        self._state_end = 0
        self._stands_at = -1
        self._reading = False
        self._over: Fenced | Unavailable | None = None

    async def start(self) -> None:
        """Fence the owner before, and find where it stood. Raises `Malformed`, `Unavailable`."""
        async with asyncio.timeout(self._cluster.timeout_seconds):
            with self._cluster.errors(self._name):
                await self._producer.start()
                await self._reader.start()
                self._state_end = await self._end()
                self._stands_at, stored = await self._last_standing(self._reader)
        if stored is not None and stored.partitions != self._standing.partitions:
            raise Malformed(
                f"{self._state.topic} was written for {stored.partitions} partitions, the settings "
                f"say {self._standing.partitions}: the count of a log that is in use is changed "
                "only by repartitioning it"
            )
        self._standing = stored or self._standing
        await self.commit(Commit([], {}, {}))

    async def _end(self) -> int:
        return (await self._lookups.ends([self._state]))[self._state]

    async def _first(self) -> int:
        return (await self._lookups.begins([self._state]))[self._state]

    async def _last_standing(self, reader: AIOKafkaConsumer) -> tuple[int, Standing | None]:
        """The last `log:positions` with its offset, looked for from the end.

        It is the last record of the last transaction.
        """
        tail = TAIL_RECORDS
        begin = await self._first()
        while True:
            first = max(begin, self._state_end - tail)
            offset, found = -1, None
            async for records in self._changelog(reader, first):
                for record in records:
                    if record.key == POSITIONS.encode() and record.value:
                        offset = record.offset
                        found = msgspec.json.decode(record.value, type=Standing)
            if found is not None or first == begin:
                return offset, found
            tail *= 100

    async def _changelog(self, reader: AIOKafkaConsumer, first: int) -> AsyncIterator[list[Any]]:
        """The committed records of the changelog from an offset to its end, as they are fetched."""
        reader.assign([self._state])
        reader.seek(self._state, first)
        while await reader.position(self._state) < self._state_end:
            async with asyncio.timeout(self._cluster.timeout_seconds):
                found = await reader.getmany(self._state, timeout_ms=1_000)
            yield found.get(self._state, [])

    async def restore(self) -> AsyncIterator[tuple[str, bytes]]:
        """See `ShardLog.restore`."""
        state: dict[bytes, bytes] = {}
        with self._cluster.errors(self._name):
            begin = await self._first()
            async for records in self._changelog(self._reader, begin):
                for record in records:
                    if record.value is None:
                        state.pop(record.key, None)
                    else:
                        state[record.key] = record.value
        state.pop(POSITIONS.encode(), None)
        self._reading = False
        while state:
            key, data = state.popitem()
            yield key.decode(), data

    async def poll(self, max_records: int, wait_seconds: float) -> Batch:
        """See `ShardLog.poll`."""
        if self._over is not None:
            raise self._over
        with self._cluster.errors(self._name):
            if not self._reading:
                await self._begin()
            batch = await self._poll(max_records)
            if not batch.records and wait_seconds > 0:
                await self._fetch(wait_seconds)
                batch = await self._poll(max_records)
        return batch

    async def _begin(self) -> None:
        self._reader.assign(list(self._sources))
        new: list[TopicPartition] = []
        for one, source in self._sources.items():
            offset = self._standing.positions.get(place(source))
            if offset is None:
                new.append(one)
            else:
                self._reader.seek(one, offset)
        if new:
            await self._reader.seek_to_beginning(*new)
        self._reading = True

    async def _fetch(self, wait_seconds: float = 0.0) -> bool:
        found = await self._reader.getmany(timeout_ms=int(wait_seconds * 1000))
        for one, records in found.items():
            self._fetched[one].extend(records)
        return bool(found)

    async def _poll(self, max_records: int) -> Batch:
        # The clock is asked before the ends: what they do not show yet is stored after it.
        now = self._clock.now()
        settled = now - SETTLING
        ends = await self._lookups.ends([*self._sources, self._state])
        if ends[self._state] > self._state_end:
            self._over = Fenced(f"another owner has opened {self._name}")
            raise self._over
        await self._fetch()
        if await self._behind(ends, max_records):
            await self._arrive(max_records)
        records: list[Record] = []
        for one, waiting in self._fetched.items():
            source = self._sources[one]
            taken = [waiting.popleft() for _ in range(min(max_records, len(waiting)))]
            records += (layout.record(source.topic, found) for found in taken)
            through = [
                self._read_through[one],
                *(layout.instant(last.timestamp) for last in taken[-1:]),
            ]
            if not waiting and await self._reader.position(one) >= ends[one]:
                through.append(settled)
            self._read_through[one] = max(through)
        records.sort(key=lambda one: one.stored_at)
        read_through = min(self._read_through.values(), default=settled)
        newest = [one.stored_at for one in records[-1:]]
        return Batch(records, read_through, max([now, read_through, *newest]))

    async def _arrive(self, max_records: int) -> None:
        """Wait for what can be read already: it is on its way."""
        stable = await self._lookups.stable(list(self._sources))
        deadline = asyncio.get_running_loop().time() + self._cluster.timeout_seconds
        while await self._behind(stable, max_records):
            await self._fetch(0.05)
            if asyncio.get_running_loop().time() > deadline:
                raise Unavailable(f"{self._name}: what is stored does not come")

    async def _behind(self, ends: Mapping[TopicPartition, int], max_records: int) -> bool:
        """Whether some source has fewer records here than a batch takes, and more on the way."""
        for one, waiting in self._fetched.items():
            if len(waiting) < max_records and await self._reader.position(one) < ends[one]:
                return True
        return False

    async def commit(self, commit: Commit) -> None:
        """See `ShardLog.commit`."""
        positions = self._standing.positions | {
            place(source): int(offset) + 1 for source, offset in commit.positions.items()
        }
        standing = Standing(self._standing.partitions, positions)
        sending = batches(self._producer.create_batch, self._namespace, commit.outputs)
        await self._namespace.ensure({self._namespace.topic(one.topic) for one in sending})
        changes: list[Entry] = [(key.encode(), data, []) for key, data in commit.changes.items()]
        changes.append((POSITIONS.encode(), msgspec.json.encode(standing), []))
        sending[self._state] = filled(self._producer.create_batch, changes)
        await self._transaction(sending)
        self._standing = standing

    async def _transaction(self, sending: Mapping[TopicPartition, Builders]) -> None:
        if self._over is not None:
            raise self._over
        try:
            sent = await self._sent(sending)
        except (Fenced, Unavailable) as error:
            self._over = error  # a producer that failed once can do no more
            raise
        except TooLarge:
            await self._renew()
            raise
        self._told(sent[self._state], sending[self._state])

    async def _sent(
        self, sending: Mapping[TopicPartition, Builders]
    ) -> Mapping[TopicPartition, Sequence[RecordMetadata]]:
        with self._cluster.errors(self._name):
            async with asyncio.timeout(self._cluster.timeout_seconds):
                await self._producer.begin_transaction()
                try:
                    sent = await send(self._producer, sending)
                except MessageSizeTooLargeError:
                    await self._producer.abort_transaction()
                    raise
                await self._producer.commit_transaction()
        return sent

    async def _renew(self) -> None:
        """A producer whose batch was refused counts on as if it were stored: begin with a new one.

        It fences whoever came between; what that one has written shows that we are fenced too.
        """
        checking = self._cluster.consumer()
        try:
            with self._cluster.errors(self._name):
                async with asyncio.timeout(self._cluster.timeout_seconds):
                    await self._cluster.stop(self._producer)
                    self._producer = self._cluster.producer(self._name)
                    await self._producer.start()
                    await checking.start()
                    self._state_end = await self._end()
                    stands_at, _ = await self._last_standing(checking)
        except (Fenced, Unavailable) as error:
            self._over = error
            raise
        finally:
            await self._cluster.stop_consumer(checking)
        if stands_at != self._stands_at:
            self._over = Fenced(f"another owner has opened {self._name}")
            raise self._over

    def _told(self, sent: Sequence[RecordMetadata], builders: Builders) -> None:
        last, count = sent[-1], builders[-1].record_count()
        if last.offset >= 0:
            self._stands_at = last.offset + count - 1
            self._state_end = last.offset + count + 1
        else:  # the reply to a repetition, which does not say where it is
            self._stands_at = -1
            self._state_end += sum(one.record_count() for one in builders) + 1
        if last.timestamp_type == 1:
            self._clock.told(last.timestamp)

    async def close(self) -> None:
        """See `ShardLog.close`."""
        await self._cluster.stop(self._producer)
        await self._cluster.stop_consumer(self._reader)


def place(source: Source) -> str:
    """The field of a source in `log:positions`."""
    return f"{source.topic}:{source.partition}"
