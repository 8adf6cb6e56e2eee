"""The edges on a real Kafka, carried by FastStream: whatever happens, each message goes out once.

That publishing keeps the log's promises, the conformance suite shows (`kafka-faststream`).
"""

import asyncio
import base64
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from channels.contract import decode
from channels.errors import Unavailable
from channels.sending import Sender
from router.counters import Counters
from router.deadletter import DeadLetter
from router.edges import stream_reading
from router.edges.senders import Senders
from router.edges.stream import StreamedLog, streamed
from router.log.kafka import KafkaLog
from router.log.kafka_wire import Cluster
from router.log.protocol import Envelope, Log, Message, Source
from router.topics import DEADLETTER, MESSAGES_OUTBOUND
from tests.integration.test_senders import MAIL, QUICK, receipts, stored, submit
from tests.kafka import cluster as brokers
from tests.kafka.fixtures import External
from tests.recording import ScriptedSender, outbound
from tests.waiting import until

pytestmark = [pytest.mark.kafka, pytest.mark.services, pytest.mark.xdist_group("kafka")]

PATIENCE_SECONDS = 30


class Installation:
    """A namespace of its own on the broker, and sender processes on it, as tasks."""

    def __init__(self, bootstrap: str) -> None:
        self.cluster = Cluster(bootstrap, timeout_seconds=5)
        self.namespace = f"stream-{uuid.uuid4().hex[:8]}"
        self.log = KafkaLog(self.cluster, self.namespace)

    @asynccontextmanager
    async def edges(self, worker: str = "a") -> AsyncIterator[StreamedLog]:
        """A process's view of the log."""
        log = KafkaLog(self.cluster, self.namespace)
        async with streamed(log, worker) as edges:
            yield edges
        await log.close()

    @asynccontextmanager
    async def sending(self, sender: Sender, worker: str = "a") -> AsyncIterator[asyncio.Task[None]]:
        """A process of the senders; stopped at the end unless it was before."""
        async with self.edges(worker) as edges:
            senders = Senders(
                edges,
                {MAIL: sender},
                clock=lambda: datetime.now(UTC),
                counters=Counters(),
                paces={MAIL: QUICK},
            )
            task = asyncio.create_task(senders.run())
            try:
                yield task
            finally:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def lag(self) -> int:
        """What `kafka-consumer-groups` would show for the senders."""
        where = TopicPartition(f"{self.namespace}.{MESSAGES_OUTBOUND}", 0)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.cluster.bootstrap,
            group_id=f"{self.namespace}.senders",
            enable_auto_commit=False,
        )
        await consumer.start()
        try:
            consumer.assign([where])
            done = await consumer.committed(where) or 0
            return int((await consumer.end_offsets([where]))[where]) - int(done)
        finally:
            await consumer.stop()


@pytest.fixture
async def installation(kafka: brokers.Cluster | External) -> AsyncIterator[Installation]:
    """An empty namespace."""
    made = Installation(kafka.bootstrap)
    yield made
    await made.log.close()


async def test_what_is_sent_is_acknowledged_and_shows_no_lag(installation: Installation) -> None:
    """One receipt a message; a tool that looks at the group sees that all is done."""
    sender = ScriptedSender()
    await submit(installation.log, *[outbound(number) for number in range(30)])
    async with installation.sending(sender):
        told = await receipts(installation.log, 30)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await installation.lag():
                pass
    assert sorted(one.message for one in told) == sorted(f"m-{number}" for number in range(30))
    assert sorted(one.id for one in sender.sent) == sorted({one.id for one in sender.sent})


async def test_a_stopped_process_is_followed_by_the_one_that_waits(
    installation: Installation,
) -> None:
    """It takes over at once, and what was done is not done again."""
    first, second = ScriptedSender(), ScriptedSender()
    async with installation.sending(second, "b") as waiting:
        async with installation.sending(first, "a") as working:
            await submit(installation.log, outbound(1), outbound(2))
            await receipts(installation.log, 2)
            assert not working.done()
            assert not waiting.done()
            assert len(first.sent) + len(second.sent) == 2
        await submit(installation.log, outbound(3))
        told = await receipts(installation.log, 3)
        assert not waiting.done()
    assert sorted(one.message for one in told) == ["m-1", "m-2", "m-3"]
    assert sorted(one.id for one in [*first.sent, *second.sent]) == ["m-1", "m-2", "m-3"]


async def test_who_was_fenced_sends_nothing_and_comes_back(installation: Installation) -> None:
    """Somebody opened the ledger meanwhile: what was read comes again, and is sent once."""
    sender = ScriptedSender()
    async with installation.sending(sender) as task:
        await submit(installation.log, outbound(1))
        await receipts(installation.log, 1)
        thief = await installation.log.open_shard("senders", 0, ())
        await submit(installation.log, outbound(2))
        told = await receipts(installation.log, 2)
        await thief.close()
        assert not task.done()
    assert [one.id for one in sender.sent] == ["m-1", "m-2"]
    assert [one.message for one in told] == ["m-1", "m-2"]


async def test_what_no_sender_can_read_is_a_dead_letter_and_the_next_goes_out(
    installation: Installation,
) -> None:
    """Also a record whose headers are no text, at which FastStream's own parser would fail."""
    sender = ScriptedSender()
    await submit(installation.log, outbound(1))
    producer = installation.cluster.producer()
    await producer.start()
    topic = f"{installation.namespace}.{MESSAGES_OUTBOUND}"
    await producer.send_and_wait(topic, b"\xff no json", headers=[("ce_id", b"\xff\xfe")])
    await producer.stop()
    await submit(installation.log, outbound(2))
    async with installation.sending(sender):
        told = await receipts(installation.log, 2)
        letter = decode(DeadLetter, (await stored(installation.log, DEADLETTER, 1))[0])
    assert [one.message for one in told] == ["m-1", "m-2"]
    assert base64.b64decode(letter.value_base64 or "") == b"\xff no json"
    assert letter.origin.topic == MESSAGES_OUTBOUND


async def test_a_batch_that_is_not_done_with_comes_again(installation: Installation) -> None:
    """Read, and then neither committed nor acknowledged: nothing of it is lost."""
    source = Source(MESSAGES_OUTBOUND, 0)
    await submit(installation.log, outbound(1), outbound(2))
    for _ in range(2):
        async with installation.edges() as edges:
            shard = await edges.open_shard("senders", 0, [source])
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not (batch := await shard.poll(100, 0.5)).records:
                    pass
            await shard.close()
        assert [one.envelope.id for one in batch.records] == ["m-1", "m-2"]


async def test_a_client_that_is_stuck_is_noticed_and_replaced(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its fetching has ended for no reason that it told: what is stored is read by the next one."""
    monkeypatch.setattr(stream_reading, "LOOK_SECONDS", 0.2)
    sender = ScriptedSender()
    consumers = []
    original = stream_reading.Reading.start

    async def start(self: stream_reading.Reading) -> None:
        await original(self)
        consumers.append(self._subscriber.consumer)

    monkeypatch.setattr(stream_reading.Reading, "start", start)
    async with installation.sending(sender) as task:
        await submit(installation.log, outbound(1))
        await receipts(installation.log, 1)
        assert consumers[0] is not None
        fetcher = consumers[0]._fetcher
        fetcher._fetch_task.cancel()
        await until(lambda: all(task.done() for task in fetcher._pending_tasks))
        await submit(installation.log, outbound(2))
        told = await receipts(installation.log, 2)
        assert not task.done()
    assert len(consumers) == 2
    assert [one.message for one in told] == ["m-1", "m-2"]


async def test_publishing_goes_on_when_the_broker_is_back(
    new_kafka: Callable[..., brokers.Cluster],
) -> None:
    """What was refused meanwhile was said to be; each message that was confirmed is stored."""
    async with new_kafka() as kafka:
        made = Installation(kafka.bootstrap)
        confirmed: list[str] = []

        async def publish(log: Log, name: str) -> None:
            envelope = Envelope(name, "request.received", "test", datetime.now(UTC))
            await log.publish([Message("requests.inbound", "k", b"{}", envelope)])
            confirmed.append(name)

        async with made.edges() as edges:
            await publish(edges, "before")
            await kafka.kill(1)
            with pytest.raises(Unavailable):
                await publish(edges, "meanwhile")
            await kafka.start_broker(1)
            async with asyncio.timeout(PATIENCE_SECONDS):
                while "after" not in confirmed:
                    with suppress(Unavailable):
                        await publish(edges, "after")
            assert len(await stored(made.log, "requests.inbound", 2)) >= 2
        await made.log.close()
    assert confirmed == ["before", "after"]
