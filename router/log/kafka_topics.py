"""What each topic is on Kafka: partitions, retention, compaction.

All have the brokers' clock as their records' time (`message.timestamp.type=LogAppendTime`): a
shard's frontier, and so every timer, goes by it.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from channels.errors import Malformed, Refused, Unavailable
from router import topics
from router.log.kafka_layout import CLOCK, state_topic
from router.log.kafka_wire import FORBIDDEN, Cluster
from router.topics import COMPACTED, KEPT, Partitions, Stage

EVERY = (*topics.EVERY, CLOCK, *(state_topic(stage) for stage in (*Stage, "senders")))
"""All topics but those of the queues, which are the rulebook's."""


@dataclass(frozen=True)
class Shape:
    """What the settings say of all topics: partition counts, copies, how long records are kept."""

    partitions: Partitions
    replication: int
    retention: timedelta


@dataclass(frozen=True)
class Spec:
    """A topic as it should be. `configs` are the brokers' names and values."""

    partitions: int
    configs: Mapping[str, str]


def spec(topic: str, shape: Shape) -> Spec:
    """What `topic` (without the namespace) should be."""
    configs = {
        "message.timestamp.type": "LogAppendTime",
        "min.insync.replicas": str(min(2, shape.replication)),
    }
    stage = topic.removeprefix("state.")
    if topic in COMPACTED or stage != topic:
        configs |= {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.2"}
    elif topic in KEPT:
        configs["retention.ms"] = "-1"
    elif topic == CLOCK:
        configs["retention.ms"] = "3600000"
    else:
        configs["retention.ms"] = str(int(shape.retention.total_seconds() * 1000))
    counts = shape.partitions
    count = counts.count(stage) if stage != topic else counts.of(topic)
    return Spec(count, configs)


async def create(cluster: Cluster, specs: Mapping[str, Spec], replication: int) -> None:
    """Create topics by their full names. Raises `Unavailable`, `Refused`."""
    new = [
        NewTopic(name, one.partitions, replication, topic_configs=dict(one.configs))
        for name, one in specs.items()
    ]
    async with _admin(cluster) as admin:
        response = await admin.create_topics(new)
    for name, code, *reason in response.topic_errors:
        error = for_code(code)
        if error in FORBIDDEN:
            raise Refused(f"the cluster does not allow us to see, or to create, the topic {name}")
        if code and error is not TopicAlreadyExistsError:
            raise Unavailable(f"the topic {name} cannot be created: {error.__name__} {reason}")


@dataclass(frozen=True)
class Difference:
    """What a topic is, and what it should be; `setting` is `partitions` or a config's name.

    Without a `setting` the topic is not there.
    """

    name: str
    setting: str = ""
    stored: str = ""
    wanted: str = ""

    def __str__(self) -> str:
        if not self.setting:
            return f"{self.name}: not there"
        return f"{self.name}: {self.setting} is {self.stored}, should be {self.wanted}"


async def differences(cluster: Cluster, specs: Mapping[str, Spec]) -> list[Difference]:
    """How the topics of these full names differ from what they should be."""
    async with _admin(cluster) as admin:
        described = await admin.describe_topics()
        counts = {topic["topic"]: len(topic["partitions"]) for topic in described}
        there = [name for name in specs if name in counts]
        stored = await _configs(admin, there)
    found = [Difference(name) for name in specs if name not in counts]
    for name in there:
        if counts[name] != specs[name].partitions:
            wanted = str(specs[name].partitions)
            found.append(Difference(name, "partitions", str(counts[name]), wanted))
        for setting, value in specs[name].configs.items():
            if stored[name].get(setting, ("", False))[0] != value:
                found.append(Difference(name, setting, stored[name][setting][0], value))
    return found


async def apply(cluster: Cluster, specs: Mapping[str, Spec], replication: int) -> list[Difference]:
    """Make the topics what they should be; what was changed. Raises `Malformed` for partitions."""
    found = await differences(cluster, specs)
    for one in found:
        if one.setting == "partitions":
            raise Malformed(f"{one}. {_PARTITIONS}")
    missing = {one.name: specs[one.name] for one in found if not one.setting}
    if missing:
        await create(cluster, missing, replication)
    changed = sorted({one.name for one in found if one.setting})
    if changed:
        async with _admin(cluster) as admin:
            stored = await _configs(admin, changed)
            resources = [
                ConfigResource(
                    ConfigResourceType.TOPIC,
                    name,
                    # What is not named here goes back to its default: keep what others have set.
                    {key: value for key, (value, own) in stored[name].items() if own}
                    | dict(specs[name].configs),
                )
                for name in changed
            ]
            for response in await admin.alter_configs(resources):
                for code, message, _, name in response.resources:
                    if code:
                        raise Refused(f"{name}: {for_code(code).__name__}: {message}")
    return found


_PARTITIONS = (
    "Fewer partitions cannot be had: Kafka has no way to take one away. With more, keys would move "
    "to other partitions, away from the state that their shard keeps and before records that are "
    "still unread: conversations would lose their tickets. Set the count in the settings back, or "
    "begin under a new namespace"
)

_OVERRIDDEN = 1
"""The source of a config that was set on the topic itself (DYNAMIC_TOPIC_CONFIG)."""


@asynccontextmanager
async def _admin(cluster: Cluster) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = cluster.admin()
    with cluster.errors("the topics"):
        try:
            await admin.start()
            yield admin
        finally:
            await admin.close()


async def _configs(
    admin: AIOKafkaAdminClient, names: Sequence[str]
) -> dict[str, dict[str, tuple[str, bool]]]:
    """For each topic its settings: the value, and whether it was set on the topic itself."""
    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    found: dict[str, dict[str, tuple[str, bool]]] = {}
    for response in await admin.describe_configs(resources):
        for _, _, _, name, entries in response.resources:
            found[name] = {entry[0]: (entry[1], entry[3] == _OVERRIDDEN) for entry in entries}
    return found
