"""Whether the brokers are as we need them: how old, how many, how they are set. For `doctor`."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.protocol.admin import ApiVersionRequest

from router.log.kafka_membership import SESSION_SECONDS
from router.log.kafka_wire import BATCH_BYTES, Cluster

Finding = tuple[bool, str]
"""Whether it is as it should be, and what it is or what to do."""

_FETCH, _CLIENT_METRICS = 1, 74
"""Requests by which releases differ: Kafka 3.7 brought the second, 4.0 dropped old versions of the
first (KIP-714, KIP-896)."""

FIRST_OF_4 = 4


@dataclass(frozen=True)
class _Setting:
    """A broker's setting, when it is right, and why."""

    right: Callable[[float], bool]
    wanted: str


def _settings(cluster: Cluster, replication: int) -> Mapping[str, _Setting]:
    copies = f"at least {min(replication, 3)}, or one lost broker stops the router"
    enough = _Setting(lambda value: value >= min(replication, 3), copies)
    return {
        "message.max.bytes": _Setting(
            lambda value: value >= BATCH_BYTES, f"at least {BATCH_BYTES}: our batches are as large"
        ),
        "transaction.max.timeout.ms": _Setting(
            lambda value: value >= cluster.transaction_seconds * 1000,
            f"at least {cluster.transaction_seconds * 1000:.0f}: our transactions may take that",
        ),
        "group.max.session.timeout.ms": _Setting(
            lambda value: value >= SESSION_SECONDS * 1000,
            f"at least {SESSION_SECONDS * 1000}: the session of a worker",
        ),
        "transaction.state.log.replication.factor": enough,
        "offsets.topic.replication.factor": enough,
    }


def release_of(versions: Mapping[int, tuple[int, int]]) -> str | None:
    """Which Kafka supports these versions of its requests; None for one older than 3.7."""
    if _CLIENT_METRICS not in versions:
        return None
    return "4.x" if versions[_FETCH][0] >= FIRST_OF_4 else "3.7 or a later 3.x"


async def examined(cluster: Cluster, replication: int) -> list[Finding]:
    """What is found at each broker. Raises `Unavailable`, `Refused`."""
    admin = cluster.admin()
    with cluster.errors("the brokers"):
        try:
            async with asyncio.timeout(cluster.timeout_seconds):
                await admin.start()
                numbers = sorted(
                    one["node_id"] for one in (await admin.describe_cluster())["brokers"]
                )
                found = [_enough(len(numbers), replication)]
                for number in numbers:
                    found.append(await _release(admin, number))
                    found += await _set(admin, number, _settings(cluster, replication))
        finally:
            await admin.close()
    return found


def _enough(brokers: int, replication: int) -> Finding:
    if brokers < replication:
        return False, (
            f"brokers: {brokers}, and kafka.replication is {replication}: no topic can be created; "
            "start more, or lower it (1 is for trying things out)"
        )
    return True, f"brokers: {brokers}, {replication} copies of each record"


async def _release(admin: AIOKafkaAdminClient, number: int) -> Finding:
    response = await admin._send_request(ApiVersionRequest(), number)  # noqa: SLF001 - `kafka_wire`
    versions = {key: (least, most) for key, least, most in response.api_versions}
    release = release_of(versions)
    if release is None:
        return False, f"broker {number}: older than Kafka 3.7; upgrade it"
    return True, f"broker {number}: Kafka {release}"


async def _set(
    admin: AIOKafkaAdminClient, number: int, wanted: Mapping[str, _Setting]
) -> list[Finding]:
    asked = ConfigResource(ConfigResourceType.BROKER, str(number), dict.fromkeys(wanted, ""))
    (response,) = await admin.describe_configs([asked])
    ((_, _, _, _, entries),) = response.resources
    values = {entry[0]: entry[1] for entry in entries}
    if not values:
        return [(True, f"broker {number}: its settings are not ours to read (DescribeConfigs)")]
    return [
        (False, f"broker {number}: {name} is {values[name]}, should be {one.wanted}")
        for name, one in wanted.items()
        if name in values and not one.right(float(values[name]))
    ]
