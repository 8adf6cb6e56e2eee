"""Routed requests a second on a real Kafka, against bare transactional copies on the same broker.

A bare copy reads a batch and writes, for each request, records of the same number and bytes by
`send_batch`, and the offset, in one transaction; tuned as ours is. The peers (`bench.peers`) do
less: one output for a request, and no rules.
"""

import asyncio
import time
from pathlib import Path
from statistics import median
from uuid import uuid4

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewTopic

from bench import peers
from bench.on_kafka import measured
from bench.routing import BATCH, COUNT, publish, routed, written
from router.log.kafka import KafkaLog
from router.log.kafka_wire import Cluster
from router.topics import REQUESTS_INBOUND, TICKETS_EVENTS

ROUNDS = 3
PEERS = ("quix", "naive")


async def copied(cluster: Cluster, namespace: str, records_each: int, bytes_each: int) -> float:
    """Seconds in which a bare loop reads the requests and writes as much for each."""
    source = TopicPartition(f"{namespace}.{REQUESTS_INBOUND}", 0)
    target = f"{namespace}.{TICKETS_EVENTS}"
    value = b"x" * bytes_each
    producer = cluster.producer(f"copy-{uuid4().hex}")
    consumer = cluster.consumer()
    await producer.start()
    await consumer.start()
    consumer.assign([source])
    consumer.seek(source, 0)
    done = 0
    began = time.perf_counter()
    while done < COUNT:
        found = (await consumer.getmany(source, timeout_ms=1_000, max_records=BATCH)).get(source)
        if not found:
            continue
        await producer.begin_transaction()
        await _send(producer, target, value, len(found) * records_each)
        await producer.send_offsets_to_transaction({source: found[-1].offset + 1}, "copies")
        await producer.commit_transaction()
        done += len(found)
    seconds = time.perf_counter() - began
    await producer.stop()
    await consumer.stop()
    return seconds


async def _send(producer: AIOKafkaProducer, target: str, value: bytes, count: int) -> None:
    futures = []
    batch = producer.create_batch()
    for _ in range(count):
        if batch.append(timestamp=0, key=b"k", value=value, headers=[]) is None:
            futures.append(await producer.send_batch(batch, target, partition=0))
            batch = producer.create_batch()
            batch.append(timestamp=0, key=b"k", value=value, headers=[])
    futures.append(await producer.send_batch(batch, target, partition=0))
    await asyncio.gather(*futures)


async def measure(cluster: Cluster, folder: Path) -> list[str]:
    """The table's rows."""
    source = KafkaLog(cluster, "copied")
    await source.apply([])
    await publish(source)
    await _create(cluster, [f"{peer}{number}" for peer in PEERS for number in range(ROUNDS)])
    mine, bare, three, quix, naive = [], [], [], [], []
    counted = await written()
    every, size = round(counted.every / COUNT), counted.every_bytes // counted.every
    for number in range(ROUNDS):
        mine.append(await routed(KafkaLog(cluster, f"round{number}")))
        bare.append(await copied(cluster, "copied", every, size))
        three.append(await copied(cluster, "copied", 3, counted.output_bytes // counted.outputs))
        requests = f"copied.{REQUESTS_INBOUND}"
        quix.append(await peers.quix(cluster.bootstrap, requests, f"quix{number}", COUNT, folder))
        naive.append(await peers.faststream(cluster.bootstrap, requests, f"naive{number}"))
    await source.close()
    rate = COUNT / median(one.seconds for one in mine)
    cpu = median(one.cpu_seconds for one in mine) / COUNT
    rate_bare, rate_three = COUNT / median(bare), COUNT / median(three)
    return [
        f"routed, both stages in one process, 200 routes: {rate:,.0f} requests/s, "
        f"{cpu * 1e6:.0f} µs of CPU each ({counted})",
        f"bare transactional copy, the same records and bytes: {rate_bare:,.0f} requests/s; "
        f"ratio {rate / rate_bare:.2f} (target 0.50)",
        f"bare transactional copy, 1 in, 3 out: {rate_three:,.0f} requests/s; "
        f"ratio {rate / rate_three:.2f} (target 0.30)",
        f"Quix Streams, exactly-once stateful pass-through, one output, no rules: "
        f"{median(quix):,.0f} requests/s; ratio {rate / median(quix):.2f} (target 1.0)",
        f"FastStream, pass-through of a pydantic model, at most once: {median(naive):,.0f} "
        f"requests/s; ratio {rate / median(naive):.1f} (target 10)",
    ]


async def _create(cluster: Cluster, names: list[str]) -> None:
    """What the peers write to."""
    admin = cluster.admin()
    await admin.start()
    await admin.create_topics([NewTopic(name, 1, 1) for name in names])
    await admin.close()


def main() -> None:
    """Print the rows."""
    for row in asyncio.run(measured(measure)):
        print(row)


if __name__ == "__main__":
    main()
