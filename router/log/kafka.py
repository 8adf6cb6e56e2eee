"""The log on Kafka 3.7+: topics for records, a compacted topic for state, a transaction a commit.

See `kafka_shard` (ownership, restore, commit), `kafka_subscription` (groups), `kafka_topics` (what
each topic is), `kafka_layout` (how a record stands there), `kafka_wire` (the clients).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition

from router.log import kafka_brokers, kafka_topics
from router.log import kafka_layout as layout
from router.log.kafka_batches import batches
from router.log.kafka_brokers import Finding
from router.log.kafka_kept import Kept
from router.log.kafka_membership import Membership
from router.log.kafka_namespace import Namespace
from router.log.kafka_sending import send
from router.log.kafka_shard import KafkaShard
from router.log.kafka_subscription import KafkaSubscription
from router.log.kafka_topics import Difference, Shape
from router.log.kafka_wire import Cluster
from router.log.protocol import Message, ShardLog, Source, Subscription
from router.topics import LEADING, Partitions, Stage, queue_topic

MAX_BYTES = 1_000_000
"""Below the brokers' default of 1 MiB for a batch, with room for headers."""


class KafkaLog:
    """A handle on the log; shards and subscriptions have connections of their own."""

    def __init__(
        self,
        cluster: Cluster,
        namespace: str = "switchboard",
        partitions: Partitions | None = None,
        *,
        max_bytes: int = MAX_BYTES,
        replication: int = 1,
        retention: timedelta = timedelta(days=30),
    ) -> None:
        shape = Shape(partitions or Partitions(), replication, retention)
        self.namespace = Namespace(cluster, namespace, shape, max_bytes=max_bytes)
        self._producer = Kept(cluster, cluster.producer, self._connect, cluster.stop)

    async def open(self) -> AIOKafkaProducer:
        """Connect; what publishes. Raises `Unavailable`, `Refused`."""
        return await self._producer.get()

    async def _connect(self, producer: AIOKafkaProducer) -> None:
        await self.namespace.lookups.start()
        await producer.start()

    async def open_shard(self, stage: str, partition: int, sources: Sequence[Source]) -> ShardLog:
        """See `Log.open_shard`."""
        await self.open()
        topics = [layout.state_topic(stage), *(source.topic for source in sources)]
        await self.namespace.ensure(topics)
        shard = KafkaShard(self.namespace, stage, partition, sources)
        try:
            await shard.start()
        except BaseException:
            await shard.close()
            raise
        return shard

    async def join(
        self, stage: Stage, worker: str, changed: Callable[[frozenset[int]], None]
    ) -> Membership:
        """Share the shards of `stage` with other workers; `changed` is told which are ours."""
        topic = LEADING[stage]
        await self.open()
        await self.namespace.ensure([topic])
        name = self.namespace.name(topic)
        group = self.namespace.name(stage.value)
        membership = Membership(
            self.namespace.cluster, name, group=group, worker=worker, changed=changed
        )
        try:
            await membership.start()
        except BaseException:
            await membership.stop()
            raise
        return membership

    async def publish(self, messages: Sequence[Message]) -> None:
        """See `Log.publish`."""
        if messages:
            await self._sent(messages)

    async def _sent(self, messages: Sequence[Message]) -> dict[TopicPartition, list[Any]]:
        producer = await self.open()
        sending = batches(producer.create_batch, self.namespace, messages)
        await self.namespace.ensure({message.topic for message in messages})
        async with self._producer.used() as using:
            return await send(using, sending)

    def subscribe(
        self, topics: Sequence[str], group: str | None, *, from_start: bool = False
    ) -> Subscription:
        """See `Log.subscribe`."""
        return KafkaSubscription(self.namespace, self.open, topics, group, from_start=from_start)

    async def topics(self) -> Mapping[str, int]:
        """See `Log.topics`."""
        await self.open()
        counts = self.namespace.partitions
        with self.namespace.cluster.errors("the log"):
            topics = [one for one in await self.namespace.topics() if _public(one)]
            ends = await self.namespace.lookups.ends(
                [
                    TopicPartition(self.namespace.name(topic), partition)
                    for topic in topics
                    for partition in range(counts.of(topic))
                ]
            )
        written = {self.namespace.topic(one.topic) for one, end in ends.items() if end > 0}
        return {topic: counts.of(topic) for topic in sorted(written)}

    async def differences(self, queues: Iterable[str]) -> list[Difference]:
        """How the topics differ from what they should be; those of `queues` included."""
        specs = self.namespace.specs([*kafka_topics.EVERY, *map(queue_topic, queues)])
        return await kafka_topics.differences(self.namespace.cluster, specs)

    async def apply(self, queues: Iterable[str]) -> list[Difference]:
        """Make the topics what they should be; what was changed. Raises `Malformed`."""
        specs = self.namespace.specs([*kafka_topics.EVERY, *map(queue_topic, queues)])
        shape = self.namespace.shape
        return await kafka_topics.apply(self.namespace.cluster, specs, shape.replication)

    async def examined(self) -> list[Finding]:
        """What is right and what is wrong with the brokers, in words."""
        shape = self.namespace.shape
        return await kafka_brokers.examined(self.namespace.cluster, shape.replication)

    async def now(self) -> datetime:
        """See `Log.now`: a broker's clock is read by storing a record."""
        message = Message(layout.CLOCK, "", b"null", layout.TICK)
        (replies,) = (await self._sent([message])).values()
        return layout.instant(replies[-1].timestamp)

    async def close(self) -> None:
        """See `Log.close`."""
        await self._producer.close()
        await self.namespace.lookups.stop()


def _public(topic: str) -> bool:
    return topic != layout.CLOCK and not topic.startswith("state.")
