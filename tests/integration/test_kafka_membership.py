"""A worker's membership in the group of a stage, on a real Kafka: what fails is joined anew."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from router.log import kafka_membership
from router.log.kafka import KafkaLog
from router.log.kafka_membership import Membership
from router.log.kafka_wire import Cluster
from router.topics import Partitions, Stage
from tests.kafka import cluster as brokers
from tests.kafka.fixtures import External
from tests.waiting import until

pytestmark = [pytest.mark.kafka, pytest.mark.services, pytest.mark.xdist_group("kafka")]

PATIENCE_SECONDS = 60
ALL = frozenset(range(4))


@pytest.fixture
async def log(
    kafka: brokers.Cluster | External, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[KafkaLog]:
    """A log of four triage shards, whose members are looked at often."""
    monkeypatch.setattr(kafka_membership, "LOOK_SECONDS", 0.3)
    monkeypatch.setattr(kafka_membership, "SESSION_SECONDS", 2)
    made = KafkaLog(Cluster(kafka.bootstrap), f"members-{uuid.uuid4().hex[:8]}", Partitions(4, 1))
    yield made
    await made.close()


class Worker:
    """A member, watched, and what it was told last."""

    def __init__(self, log: KafkaLog, name: str) -> None:
        self._log = log
        self._name = name
        self.has: frozenset[int] = frozenset()
        self.read: dict[int, int] = {}

    async def __aenter__(self) -> "Worker":
        self.membership: Membership = await self._log.join(Stage.TRIAGE, self._name, self._told)
        self._watching = asyncio.create_task(self.membership.watch(lambda: self.read))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._watching.cancel()
        with suppress(asyncio.CancelledError):
            await self._watching
        await self.membership.stop()

    def _told(self, partitions: frozenset[int]) -> None:
        self.has = partitions


def shared(one: Worker, other: Worker) -> bool:
    """Each has its half."""
    return len(one.has) == len(other.has) == 2 and one.has | other.has == ALL


def hangs(consumer: Any) -> None:
    """Its heartbeats stop, and nobody is told."""
    consumer._coordinator._heartbeat_task.cancel()


def fails(consumer: Any) -> None:
    """Its coordination ends with an error, which only a poll would raise."""
    failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    failed.set_exception(KafkaError("the coordination has failed"))
    consumer._coordinator._coordination_task.cancel()
    consumer._coordinator._coordination_task = failed


@pytest.mark.parametrize("happens", [hangs, fails])
async def test_a_member_that_is_lost_joins_anew(
    log: KafkaLog, happens: Callable[[Any], None]
) -> None:
    """The other one has all meanwhile; then they share again."""
    async with Worker(log, "a") as first, Worker(log, "b") as second:
        await until(lambda: shared(first, second))
        before = first.membership._consumer
        first.has = frozenset()
        happens(before)
        await until(lambda: first.membership._consumer is not before)
        await until(lambda: shared(first, second))


async def test_a_member_that_works_is_left_alone(log: KafkaLog) -> None:
    """However often it is looked at."""
    async with Worker(log, "a") as only:
        await until(lambda: only.has == ALL)
        before = only.membership._consumer
        for _ in range(8):
            assert await only.membership._belongs()
        assert only.membership._consumer is before


async def test_tools_are_shown_how_far_each_partition_is_read(log: KafkaLog) -> None:
    """As the offsets of the stage's group; of partitions that are not ours nothing is said."""
    async with Worker(log, "a") as only:
        await until(lambda: only.has == ALL)
        only.read = {0: 7, 3: 11, 9: 1}
        group = f"{log.namespace.name('triage')}"
        topic = log.namespace.name("requests.inbound")
        admin = log.namespace.cluster.admin()
        await admin.start()
        wanted = {TopicPartition(topic, 0): 7, TopicPartition(topic, 3): 11}
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while True:
                    offsets = await admin.list_consumer_group_offsets(group)
                    if {where: one.offset for where, one in offsets.items()} == wanted:
                        break
        finally:
            await admin.close()


async def test_a_member_that_is_lost_in_an_outage_joins_when_it_is_over(
    new_kafka: Callable[..., brokers.Cluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It tries again and again, and nothing of it ends."""
    monkeypatch.setattr(kafka_membership, "LOOK_SECONDS", 0.3)
    async with new_kafka() as kafka:
        log = KafkaLog(Cluster(kafka.bootstrap, timeout_seconds=3), "members", Partitions(4, 1))
        async with Worker(log, "a") as only:
            await until(lambda: only.has == ALL)
            before = only.membership._consumer
            await kafka.kill(1)
            fails(before)
            await until(lambda: only.membership._consumer is not before)
            second = only.membership._consumer
            await until(lambda: only.membership._consumer is not second)
            only.has = frozenset()
            await kafka.start_broker(1)
            await until(lambda: only.has == ALL)
            assert not only._watching.done()
        await log.close()
