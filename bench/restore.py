"""Restoring a dispatch shard from Kafka, against a bare consumer that reads the same changelog."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from aiokafka import TopicPartition

from bench.memory import HEAD, MOST, Process, resident_mib
from bench.on_kafka import measured
from bench.workload import requests
from router.collector import calm_collector
from router.core.dispatch import Dispatch
from router.log.kafka import KafkaLog
from router.log.kafka_wire import Cluster
from router.log.protocol import Commit
from router.shard import Pace, Shard

TICKETS = MOST
SLICE = 2_000


def changes() -> Iterator[dict[str, bytes | None]]:
    """What dispatch stores for open tickets, a slice at a time."""
    process = Process()
    tickets = process.dispatch.desk.tickets
    while process.taken < TICKETS:
        process.step(requests(min(SLICE, TICKETS - process.taken), process.taken))
        yield process.dispatch.journal.changes()
        for key in list(tickets):  # only what it stores is wanted here
            tickets.delete(key)
        process.commit()


async def read(cluster: Cluster, topic: str) -> float:
    """Records a second of a bare consumer, from the beginning to the end."""
    where = TopicPartition(topic, 0)
    consumer = cluster.consumer()
    await consumer.start()
    consumer.assign([where])
    await consumer.seek_to_beginning(where)
    end = (await consumer.end_offsets([where]))[where]
    count = 0
    began = time.perf_counter()
    while await consumer.position(where) < end:
        found = await consumer.getmany(where, timeout_ms=1_000)
        count += sum(map(len, found.values()))
    seconds = time.perf_counter() - began
    await consumer.stop()
    return count / seconds


async def measure(cluster: Cluster, _: Path) -> list[str]:
    """The table's rows."""
    log = KafkaLog(cluster, "restore")
    await log.apply([])
    handle = await log.open_shard("dispatch", 0, ())
    for one in changes():
        await handle.commit(Commit([], one, {}))
    await handle.close()
    bare = await read(cluster, "restore.state.dispatch")
    shard = Shard(log, lambda: Dispatch(HEAD), 0, clock=lambda: datetime.now(UTC), pace=Pace())
    calm_collector()
    start = resident_mib()
    began = time.perf_counter()
    await shard.open()
    seconds = time.perf_counter() - began
    used = resident_mib() - start
    count = len(shard.core.desk.tickets)  # type: ignore[attr-defined] # a dispatch core
    assert count == TICKETS
    await shard.close()
    await log.close()
    ours = count / seconds
    return [
        f"restore of {count:,} open tickets: {ours:,.0f} records/s ({seconds:.1f} s); a bare "
        f"consumer of the same changelog: {bare:,.0f} records/s; ratio {ours / bare:.2f} "
        "(target 0.3)",
        f"restored: {used * 1024 / count:.1f} KiB a ticket, dispatch alone",
    ]


def main() -> None:
    """Print the rows."""
    print(*asyncio.run(measured(measure)), sep="\n")


if __name__ == "__main__":
    main()
