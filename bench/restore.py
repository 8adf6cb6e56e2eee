"""Restoring a dispatch shard from Kafka, against a bare consumer that reads the same changelog."""

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

from aiokafka import TopicPartition

from bench.memory import HEAD, resident_mib
from bench.workload import requests, rulebook
from channels.contract import decode, encode
from channels.request import CustomerRequest
from router import records
from router.collector import calm_collector
from router.core.dispatch import Dispatch
from router.core.events import RulebookActivated, TicketTriaged
from router.core.outputs import Given
from router.core.triage import Triage
from router.log.kafka import KafkaLog
from router.log.kafka_wire import Cluster
from router.log.protocol import Commit
from router.shard import Pace, Shard
from tests.kafka import cluster as brokers
from tests.kafka import installation

TICKETS = int(os.environ.get("SWITCHBOARD_BENCH_TICKETS", "1000000"))
SLICE = 2_000


def changes() -> AsyncIterator[dict[str, bytes | None]]:
    """What dispatch stores for open tickets, a slice at a time."""
    return _changes()


async def _changes() -> AsyncIterator[dict[str, bytes | None]]:
    triage, dispatch = Triage(HEAD), Dispatch(HEAD)
    now = datetime.now(UTC)
    order = decode(RulebookActivated, records.activation(rulebook(), 1, now).value or b"")
    for core in (triage, dispatch):
        core.step(order, Given("rulebook/1", now), now)
    for first in range(0, TICKETS, SLICE):
        for message in requests(min(SLICE, TICKETS - first), first):
            value = message.value or b""
            given = Given(message.envelope.id, now, value)
            for output in triage.step(decode(CustomerRequest, value), given, now):
                if output.type == TicketTriaged.TYPE:
                    event = encode(output.data)
                    dispatch.step(decode(TicketTriaged, event), Given(output.id, now, event), now)
        yield dispatch.journal.changes()
        for core in (triage, dispatch):
            core.journal.committed()
        for key in list(dispatch.desk.tickets.rows):  # only what it stores is wanted here
            dispatch.desk.tickets.delete(key)
        dispatch.journal.committed()


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


async def measure() -> list[str]:
    """The table's rows."""
    try:
        installation.find()
    except installation.Absent as absent:
        return [f"not measured: {absent}"]
    with tempfile.TemporaryDirectory(prefix="switchboard-bench-") as folder:
        async with brokers.Cluster(Path(folder), at_speed=True) as kafka:
            log = KafkaLog(Cluster(kafka.bootstrap), "restore")
            await log.apply([])
            handle = await log.open_shard("dispatch", 0, ())
            async for one in changes():
                await handle.commit(Commit([], one, {}))
            await handle.close()
            bare = await read(Cluster(kafka.bootstrap), "restore.state.dispatch")
            shard = Shard(
                log, lambda: Dispatch(HEAD), 0, clock=lambda: datetime.now(UTC), pace=Pace()
            )
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
    print(*asyncio.run(measure()), sep="\n")


if __name__ == "__main__":
    main()
