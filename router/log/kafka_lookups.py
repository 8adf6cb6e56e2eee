"""Where partitions begin and end: asked on connections of their own.

A broker answers one connection's requests in order, and a consumer's fetch may wait there for half
a second: what must be known now cannot queue behind it.
"""

from collections.abc import Collection, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition

from router.log.kafka_wire import Cluster


class Lookups:
    """Offsets of a cluster's partitions. Methods raise aiokafka's own errors."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._written: AIOKafkaConsumer | None = None
        self._committed: AIOKafkaConsumer | None = None

    async def start(self) -> None:
        """Connect, once."""
        if self._committed is not None:
            return
        self._written = self._cluster.consumer(isolation_level="read_uncommitted")
        self._committed = self._cluster.consumer()
        try:
            await self._written.start()
            await self._committed.start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Hang up."""
        for one in (self._written, self._committed):
            if one is not None:
                await self._cluster.stop_consumer(one)
        self._written = self._committed = None

    async def ends(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """The high watermarks: behind the last record that is stored, committed or not."""
        assert self._written is not None  # noqa: S101 - started
        found: dict[TopicPartition, int] = await self._written.end_offsets(partitions)
        return found

    async def stable(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """The last stable offsets: behind the last record that can be read now."""
        assert self._committed is not None  # noqa: S101 - started
        found: dict[TopicPartition, int] = await self._committed.end_offsets(partitions)
        return found

    async def begins(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """The offsets of the first records that are kept."""
        assert self._written is not None  # noqa: S101 - started
        found: dict[TopicPartition, int] = await self._written.beginning_offsets(partitions)
        return found

    async def topics(self) -> Collection[str]:
        """All topics of the cluster, asked anew."""
        assert self._written is not None  # noqa: S101 - started
        found: set[str] = await self._written.topics()
        return found
