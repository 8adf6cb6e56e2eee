"""How we reach a cluster: aiokafka's clients, made alike, and what their errors mean.

Spots of aiokafka that are not its public interface are leaned on here, or where it says so
(`tests/unit/router/log/test_aiokafka.py` says when a new version has changed them): the pause
between two transactions; the sender, whose task outlives a `stop` that found no broker; the
transaction's future, whose error nobody has asked for when a producer was fenced; the consumer's
client, which stays open when a `stop` met a fetch that was about to be tried again; a group
member's instance id, without which it leaves; the admin client's sending, for a request that it
has no method for.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import aiokafka.producer.sender
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    InvalidProducerEpoch,
    KafkaConnectionError,
    KafkaError,
    MessageSizeTooLargeError,
    OffsetOutOfRangeError,
    ProducerFenced,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

from channels.errors import Refused, Unavailable
from router.log.protocol import Fenced, TooLarge

BETWEEN_TRANSACTIONS_SECONDS = 0.001
"""aiokafka waits 20 ms when a broker is still writing the markers of the transaction before."""

RETRY_MILLISECONDS = 5
"""Kafka 4 answers a first produce with a retriable error while the last transaction completes."""

BATCH_BYTES = 1_000_000
FETCH_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Cluster:
    """Where the brokers are. `security` are aiokafka's options for TLS and SASL.

    After `timeout_seconds` without an answer a cluster is `Unavailable`; a transaction that was
    left open is aborted by the brokers after `transaction_seconds`.
    """

    bootstrap: str
    security: Mapping[str, Any] = field(default_factory=dict)
    timeout_seconds: float = 15.0
    transaction_seconds: float = 20.0

    def producer(self, transactional_id: str | None = None) -> AIOKafkaProducer:
        """An idempotent producer, or a transactional one; not started."""
        aiokafka.producer.sender.BACKOFF_OVERRIDE = BETWEEN_TRANSACTIONS_SECONDS
        return AIOKafkaProducer(
            bootstrap_servers=self.bootstrap,
            transactional_id=transactional_id,
            transaction_timeout_ms=int(self.transaction_seconds * 1000),
            enable_idempotence=True,
            acks="all",
            max_batch_size=BATCH_BYTES,
            request_timeout_ms=self._timeout,
            retry_backoff_ms=RETRY_MILLISECONDS,
            **self.security,
        )

    def consumer(self, *, group: str | None = None, **options: Any) -> AIOKafkaConsumer:
        """A consumer of what is committed, without a position of its own making; not started."""
        return AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap,
            group_id=group,
            enable_auto_commit=False,
            max_partition_fetch_bytes=FETCH_BYTES,
            request_timeout_ms=self._timeout,
            retry_backoff_ms=50,
            **({"isolation_level": "read_committed", "auto_offset_reset": "none"} | options),
            **self.security,
        )

    def admin(self) -> AIOKafkaAdminClient:
        """An admin client; not started."""
        return AIOKafkaAdminClient(
            bootstrap_servers=self.bootstrap, request_timeout_ms=self._timeout, **self.security
        )

    @property
    def _timeout(self) -> int:
        return int(self.timeout_seconds * 1000)

    @contextmanager
    def errors(self, what: str) -> Iterator[None]:
        """Raise what a client's error means: `Fenced`, `TooLarge`, `Refused`, or `Unavailable`."""
        try:
            yield
        except (ProducerFenced, InvalidProducerEpoch) as error:
            raise Fenced(f"another owner has opened {what}, or its transaction expired") from error
        except MessageSizeTooLargeError as error:
            raise TooLarge(f"{what}: the brokers refuse a record of this size") from error
        except OffsetOutOfRangeError as error:
            raise Refused(
                f"{what}: records were deleted before they were read ({error}): "
                "raise the topic's retention, and look for what was lost"
            ) from error
        except FORBIDDEN as error:
            raise Refused(f"{what}: the cluster does not allow it: {error}") from error
        except (KafkaError, TimeoutError, OSError) as error:
            reason = str(error) or type(error).__name__
            secured = self.security.get("security_protocol", "PLAINTEXT") != "PLAINTEXT"
            if secured and isinstance(error, KafkaConnectionError):
                reason += " (a wrong password or certificate looks the same)"
            raise Unavailable(
                f"{what}: Kafka at {self.bootstrap} does not answer: {reason}"
            ) from error

    @contextmanager
    def stopping(self) -> Iterator[None]:
        """What a client says that is stopped, nobody needs to know."""
        with suppress(KafkaError, TimeoutError, OSError):
            yield

    async def stop(self, producer: AIOKafkaProducer) -> None:
        """Stop a producer, also one whose broker is gone: it would wait for it for ever."""
        transaction = producer._txn_manager.wait_for_transaction_end()  # noqa: SLF001 - see above
        if transaction is not None and transaction.done() and not transaction.cancelled():
            transaction.exception()
        with self.stopping():
            async with asyncio.timeout(2):
                await producer.stop()
                return
        with self.stopping():
            async with asyncio.timeout(2):
                await producer._sender.close()  # noqa: SLF001 - see above
        with self.stopping():
            await producer.client.close()

    async def stop_consumer(self, consumer: AIOKafkaConsumer) -> None:
        """Stop a consumer, also one that waits to try a fetch again: that cancels its `stop`."""
        stopping = asyncio.ensure_future(consumer.stop())
        await asyncio.wait({stopping}, timeout=2)
        if not stopping.done() or stopping.cancelled() or stopping.exception() is not None:
            stopping.cancel()
            with self.stopping():
                await consumer._client.close()  # noqa: SLF001 - see above


FORBIDDEN = (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
