"""What the parts of one log share: names, partition counts, connections, the topics that exist."""

import asyncio
from collections.abc import Iterable

from aiokafka import TopicPartition

from router.log import kafka_topics
from router.log.kafka_lookups import Lookups
from router.log.kafka_topics import Shape, Spec
from router.log.kafka_wire import Cluster


class Namespace:
    """A namespace of a cluster. `max_bytes` bounds one record."""

    def __init__(self, cluster: Cluster, prefix: str, shape: Shape, *, max_bytes: int) -> None:
        self.cluster = cluster
        self.shape = shape
        self.partitions = shape.partitions
        self.max_bytes = max_bytes
        self.lookups = Lookups(cluster)
        self._prefix = prefix
        self._known: set[str] = set()
        self._where: dict[tuple[str, int], TopicPartition] = {}
        self._creating = asyncio.Lock()

    def name(self, topic: str) -> str:
        """The topic's name on Kafka."""
        return f"{self._prefix}.{topic}"

    def where(self, topic: str, partition: int) -> TopicPartition:
        """A partition of the topic on Kafka."""
        found = self._where.get((topic, partition))
        if found is None:
            found = TopicPartition(self.name(topic), partition)
            self._where[topic, partition] = found
        return found

    def topic(self, name: str) -> str:
        """The inverse of `name`."""
        return name.removeprefix(f"{self._prefix}.")

    async def topics(self) -> list[str]:
        """The namespace's topics, asked anew."""
        names = await self.lookups.topics()
        return sorted(self.topic(name) for name in names if name.startswith(self.name("")))

    def specs(self, topics: Iterable[str]) -> dict[str, Spec]:
        """What topics should be, by their names on Kafka."""
        return {self.name(topic): kafka_topics.spec(topic, self.shape) for topic in topics}

    async def ensure(self, topics: Iterable[str]) -> None:
        """Create those of `topics` that are not there. Raises `Unavailable`, `Refused`."""
        wanted = set(topics)
        if self._known.issuperset(wanted):
            return
        async with self._creating:
            with self.cluster.errors("the log"):
                self._known |= set(await self.topics())
            missing = sorted(wanted - self._known)
            if missing:
                specs = self.specs(missing)
                await kafka_topics.create(self.cluster, specs, self.shape.replication)
                with self.cluster.errors("the log"):  # created is not yet led
                    await self.lookups.ends(
                        [
                            TopicPartition(name, partition)
                            for name, one in specs.items()
                            for partition in range(one.partitions)
                        ]
                    )
                self._known |= wanted
