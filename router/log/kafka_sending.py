"""Record batches on their way: a partition takes one batch at a time.

Each future is looked at, for a failed batch does not fail its transaction.
"""

import asyncio
from collections.abc import Mapping

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.structs import RecordMetadata

from router.log.kafka_batches import Builders


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
