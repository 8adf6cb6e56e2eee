"""What each topic is on Kafka: partitions, retention, compaction.

All have the brokers' clock as their records' time (`message.timestamp.type=LogAppendTime`): a
shard's frontier, and so every timer, goes by it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from aiokafka.admin import NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from channels.errors import Unavailable
from router.log.kafka_layout import CLOCK
from router.log.kafka_wire import Cluster
from router.topics import COMPACTED, KEPT, Partitions

RETENTION = timedelta(days=14)


@dataclass(frozen=True)
class Spec:
    """A topic as it should be. `configs` are the brokers' names and values."""

    partitions: int
    configs: Mapping[str, str]


def spec(topic: str, partitions: Partitions, replication: int) -> Spec:
    """What `topic` (without the namespace) should be."""
    configs = {
        "message.timestamp.type": "LogAppendTime",
        "min.insync.replicas": str(min(2, replication)),
    }
    stage = topic.removeprefix("state.")
    if topic in COMPACTED or stage != topic:
        configs["cleanup.policy"] = "compact"
    elif topic in KEPT:
        configs["retention.ms"] = "-1"
    elif topic == CLOCK:
        configs["retention.ms"] = "3600000"
    else:
        configs["retention.ms"] = str(int(RETENTION.total_seconds() * 1000))
    count = partitions.count(stage) if stage != topic else partitions.of(topic)
    return Spec(count, configs)


async def create(cluster: Cluster, specs: Mapping[str, Spec], replication: int) -> None:
    """Create topics by their full names. Raises `Unavailable`, `Refused`."""
    new = [
        NewTopic(name, one.partitions, replication, topic_configs=dict(one.configs))
        for name, one in specs.items()
    ]
    admin = cluster.admin()
    with cluster.errors("creating topics"):
        try:
            await admin.start()
            response = await admin.create_topics(new)
        finally:
            await admin.close()
    for name, code, *reason in response.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise Unavailable(f"the topic {name} cannot be created: {error.__name__} {reason}")
