"""Which partitions of a stage are this worker's: decided by Kafka's group protocol.

A member never fetches; it only learns its partitions. Whose a shard is, its transactional id
decides: a member that has not heard yet that a partition is another's is fenced, and nothing is
lost when two believe to have it. So a rebalance stops nobody who keeps their partitions.

Members are static (KIP-345): a worker that comes back under its name within the session takes its
partitions up again without a rebalance of the others.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor

from router.log.kafka_wire import Cluster

SESSION_SECONDS = 10
HEARTBEAT_SECONDS = 1
NEVER_MILLISECONDS = 2**31 - 1


def leave_for_good(consumer: Any) -> None:
    """Have a static member leave its group when it stops, as it never does of itself."""
    coordinator = None if consumer is None else consumer._coordinator  # noqa: SLF001 - `kafka_wire`
    if coordinator is not None:
        coordinator._group_instance_id = None  # noqa: SLF001 - as above


class Membership(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka has no types
    """One worker's membership in the group of a stage. `changed` is told of every assignment."""

    def __init__(
        self,
        cluster: Cluster,
        topic: str,
        *,
        group: str,
        worker: str,
        changed: Callable[[frozenset[int]], None],
    ) -> None:
        self._cluster = cluster
        self._topic = topic
        self._changed = changed
        self._consumer = cluster.consumer(
            group=group,
            group_instance_id=f"{group}.{worker}",
            session_timeout_ms=SESSION_SECONDS * 1000,
            heartbeat_interval_ms=HEARTBEAT_SECONDS * 1000,
            rebalance_timeout_ms=SESSION_SECONDS * 1000,
            max_poll_interval_ms=NEVER_MILLISECONDS,
            partition_assignment_strategy=(RangePartitionAssignor,),
            auto_offset_reset="latest",
        )

    async def start(self) -> None:
        """Join. Raises `Unavailable`, `Refused`."""
        with self._cluster.errors(f"the group of {self._topic}"):
            async with asyncio.timeout(self._cluster.timeout_seconds):
                await self._consumer.start()
        self._consumer.subscribe([self._topic], listener=self)

    def on_partitions_revoked(self, revoked: Any) -> None:
        """Nothing: until the assignment is known, who has a partition keeps it."""

    def on_partitions_assigned(self, assigned: Any) -> None:
        """Take the assignment in; nothing of it is ever fetched here."""
        self._consumer.pause(*assigned)
        self._changed(frozenset(one.partition for one in assigned))

    async def tell(self, positions: dict[int, int]) -> None:
        """Commit how far the partitions are read, for tools that show lag; nothing reads it."""
        mine = {one.partition for one in self._consumer.assignment()}
        offsets = {
            TopicPartition(self._topic, partition): offset
            for partition, offset in positions.items()
            if partition in mine
        }
        if offsets:
            with self._cluster.errors(f"the group of {self._topic}"):
                await self._consumer.commit(offsets)

    async def stop(self) -> None:
        """Leave for good: the others take over at once, not when the session has expired."""
        leave_for_good(self._consumer)
        await self._cluster.stop_consumer(self._consumer)
