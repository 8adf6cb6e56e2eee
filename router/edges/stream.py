"""The edges on Kafka, carried by FastStream: what they publish, and what the senders read.

    sources ──publish──> requests.inbound          idempotent, `acks=all`
    messages.outbound ──batches──> senders         acknowledged when the ledger has committed them

The shards of the router do not go through it: FastStream has no transactions. What it carries
looks as the log writes it, CloudEvents in binary mode at the partition that `partition_of` says.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Any

from aiokafka.structs import RecordMetadata
from faststream.kafka import KafkaBroker
from faststream.security import (
    BaseSecurity,
    SASLOAuthBearer,
    SASLPlaintext,
    SASLScram256,
    SASLScram512,
)

from router.edges.senders import STAGE as SENDERS
from router.edges.stream_reading import Reading, StreamedShard
from router.log.kafka import KafkaLog
from router.log.kafka_batches import placed
from router.log.kafka_kept import Kept
from router.log.kafka_wire import BATCH_BYTES, RETRY_MILLISECONDS, Cluster
from router.log.protocol import Message, ShardLog, Source, Subscription

LOGGER = logging.getLogger(__name__)
"""What FastStream says: only its errors, for it warns of what is meant."""


def broker(cluster: Cluster, *, consumer_only: bool = False) -> KafkaBroker:
    """FastStream's broker for a cluster; not connected."""
    LOGGER.setLevel(logging.ERROR)
    security, token = _security(cluster.security)
    return KafkaBroker(
        cluster.bootstrap.split(","),
        acks="all",
        enable_idempotence=True,
        max_batch_size=BATCH_BYTES,
        max_request_size=2 * BATCH_BYTES,
        request_timeout_ms=int(cluster.timeout_seconds * 1000),
        retry_backoff_ms=RETRY_MILLISECONDS,
        security=security,
        sasl_oauth_token_provider=token,
        apply_types=False,
        consumer_only=consumer_only,
        logger=LOGGER,
        log_level=logging.DEBUG,
    )


def _security(options: Mapping[str, Any]) -> tuple[BaseSecurity | None, Any]:
    """The options for aiokafka as FastStream takes them, and the token's provider."""
    protocol = options.get("security_protocol", "PLAINTEXT")
    tls = {"use_ssl": protocol.endswith("SSL"), "ssl_context": options.get("ssl_context")}
    mechanism = options.get("sasl_mechanism") if protocol.startswith("SASL") else None
    if mechanism is None:
        return BaseSecurity(**tls), None
    if mechanism == "OAUTHBEARER":
        return SASLOAuthBearer(**tls), options["sasl_oauth_token_provider"]
    kinds = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}
    user, password = options["sasl_plain_username"], options["sasl_plain_password"]
    return kinds[mechanism](user, password, **tls), None


class StreamedLog:
    """A `Log` for the edges: as the Kafka log, but FastStream publishes, and reads for the senders.

    Its `publish` and the senders' shard keep the log's promises (`tests/conformance` holds the
    log to them, `tests/integration/test_kafka_stream.py` these two).
    """

    def __init__(self, log: KafkaLog, worker: str) -> None:
        self._log = log
        self._namespace = log.namespace
        self._worker = worker
        cluster = self._namespace.cluster
        self._broker = Kept(cluster, partial(broker, cluster), KafkaBroker.connect, self._stop)

    async def publish(self, messages: Sequence[Message]) -> None:
        """See `Log.publish`: a producer that has failed is replaced."""
        if not messages:
            return
        waiting = list(placed(self._namespace, messages))
        await self._log.open()
        await self._namespace.ensure({message.topic for message in messages})
        async with self._broker.used() as through:
            sent: list[asyncio.Future[RecordMetadata]] = [
                await through.publish(
                    value,
                    where.topic,
                    partition=where.partition,
                    key=key,
                    headers={name: text.decode() for name, text in headers},
                    no_confirm=True,
                )
                for where, (key, value, headers) in waiting
            ]
            await asyncio.gather(*sent)

    async def _stop(self, made: KafkaBroker) -> None:
        with self._namespace.cluster.stopping():
            async with asyncio.timeout(2):
                await made.stop()

    async def open_shard(self, stage: str, partition: int, sources: Sequence[Source]) -> ShardLog:
        """See `Log.open_shard`; for the senders it waits until the group gives them their input.

        Their reading is acknowledged to a consumer group, so that any tool can show its lag; what
        they have to know of a message is in the ledger, which is this shard's state.
        """
        if stage != SENDERS:
            return await self._log.open_shard(stage, partition, sources)
        (source,) = sources
        await self._log.open()
        await self._namespace.ensure([source.topic])
        through = broker(self._namespace.cluster, consumer_only=True)
        reading = Reading(through, self._namespace, source, group=stage, worker=self._worker)
        try:
            await reading.start()
            return StreamedShard(await self._log.open_shard(stage, partition, ()), reading)
        except BaseException:
            await reading.stop()
            raise

    def subscribe(
        self, topics: Sequence[str], group: str | None, *, from_start: bool = False
    ) -> Subscription:
        """See `Log.subscribe`."""
        return self._log.subscribe(topics, group, from_start=from_start)

    async def topics(self) -> Mapping[str, int]:
        """See `Log.topics`."""
        return await self._log.topics()

    async def now(self) -> datetime:
        """See `Log.now`."""
        return await self._log.now()

    async def close(self) -> None:
        """Free what FastStream holds; the log itself is its owner's to close."""
        await self._broker.close()


@asynccontextmanager
async def streamed(log: KafkaLog, worker: str) -> AsyncIterator[StreamedLog]:
    """The log as the edges of this process see it; `worker` is the process's name."""
    edges = StreamedLog(log, worker)
    try:
        yield edges
    finally:
        await edges.close()
