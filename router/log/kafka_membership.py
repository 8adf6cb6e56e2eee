"""Which partitions of a stage are this worker's: decided by Kafka's group protocol.

A member never fetches; it only learns its partitions. Whose a shard is, its transactional id
decides: a member that has not heard yet that a partition is another's is fenced, and nothing is
lost when two believe to have it. So a rebalance stops nobody who keeps their partitions.

Members are static (KIP-345): a worker that comes back under its name within the session takes its
partitions up again without a rebalance of the others.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.assignors.range import RangePartitionAssignor

from channels.errors import Unavailable
from router.log.kafka_kept import Kept
from router.log.kafka_wire import Cluster

SESSION_SECONDS = 10
HEARTBEAT_SECONDS = 1
LOOK_SECONDS = 5.0
MISSED_LOOKS = 4
"""Who is not seen in the group so many times in a row, its session long over, joins it anew."""

_NEVER_MILLISECONDS = 2**31 - 1
_log = structlog.get_logger(__name__)


def member(group: str, worker: str) -> dict[str, Any]:
    """The options that make a consumer a static member of a group, however rarely it is polled."""
    return {
        "group_instance_id": f"{group}.{worker}",
        "session_timeout_ms": SESSION_SECONDS * 1000,
        "heartbeat_interval_ms": HEARTBEAT_SECONDS * 1000,
        "max_poll_interval_ms": _NEVER_MILLISECONDS,
    }


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
        self._group = group
        self._worker = worker
        self._name = f"{group}.{worker}"
        self._changed = changed
        self._consumer = self._member()
        self._admin = Kept(cluster, cluster.admin, AIOKafkaAdminClient.start, self._hang_up)

    def _member(self) -> Any:
        return self._cluster.consumer(
            group=self._group,
            rebalance_timeout_ms=SESSION_SECONDS * 1000,
            partition_assignment_strategy=(RangePartitionAssignor,),
            auto_offset_reset="latest",
            **member(self._group, self._worker),
        )

    async def start(self) -> None:
        """Join. Raises `Unavailable`, `Refused`."""
        with self._cluster.errors(f"the group of {self._topic}"):
            async with asyncio.timeout(self._cluster.timeout_seconds):
                await self._consumer.start()
        self._consumer.subscribe([self._topic], listener=self)

    async def watch(self, positions: Callable[[], Mapping[int, int]]) -> None:
        """Until cancelled: join anew when the client has failed, or hangs and nobody noticed.

        `positions` says how far each partition is read, for tools that show a group's lag.
        """
        missed, joined = 0, True
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                if not joined:
                    await self.start()
                    missed, joined = 0, True
                missed = 0 if await self._belongs() else missed + 1
                if not missed:
                    await self._tell(positions())
                if missed < MISSED_LOOKS:
                    continue
                reason = "the group does not know this worker any more"
            except Unavailable as error:
                reason = str(error)
            _log.warning("joining_anew", member=self._name, reason=reason)
            joined = False
            await self._cluster.stop_consumer(self._consumer)
            self._consumer = self._member()

    async def _belongs(self) -> bool:
        """Whether the group counts us in. Raises `Unavailable` when our client has failed."""
        with self._cluster.errors(f"the group of {self._topic}"):
            await self._consumer.getmany(timeout_ms=0)  # everything is paused: only errors come
        try:
            async with self._admin.used() as admin:
                (found,) = await admin.describe_consumer_groups([self._group])
        except Unavailable:
            return True  # nobody can be asked: that says nothing of us
        members = [member[0] for group in found.groups for member in group[5]]
        return any(member.startswith(f"{self._name}-") for member in members)

    def on_partitions_revoked(self, revoked: Any) -> None:
        """Nothing: until the assignment is known, who has a partition keeps it."""

    def on_partitions_assigned(self, assigned: Any) -> None:
        """Take the assignment in; nothing of it is ever fetched here."""
        self._consumer.pause(*assigned)
        self._changed(frozenset(one.partition for one in assigned))

    async def _tell(self, positions: Mapping[int, int]) -> None:
        """Commit how far the partitions are read; nothing of ours reads it."""
        mine = {one.partition for one in self._consumer.assignment()}
        offsets = {
            TopicPartition(self._topic, partition): offset
            for partition, offset in positions.items()
            if partition in mine
        }
        if offsets:
            with self._cluster.errors(f"the group of {self._topic}"):
                await self._consumer.commit(offsets)

    async def _hang_up(self, admin: AIOKafkaAdminClient) -> None:
        with self._cluster.stopping():
            await admin.close()

    async def stop(self) -> None:
        """Leave for good: the others take over at once, not when the session has expired."""
        await self._admin.close()
        leave_for_good(self._consumer)
        await self._cluster.stop_consumer(self._consumer)
