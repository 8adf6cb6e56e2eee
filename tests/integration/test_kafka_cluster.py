"""The real Kafka of the tests: it serves, keeps what it confirmed, and can be hurt as promised."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.kafka.broker import DidNotStart
from tests.kafka.cluster import Cluster
from tests.kafka.fixtures import External
from tests.kafka.ports import LOOPBACK

pytestmark = [pytest.mark.kafka, pytest.mark.services, pytest.mark.xdist_group("kafka")]

PATIENCE_SECONDS = 60
LOG_APPEND_TIME = 1


@asynccontextmanager
async def administering(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client, closed at the end."""
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def created(bootstrap: str, copies: int = 1) -> str:
    """A new topic with one partition."""
    topic = f"test-{uuid4().hex}"
    async with administering(bootstrap) as client:
        await client.create_topics([NewTopic(topic, 1, copies)])
    return topic


@asynccontextmanager
async def producing(bootstrap: str, **options: object) -> AsyncIterator[AIOKafkaProducer]:
    """A producer that waits for all copies."""
    options = {"acks": "all", "enable_idempotence": True} | options
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, **options) as producer:
        yield producer


async def stored(bootstrap: str, topic: str, count: int) -> list[bytes]:
    """The first records that are committed, so many; waits for them."""
    values: list[bytes] = []
    async with AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    ) as consumer:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(values) < count:
                record = await consumer.getone()
                assert record.timestamp_type == LOG_APPEND_TIME, "the broker's clock is the log's"
                values.append(record.value)
    return values


async def test_what_is_produced_is_consumed(kafka: Cluster | External) -> None:
    """In order, under the broker's own time."""
    topic = await created(kafka.bootstrap)
    async with producing(kafka.bootstrap) as producer:
        for value in (b"a", b"b", b"c"):
            await producer.send_and_wait(topic, value)
    assert await stored(kafka.bootstrap, topic, 3) == [b"a", b"b", b"c"]


async def test_a_transaction_is_seen_as_a_whole_or_not_at_all(kafka: Cluster | External) -> None:
    """The aborted one leaves nothing to those who read what is committed."""
    topic = await created(kafka.bootstrap)
    identity = f"test-{uuid4().hex}"
    async with producing(kafka.bootstrap, transactional_id=identity) as producer:
        async with producer.transaction():
            await producer.send_and_wait(topic, b"committed")
        await producer.begin_transaction()
        await producer.send_and_wait(topic, b"aborted")
        await producer.abort_transaction()
        async with producer.transaction():
            await producer.send_and_wait(topic, b"committed too")
    assert await stored(kafka.bootstrap, topic, 2) == [b"committed", b"committed too"]


class Forwarder:
    """The simplest proxy: passes everything on, until it is stopped."""

    def __init__(self, listening: int, server: int) -> None:
        self._listening = listening
        self._server = server
        self._tasks: set[asyncio.Task[None]] = set()
        self.connections = 0

    async def start(self) -> None:
        """Listen."""
        self._listener = await asyncio.start_server(self._serve, LOOPBACK, self._listening)

    async def stop(self) -> None:
        """Hang up on everybody."""
        self._listener.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        upstream, downstream = await asyncio.open_connection(LOOPBACK, self._server)
        try:
            await asyncio.gather(_pass(reader, downstream), _pass(upstream, writer))
        finally:
            writer.close()
            downstream.close()
            self._tasks.discard(task)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def test_who_comes_through_a_proxy_stays_behind_it(proxied_kafka: Cluster) -> None:
    """The broker names the proxy's address to them; without the proxy they reach nobody."""
    topic = await created(proxied_kafka.bootstrap)
    advertised = proxied_kafka.advertised_proxy_port(1)
    proxy = Forwarder(advertised, proxied_kafka.proxied_port(1))
    await proxy.start()
    try:
        async with producing(f"{LOOPBACK}:{advertised}") as producer:
            await producer.send_and_wait(topic, b"through")
            assert proxy.connections >= 2, "one to bootstrap, one to the address it was told"
            await proxy.stop()
            sending = await producer.send(topic, b"later")
            done, _ = await asyncio.wait([sending], timeout=0.5)
            assert not done
            await proxy.start()
            async with asyncio.timeout(PATIENCE_SECONDS):
                await sending
    finally:
        await proxy.stop()
    assert await stored(proxied_kafka.bootstrap, topic, 2) == [b"through", b"later"]


async def test_a_paused_broker_answers_once_it_is_resumed(proxied_kafka: Cluster) -> None:
    """Until then it is silent, and its connections stay."""
    topic = await created(proxied_kafka.bootstrap)
    async with producing(proxied_kafka.bootstrap) as producer:
        await producer.send_and_wait(topic, b"before")
        await proxied_kafka.pause(1)
        try:
            sending = await producer.send(topic, b"meanwhile")
            done, _ = await asyncio.wait([sending], timeout=0.5)
            assert not done
        finally:
            await proxied_kafka.resume(1)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await sending
    assert await stored(proxied_kafka.bootstrap, topic, 2) == [b"before", b"meanwhile"]


async def test_a_killed_broker_comes_back_with_what_it_confirmed(
    new_kafka: Callable[..., Cluster],
) -> None:
    """On the same ports, so that clients find it without being told."""
    async with new_kafka() as kafka:
        topic = await created(kafka.bootstrap)
        async with producing(kafka.bootstrap) as producer:
            await producer.send_and_wait(topic, b"before")
            await kafka.kill(1)
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(LOOPBACK, kafka.port(1))
            await kafka.start_broker(1)
            async with asyncio.timeout(PATIENCE_SECONDS):
                await producer.send_and_wait(topic, b"after")
        assert await stored(kafka.bootstrap, topic, 2) == [b"before", b"after"]


async def test_any_one_of_three_brokers_can_go(new_kafka: Callable[..., Cluster]) -> None:
    """The first too: with a copy on each, what two have is confirmed, and the third catches up."""
    async with new_kafka(3) as kafka:
        topic = await created(kafka.bootstrap, copies=3)
        async with producing(kafka.bootstrap, transactional_id="test") as producer:
            for value in (b"a", b"b", b"c"):
                async with producer.transaction():
                    await producer.send_and_wait(topic, value)
                if value == b"a":
                    await kafka.kill(1)
                if value == b"b":
                    await kafka.start_broker(1)
        assert await stored(kafka.bootstrap, topic, 3) == [b"a", b"b", b"c"]
        async with administering(kafka.bootstrap) as client:
            (description,) = await client.describe_topics([topic])
        assert sorted(description["partitions"][0]["replicas"]) == [1, 2, 3]


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"process.roles": "spectator"}, "spectator"),
        ({"authorizer.class.name": "no.such.Authorizer"}, r"no\.such\.Authorizer"),
    ],
    ids=["refused-when-formatted", "refused-when-started"],
)
async def test_settings_that_kafka_refuses_are_told_with_its_own_words(
    new_kafka: Callable[..., Cluster], properties: dict[str, str], reason: str
) -> None:
    """At once, from its log, and nothing runs on."""
    cluster = new_kafka(properties=properties)
    with pytest.raises(DidNotStart, match=reason):
        await cluster.start()


def run(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """These tests in a pytest of their own, started in the same place."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options, __file__],
        env=os.environ | environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )


async def test_a_kafka_that_is_given_is_used_and_left_alone(proxied_kafka: Cluster) -> None:
    """What needs to kill it, or a proxy before it, is skipped and says why."""
    chosen = ("-k", "produced_is_consumed or comes_back")
    ran = await asyncio.to_thread(run, *chosen, KAFKA_BOOTSTRAP=proxied_kafka.bootstrap)
    assert ran.returncode == 0, ran.stdout
    assert "1 passed, 1 skipped" in ran.stdout
    assert "not ours to kill or to put a proxy before: did NOT run" in ran.stdout


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("true", 1)], ids=["at-home", "in-CI"])
async def test_without_a_kafka_nothing_passes_in_silence(
    tmp_path: Path, ci: str, code: int
) -> None:
    """Skipped with the reason and the remedy; in CI a failure."""
    nothing = {"PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "KAFKA_BOOTSTRAP": ""}
    ran = await asyncio.to_thread(run, "-k", "produced_is_consumed", CI=ci, **nothing)
    assert ran.returncode == code, ran.stdout
    assert "these checks did NOT run" in ran.stdout
    assert "run scripts/setup-test-services" in ran.stdout
