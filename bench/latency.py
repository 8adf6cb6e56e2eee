"""From publishing a request to its event in a queue: two stages, against one bare hop.

A bare hop reads, and writes each record on in a transaction of its own batch; tuned as ours is.
Everything is in one process, so both share its loop.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles

from aiokafka import TopicPartition

from bench.on_kafka import measured
from bench.routing import HEAD, ended
from bench.workload import requests, rulebook
from channels.identity import ticket_id
from router import records
from router.collector import calm_collector
from router.core.dispatch import Dispatch
from router.core.triage import Triage
from router.log.kafka import KafkaLog
from router.log.kafka_wire import Cluster
from router.log.protocol import Message
from router.shard import Pace, Shard
from router.stepping import Core
from router.topics import REQUESTS_INBOUND

PER_SECOND = 200
SECONDS = 20
WARM_UP = 2 * PER_SECOND
QUEUES = ("agent.queue.q1", "agent.queue.q2")


class Stopwatch:
    """When each message was published, and how long it took to be seen."""

    def __init__(self) -> None:
        self.began: dict[str, float] = {}
        self.took: list[float] = []

    def seen(self, name: str) -> None:
        """The message has arrived."""
        if name in self.began:
            self.took.append(time.perf_counter() - self.began.pop(name))

    def __str__(self) -> str:
        return f"p50 {self.share(50):.1f} ms, p99 {self.share(99):.1f} ms"

    def share(self, percent: int) -> float:
        """A percentile in milliseconds, without the first ones."""
        return quantiles(self.took[WARM_UP:], n=100)[percent - 1] * 1000


async def paced(
    log: KafkaLog, watch: Stopwatch, batch: list[Message], name: Callable[[Message], str]
) -> None:
    """Publish one message after another, at an even pace."""
    publishing: set[asyncio.Task[None]] = set()
    began = time.perf_counter()
    for number, message in enumerate(batch):
        await asyncio.sleep(began + number / PER_SECOND - time.perf_counter())
        watch.began[name(message)] = time.perf_counter()
        task = asyncio.create_task(log.publish([message]))
        publishing.add(task)
        task.add_done_callback(publishing.discard)
    await asyncio.gather(*publishing)


@asynccontextmanager
async def watching(
    cluster: Cluster, topics: list[str], watch: Stopwatch, header: str | None
) -> AsyncIterator[None]:
    """A `read_committed` consumer that stops the watch: by a header, or else by the key."""
    consumer = cluster.consumer(fetch_max_wait_ms=100)
    await consumer.start()
    partitions = [TopicPartition(topic, 0) for topic in topics]
    consumer.assign(partitions)
    await consumer.seek_to_end(*partitions)

    async def look() -> None:
        async for record in consumer:
            watch.seen((dict(record.headers)[header] if header else record.key).decode())

    looking = asyncio.create_task(look())
    yield
    async with asyncio.timeout(10):
        while watch.began:  # noqa: ASYNC110 - a watch sets no event
            await asyncio.sleep(0.05)
    looking.cancel()
    with suppress(asyncio.CancelledError):
        await looking
    await consumer.stop()


@asynccontextmanager
async def router(cluster: Cluster) -> AsyncIterator[KafkaLog]:
    """Both stages, in this process; yields the log to publish to."""
    log = KafkaLog(cluster, "latency")
    await log.apply(["q1", "q2"])
    await log.publish([records.activation(rulebook(), 1, datetime.now(UTC))])
    makers: list[Callable[[], Core]] = [lambda: Triage(HEAD), lambda: Dispatch(HEAD)]
    shards = [Shard(log, make, 0, clock=lambda: datetime.now(UTC), pace=Pace()) for make in makers]
    working = [asyncio.create_task(shard.run()) for shard in shards]
    calm_collector()
    await asyncio.sleep(2)
    yield log
    await ended(working, shards)
    await log.close()


@asynccontextmanager
async def hop(cluster: Cluster) -> AsyncIterator[KafkaLog]:
    """A bare consumer and a bare transactional producer; yields the log to publish to."""
    log = KafkaLog(cluster, "hop")
    await log.apply(["q1"])
    source = TopicPartition(f"hop.{REQUESTS_INBOUND}", 0)
    producer, consumer = cluster.producer("hop"), cluster.consumer()
    await producer.start()
    await consumer.start()
    consumer.assign([source])
    await consumer.seek_to_end(source)

    async def work() -> None:
        while True:
            found = (await consumer.getmany(source, timeout_ms=100)).get(source)
            if not found:
                continue
            await producer.begin_transaction()
            batch = producer.create_batch()
            for one in found:
                batch.append(timestamp=0, key=one.key, value=one.value, headers=list(one.headers))
            await (await producer.send_batch(batch, f"hop.{QUEUES[0]}", partition=0))
            await producer.send_offsets_to_transaction({source: found[-1].offset + 1}, "hops")
            await producer.commit_transaction()

    working = asyncio.create_task(work())
    await asyncio.sleep(1)
    yield log
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working
    await cluster.stop(producer)
    await consumer.stop()
    await log.close()


async def measure(cluster: Cluster, _: Path) -> list[str]:
    """The table's rows."""
    batch = requests(PER_SECOND * SECONDS)
    bare, ours = Stopwatch(), Stopwatch()
    async with (
        hop(cluster) as log,
        watching(cluster, [f"hop.{QUEUES[0]}"], bare, "ce_id"),
    ):
        await paced(log, bare, batch, lambda one: one.envelope.id)
    async with (
        router(cluster) as log,
        watching(cluster, [f"latency.{one}" for one in QUEUES], ours, None),
    ):
        await paced(log, ours, batch, lambda one: ticket_id(one.envelope.id))
    middle, tail = ours.share(50) / bare.share(50), ours.share(99) / bare.share(99)
    return [
        f"{PER_SECOND} requests/s, publish to queue event, both stages: {ours}",
        f"one bare transactional hop: {bare}; ratios {middle:.1f} (target 3) and {tail:.1f} "
        "(target 4)",
    ]


def main() -> None:
    """Print the rows."""
    print(*asyncio.run(measured(measure)), sep="\n")


if __name__ == "__main__":
    main()
