"""A cluster with TLS, SASL and a list of rights: each part of us does with what the docs name.

The rights are those of the table in `docs/operations/kafka.md`.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from channels.errors import SwitchboardError, Unavailable
from channels.identity import request_id
from channels.request import CustomerRequest, Sender
from router import bootstrap
from router.edges.intake import request_message
from router.edges.stream import streamed
from router.kafka_cluster import cluster
from router.log.kafka import KafkaLog
from router.log.protocol import Commit, Source
from router.settings import Config, load
from router.topics import MESSAGES_OUTBOUND, TICKETS_EVENTS, Partitions
from tests.integration.kafka_workers import RULEBOOK
from tests.kafka.cluster import Cluster
from tests.kafka.secured import (
    GROUP,
    MECHANISMS,
    PASSWORD,
    TOPIC,
    TRANSACTIONAL_ID,
    Right,
    Secured,
    token,
)
from tests.recording import NOON

pytestmark = [pytest.mark.kafka, pytest.mark.services, pytest.mark.xdist_group("kafka")]

SPACE = "secure."
RIGHTS = (
    Right("apply", TOPIC, SPACE, "Create Describe DescribeConfigs AlterConfigs"),
    Right("router", TOPIC, SPACE, "Read Write"),
    Right("router", TRANSACTIONAL_ID, SPACE, "Write"),
    Right("router", GROUP, SPACE, "Read"),
    Right("edges", TOPIC, f"{SPACE}requests.inbound", "Write"),
    Right("edges", TOPIC, f"{SPACE}deadletter", "Write"),
    Right("edges", TOPIC, f"{SPACE}operations", "Write"),
    Right("edges", TOPIC, f"{SPACE}messages.receipts", "Write"),
    Right("edges", TOPIC, f"{SPACE}messages.outbound", "Read"),
    Right("edges", TOPIC, f"{SPACE}rulebook", "Read"),
    Right("edges", TOPIC, f"{SPACE}clock", "Read Write"),
    Right("edges", TOPIC, f"{SPACE}state.senders", "Read Write"),
    Right("edges", TRANSACTIONAL_ID, f"{SPACE}senders.", "Write"),
    Right("edges", GROUP, f"{SPACE}senders", "Read"),
    Right("desktop", TOPIC, f"{SPACE}agent.queue.", "Read"),
    Right("desktop", TOPIC, f"{SPACE}tickets.events", "Read"),
    Right("desktop", TOPIC, f"{SPACE}clock", "Read"),
    Right("desktop", TOPIC, f"{SPACE}agent.commands", "Write"),
)
USERS = ("apply", "router", "edges", "desktop")
PATIENCE_SECONDS = 40


class World:
    """The cluster, and config folders for its users."""

    def __init__(self, kafka: Secured, folder: Path) -> None:
        self.kafka = kafka
        self._folder = folder

    def config(
        self, user: str, mechanism: str = "SCRAM-SHA-512", password: str = PASSWORD
    ) -> Config:
        """The settings of a process that is `user`."""
        folder = self._folder / f"{user}-{mechanism}-{password}"
        (folder / "rulebook").mkdir(parents=True, exist_ok=True)
        (folder / "rulebook" / "rules.yaml").write_text(RULEBOOK)
        (folder / "token").write_text(token(user))
        sasl: dict[str, str] = {"mechanism": mechanism}
        if mechanism == "OAUTHBEARER":
            sasl["token"] = "file:token"
        else:
            (folder / "password").write_text(password)
            sasl |= {"username": user, "password": "file:password"}
        settings = {
            "namespace": SPACE.rstrip("."),
            "log": f"kafka://{self.kafka.bootstrap}",
            "kafka": {
                "replication": 1, "tls": {"authority": str(self.kafka.authority)}, "sasl": sasl,
            },
        }  # fmt: skip
        (folder / "switchboard.yaml").write_text(yaml.safe_dump(settings))
        return load(folder)

    def log(
        self, user: str, mechanism: str = "SCRAM-SHA-512", password: str = PASSWORD
    ) -> KafkaLog:
        """The log as that process has it."""
        config = self.config(user, mechanism, password)
        made = cluster(config, config.settings.log)
        return KafkaLog(made, config.settings.namespace, Partitions(1, 1))


async def queued(log: KafkaLog) -> str:
    """The ticket of the first event that a desktop sees in its queue."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for delivery in log.subscribe(["agent.queue.billing"], None, from_start=True):
            for record in delivery.records:
                return record.key
    raise AssertionError("a subscription does not end")


REQUEST = request_message(
    CustomerRequest(
        id=request_id("sms", "shop", "m1"),
        channel="sms",
        account="shop",
        external_id="m1",
        sender=Sender(address="+8613900000001"),
        text="hello",
        received_at=NOON,
    )
)


async def test_each_part_does_with_its_own_rights_and_may_nothing_else(
    new_kafka: Callable[..., Cluster], tmp_path: Path
) -> None:
    """From a request to its queue event, each by a user of its own."""
    async with Secured(new_kafka, tmp_path, USERS) as kafka:
        world = World(kafka, tmp_path)
        await kafka.allow(RIGHTS)
        applying = world.log("apply")
        assert await applying.apply(["billing", "orders", "rescue"])
        await applying.close()
        async with bootstrap.running(world.config("router"), frozenset({"router"})):
            await _edges_publish_and_read(world)
            desktop = world.log("desktop")
            assert await queued(desktop)
            with pytest.raises(SwitchboardError, match="does not allow"):
                await desktop.publish([REQUEST])
            await desktop.close()
        await _every_mechanism_works(world)
        await _who_is_not_known_is_told(world)


async def _edges_publish_and_read(world: World) -> None:
    """As sources and senders do, through FastStream."""
    log = world.log("edges")
    async with streamed(log, "a") as edges:
        await edges.publish([REQUEST])
        shard = await edges.open_shard("senders", 0, [Source(MESSAGES_OUTBOUND, 0)])
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (batch := await shard.poll(10, 0.5)).records:
                pass
        last = batch.records[-1]
        await shard.commit(Commit([], {"m1": b"{}"}, {Source(last.topic, 0): last.offset}))
        await shard.close()
    with pytest.raises(SwitchboardError):
        async for _ in log.subscribe([TICKETS_EVENTS], None, from_start=True):
            pass
    await log.close()


async def _every_mechanism_works(world: World) -> None:
    for mechanism in MECHANISMS:
        log = world.log("router", mechanism)
        await log.now()
        async with streamed(log, "a") as edges:
            await edges.publish([REQUEST])
        await log.close()


async def _who_is_not_known_is_told(world: World) -> None:
    log = world.log("router", "PLAIN", "wrong")
    with pytest.raises(SwitchboardError, match="a wrong password"):
        await log.now()
    await log.close()
    config = world.config("router", "SCRAM-SHA-256")
    plaintext = KafkaLog(
        cluster(load(_without_security(config)), config.settings.log), "secure", Partitions(1, 1)
    )
    with pytest.raises(Unavailable):
        await plaintext.now()
    await plaintext.close()


def _without_security(config: Config) -> Path:
    folder = config.folder / "plain"
    folder.mkdir()
    (folder / "switchboard.yaml").write_text(f"log: {config.settings.log}\n")
    return folder
