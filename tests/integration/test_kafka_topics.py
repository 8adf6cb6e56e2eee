"""`switchboard topics` on a real Kafka."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from channels.errors import Malformed
from router.log.kafka import KafkaLog
from router.log.kafka_wire import Cluster
from router.topics import Partitions
from tests.kafka import cluster as brokers
from tests.kafka.fixtures import External

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.xdist_group("kafka"),
    pytest.mark.asyncio(loop_scope="session"),
]
QUEUES = ["billing"]
_numbers = itertools.count()


@asynccontextmanager
async def opened(
    kafka: brokers.Cluster | External, namespace: str, triage: int = 3, days: int = 30
) -> AsyncIterator[KafkaLog]:
    """A log whose settings are these."""
    log = KafkaLog(
        Cluster(kafka.bootstrap), namespace, Partitions(triage, 2), retention=timedelta(days=days)
    )
    await log.open()
    try:
        yield log
    finally:
        await log.close()


async def settled(log: KafkaLog) -> None:
    """Until no difference is left: brokers learn of a change a moment after it was confirmed."""
    async with asyncio.timeout(20):
        while await log.differences(QUEUES):  # noqa: ASYNC110 - brokers set no events
            await asyncio.sleep(0.05)


@pytest.fixture
def namespace() -> str:
    """A new one for each test."""
    return f"topics{next(_numbers)}-{uuid4().hex[:8]}"


async def test_what_is_missing_is_created_once(
    kafka: brokers.Cluster | External, namespace: str
) -> None:
    """Every topic, those of the queues too, with its partitions; then there is nothing to do."""
    async with opened(kafka, namespace) as log:
        missing = await log.differences(QUEUES)
        assert {one.setting for one in missing} == {""}
        assert f"{namespace}.agent.queue.billing" in {one.name for one in missing}
        assert await log.apply(QUEUES) == missing
        await settled(log)
        assert await log.apply(QUEUES) == []


async def test_a_setting_follows_and_another_s_stays(
    kafka: brokers.Cluster | External, namespace: str
) -> None:
    """Retention is ours to change; what somebody else has set on the topic is kept."""
    async with opened(kafka, namespace) as log:
        await log.apply(QUEUES)
        await settled(log)
    name = f"{namespace}.tickets.events"
    await _set(kafka, name, {"retention.ms": "1000", "segment.bytes": "2000000"})
    while await _get(kafka, name, "retention.ms") != "1000":  # noqa: ASYNC110 - as above
        await asyncio.sleep(0.05)
    async with opened(kafka, namespace, days=7) as log:
        found = [one for one in await log.apply(QUEUES) if one.name == name]
        assert {one.setting for one in found} >= {"retention.ms"}
        await settled(log)
    assert await _get(kafka, name, "segment.bytes") == "2000000"
    assert await _get(kafka, name, "retention.ms") == str(7 * 24 * 3600 * 1000)


@pytest.mark.parametrize("triage", [2, 6])
async def test_another_partition_count_is_refused(
    kafka: brokers.Cluster | External, namespace: str, triage: int
) -> None:
    """Fewer cannot be had, more would part conversations from their state: it is explained."""
    async with opened(kafka, namespace) as log:
        await log.apply(QUEUES)
        await settled(log)
    async with opened(kafka, namespace, triage=triage) as log:
        with pytest.raises(Malformed, match="conversations would lose their tickets"):
            await log.apply(QUEUES)


async def _set(kafka: brokers.Cluster | External, name: str, configs: dict[str, str]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, configs)])
    finally:
        await admin.close()


async def _get(kafka: brokers.Cluster | External, name: str, setting: str) -> str:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        (response,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    finally:
        await admin.close()
    ((*_, entries),) = response.resources
    return next((str(entry[1]) for entry in entries if entry[0] == setting), "")
