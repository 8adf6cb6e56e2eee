"""Messages as record batches, and the batches on their way.

`create_batch` / `send_batch` cost a fraction of a `send` for each record. A partition takes one
batch at a time; each future is looked at, for a failed batch does not fail its transaction.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.structs import RecordMetadata

from router.log import kafka_layout as layout
from router.log.kafka_namespace import Namespace
from router.log.partition import place
from router.log.protocol import Message, TooLarge

Builders = list[Any]
"""aiokafka's `BatchBuilder`s, in order."""


Placed = tuple[TopicPartition, bytes, bytes | None, layout.Headers]
"""A message as it goes to its partition: key, value (None: a tombstone), headers."""


def placed(namespace: Namespace, messages: Sequence[Message]) -> Iterator[Placed]:
    """Where each message goes, and as what. Raises `TooLarge`, `Malformed`."""
    envelope: object = None
    headed: layout.Headers = []
    around = 0
    for index, message in enumerate(messages):
        if message.envelope is not envelope:  # else the same event, to a further topic
            envelope, headed = message.envelope, layout.headers(message.envelope)
            around = layout.size(headed)
        key = message.key.encode()
        size = around + len(key) + len(message.value or b"")
        if size > namespace.max_bytes:
            raise TooLarge(f"{size} bytes where {namespace.max_bytes} are taken", index)
        partition = place(message, namespace.partitions)
        where = TopicPartition(namespace.name(message.topic), partition)
        yield where, key, message.value, headed


def batches(
    create: Callable[[], Any], namespace: Namespace, messages: Sequence[Message]
) -> dict[TopicPartition, Builders]:
    """The batches for each partition. Raises `TooLarge`, `Malformed`; nothing is sent."""
    found: dict[TopicPartition, Builders] = {}
    for where, key, value, headed in placed(namespace, messages):
        _append(found.setdefault(where, []), create, (key, value, headed))
    return found


def changelog(create: Callable[[], Any], records: Iterable[tuple[bytes, bytes | None]]) -> Builders:
    """The batches of a changelog: keys and values, nothing else."""
    builders: Builders = []
    for key, value in records:
        _append(builders, create, (key, value, []))
    return builders


def _append(
    builders: Builders,
    create: Callable[[], Any],
    record: tuple[bytes, bytes | None, layout.Headers],
) -> None:
    key, value, headed = record
    # The brokers put their own time in the place of this one.
    if builders and builders[-1].append(timestamp=0, key=key, value=value, headers=headed):
        return
    builders.append(create())
    builders[-1].append(timestamp=0, key=key, value=value, headers=headed)


async def send(
    producer: AIOKafkaProducer, waiting: Mapping[TopicPartition, Builders]
) -> dict[TopicPartition, list[RecordMetadata]]:
    """Send everything; the replies, when all have come. Raises the first failure."""
    futures: dict[TopicPartition, list[asyncio.Future[RecordMetadata]]] = {
        where: [] for where in waiting
    }
    # The first batch of every partition, then the second ones: no partition waits for another.
    for number in range(max(map(len, waiting.values()), default=0)):
        for where, builders in waiting.items():
            if number < len(builders):
                sent = await producer.send_batch(
                    builders[number], where.topic, partition=where.partition
                )
                futures[where].append(sent)
    results = await asyncio.gather(
        *(one for ones in futures.values() for one in ones), return_exceptions=True
    )
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return {where: [one.result() for one in ones] for where, ones in futures.items()}
