"""What FastStream reads for an edge whose state is a shard's: batches, each acknowledged when done.

The consumer group says who reads; the shard's transactional id says who writes. Who has a batch
and is no longer the writer can store nothing of it, and it comes again to the one who is.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

from aiokafka import ConsumerRebalanceListener, TopicPartition
from faststream import AckPolicy
from faststream.exceptions import NackMessage
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaAckableMessage
from faststream.kafka.schemas import Topic

from channels.errors import Unavailable
from router.log import kafka_layout as layout
from router.log.kafka_membership import leave_for_good, member
from router.log.kafka_namespace import Namespace
from router.log.protocol import Batch, Commit, Fenced, Record, ShardLog, Source

MOST_RECORDS = 500
BATCH_MILLISECONDS = 100
LOOK_SECONDS = 5.0
"""How often it is asked whether what is stored also comes."""

_BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)


class Reading(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka has no types
    """One member's reading of a topic of one partition: one batch at a time, until it is `done`.

    Made for one start and one stop. A batch that is not done with at the stop comes again.
    """

    def __init__(
        self, through: KafkaBroker, namespace: Namespace, source: Source, *, group: str, worker: str
    ) -> None:
        self._broker = through
        self._namespace = namespace
        self._source = source
        self._where = TopicPartition(namespace.name(source.topic), source.partition)
        self._assigned = asyncio.Event()
        self._lost = False
        self._batches: asyncio.Queue[Sequence[Any]] = asyncio.Queue()
        self._last = -1
        self._done: asyncio.Future[None] | None = None
        self._looked_at = self._came_at = asyncio.get_running_loop().time()
        name = namespace.name(group)
        self._subscriber = through.subscriber(
            Topic(self._where.topic, declare=False),
            batch=True,
            group_id=name,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_records=MOST_RECORDS,
            batch_timeout_ms=BATCH_MILLISECONDS,
            ack_policy=AckPolicy.NACK_ON_ERROR,
            parser=self._parsed,
            decoder=_undecoded,
            listener=self,
            **member(name, worker),
        )
        self._subscriber(self._handle)

    async def start(self) -> None:
        """Join; returns when the partition is ours, however long another member has it."""
        with self._namespace.cluster.errors(f"the group of {self._source.topic}"):
            await self._broker.start()
        await self._assigned.wait()

    async def stop(self) -> None:
        """Leave, so that another member takes over at once."""
        if self._done is not None and not self._done.done():
            self._done.set_exception(NackMessage())
        consumer = self._subscriber.consumer
        leave_for_good(consumer)
        with self._namespace.cluster.stopping():
            async with asyncio.timeout(2):
                await self._broker.stop()
        if consumer is not None:  # in time, or else its heartbeats would go on
            await self._namespace.cluster.stop_consumer(consumer)

    def on_partitions_revoked(self, revoked: Any) -> None:
        """Nothing: mostly the same member has it again at once."""

    def on_partitions_assigned(self, assigned: Any) -> None:
        """Ours, or no longer."""
        if self._where in assigned:
            self._assigned.set()
        else:
            self._lost = self._assigned.is_set()

    async def _parsed(self, found: tuple[Any, ...]) -> KafkaAckableMessage:
        """The batch as it is: FastStream's own parser fails at a header that is no text."""
        return KafkaAckableMessage(body=b"", raw_message=found, consumer=self._subscriber.consumer)

    async def _handle(self, found: Sequence[Any]) -> None:
        """FastStream acknowledges when this returns, and goes back when it raises."""
        self._done = asyncio.get_running_loop().create_future()
        self._batches.put_nowait(found)
        await self._done

    async def next(self, wait_seconds: float) -> list[Record]:
        """The next batch; empty when none comes in time. Raises `Unavailable`."""
        if self._lost:
            raise Unavailable(f"another process reads {self._source.topic} now")
        try:
            async with asyncio.timeout(wait_seconds):
                found = await self._batches.get()
        except TimeoutError:
            await self._look()
            return []
        self._came_at = asyncio.get_running_loop().time()
        self._last = found[-1].offset
        return [layout.record(self._source.topic, one) for one in found]

    def done(self, offset: str) -> None:
        """All up to this offset is stored elsewhere now."""
        if self._done is not None and not self._done.done() and int(offset) >= self._last:
            self._done.set_result(None)

    async def _look(self) -> None:
        """Nothing came. Raises `Unavailable` when something should have, for too long."""
        now = asyncio.get_running_loop().time()
        if now - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = now
        with self._namespace.cluster.errors(self._source.topic):
            if await self._read():
                self._came_at = now
        if now - self._came_at > self._namespace.cluster.timeout_seconds:
            raise Unavailable(f"{self._source.topic}: what is stored does not come")

    async def _read(self) -> bool:
        """Whether all that can be read has come, or waits here for us."""
        consumer = self._subscriber.consumer
        if consumer is None or self._where not in consumer.assignment():
            return False
        ends = await self._namespace.lookups.stable([self._where])
        async with asyncio.timeout(LOOK_SECONDS):
            position: int = await consumer.position(self._where)
        return position >= ends[self._where]


async def _undecoded(message: Any) -> Any:
    return message.raw_message


class StreamedShard:
    """A shard that is read by a group: see `ShardLog`. Its state is the log's, its input is not.

    It has no frontier, for nothing in it waits for one: `read_through` says nothing.
    """

    def __init__(self, shard: ShardLog, reading: Reading) -> None:
        self._shard = shard
        self._reading = reading

    def restore(self) -> AsyncIterator[tuple[str, bytes]]:
        """See `ShardLog.restore`."""
        return self._shard.restore()

    async def poll(self, max_records: int, wait_seconds: float) -> Batch:
        """See `ShardLog.poll`: a batch is as large as FastStream gives it, at most `MOST_RECORDS`.

        That this is no longer the owner is noticed by the next commit.
        """
        del max_records
        records = await self._reading.next(wait_seconds)
        return Batch(records, _BEFORE_ALL, datetime.now(UTC))

    async def commit(self, commit: Commit) -> None:
        """See `ShardLog.commit`; positions are acknowledged after it.

        Who is fenced has lost the partition too, and may get it again: that is `Unavailable`.
        """
        try:
            await self._shard.commit(Commit(commit.outputs, commit.changes, {}))
        except Fenced as error:
            raise Unavailable(str(error)) from error
        for offset in commit.positions.values():
            self._reading.done(offset)

    async def close(self) -> None:
        """See `ShardLog.close`."""
        await self._reading.stop()
        await self._shard.close()
